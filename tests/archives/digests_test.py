"""Archives whose files do not belong together: refused, with the file and the tensor by name."""

import json
import logging
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference import Tagger
from ner_adv_plugin.runs.train_job import train_model
from tests.archives.crafting import Refused, packed, with_pickled
from tests.tiny import assert_same_weights, single_task_config, weights, write_config

Contents = dict[str, bytes]
Lines = list[bytes]
SENTENCES = [{"sentence": text} for text in ("我在北京大学见到了王小明", "下雨了", "😀a b　")]


def lines_of(content: bytes) -> Lines:
    return content.splitlines(keepends=True)


CHANGES: dict[str, Callable[[Lines], Lines]] = {
    "reordered": lambda lines: [*lines[:2], *reversed(lines[2:])],
    "doubled": lambda lines: [*lines, lines[-1]],
    "truncated": lambda lines: lines[:-1],
    "cut within a line": lambda lines: [*lines[:-1], lines[-1][:1]],
    "of another model": lambda lines: [b'"\\u4e00%d"\n' % i for i in range(len(lines))],
    "empty": lambda lines: [],
}
FILES = ("characters.txt", "weibo_types.txt", "msra_types.txt", "msr_words.txt", "domains.txt")


def changed(content: bytes, change: str, name: str) -> bytes:
    lines = lines_of(content)
    if change == "reordered" and name != "characters.txt":
        return b"".join(reversed(lines))
    return b"".join(CHANGES[change](lines))


def unbound(contents: Contents) -> Contents:
    """Return the contents as those of an archive of format 2."""
    meta = json.loads(contents["meta.json"])
    del meta["digests"]
    return {**contents, "meta.json": json.dumps({**meta, "archive_format": 2}).encode()}


def with_weights(contents: Contents, folder: Path, state: Any) -> Contents:
    torch.save(state, folder / "changed")
    return with_pickled(contents, (folder / "changed").read_bytes())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FILES)
def test_another_vocabulary_is_refused(
    refused: Refused, contents: Contents, name: str, change: str
) -> None:
    file = f"vocabulary/{name}"
    spoilt = {**contents, file: changed(contents[file], change, name)}
    message = refused(packed(spoilt, seal=False), load_archive)
    assert f"crafted.tar.gz: {file} is not the file that belongs to this model" in message


@pytest.mark.parametrize(
    ("name", "change"),
    # Types of the same number in the same order cannot be told apart without digests.
    [(n, c) for n in FILES[:3] for c in CHANGES if "types" not in n or c != "of another model"],
)
def test_another_vocabulary_is_refused_without_digests(
    refused: Refused, contents: Contents, name: str, change: str
) -> None:
    file = f"vocabulary/{name}"
    spoilt = {**unbound(contents), file: changed(contents[file], change, name)}
    message = refused(packed(spoilt), load_archive)
    if name == "characters.txt":
        assert "characters.txt" in message or "encoder.embedding.weight has shape" in message
    elif change in ("truncated", "empty"):
        # The number of types is the size of a head.
        assert "weights.safetensors does not hold the weights of this model: heads." in message
    else:
        assert name.removesuffix(".txt") in message or change == "cut within a line"


@pytest.mark.parametrize("name", ["vocabulary/weibo_types.txt", "vocabulary/datasets.json"])
def test_a_missing_file_is_named(refused: Refused, contents: Contents, name: str) -> None:
    fewer = {file: content for file, content in contents.items() if file != name}
    message = refused(packed(fewer, seal=False), load_archive)
    assert f"crafted.tar.gz: {name} is missing: meta.json lists it" in message


@pytest.mark.parametrize("name", ["vocabulary/new_types.txt", "fta/more.txt"])
def test_an_added_file_is_named(refused: Refused, contents: Contents, name: str) -> None:
    message = refused(packed({**contents, name: b""}, seal=False), load_archive)
    assert f"crafted.tar.gz: {name} does not belong to this model" in message


def test_another_config_is_refused(refused: Refused, contents: Contents) -> None:
    config = json.loads(contents["config.json"])
    config["model"]["head"]["dropout"] = 0.2
    spoilt = {**contents, "config.json": json.dumps(config).encode()}
    message = refused(packed(spoilt, seal=False), load_archive)
    assert "config.json is not the file that belongs to this model" in message
    assert message.endswith("(`--overrides` changes keys)")


def test_digests_cannot_be_left_out(refused: Refused, contents: Contents) -> None:
    meta = json.loads(contents["meta.json"])
    for digests in (None, [], {"config.json": 1}, {}):
        spoilt = {**contents, "meta.json": json.dumps({**meta, "digests": digests}).encode()}
        message = refused(packed(spoilt, seal=False), load_archive)
        assert "digests" in message or "meta.json does not list it" in message


def test_an_archive_without_digests_predicts_the_same_and_says_so_once(
    contents: Contents, tiny_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = tmp_path / "old.tar.gz"
    old.write_bytes(packed(unbound(contents)))
    with caplog.at_level(logging.WARNING):
        answers = Tagger(load_archive(old)).predict_batch_json(SENTENCES)
        load_archive(old)
    (warning,) = [r.getMessage() for r in caplog.records if "no digests" in r.getMessage()]
    assert warning.startswith(f"{old}: ")
    assert answers == Tagger(load_archive(tiny_run / "model.tar.gz")).predict_batch_json(SENTENCES)


def test_domains_and_tasks_must_fit_without_digests(refused: Refused, contents: Contents) -> None:
    file = "vocabulary/datasets.json"
    datasets = json.loads(contents[file])
    for change, expected in (
        ({"domain": "law"}, 'domains.txt lacks "law", the domain of dataset "weibo"'),
        ({"task": "segmentation"}, 'weibo_types.txt: head "weibo" finds words: expected one empty'),
        ({"head": "msra"}, "datasets.readers.weibo: the vocabulary says that its head is msra"),
    ):
        spoilt = {**datasets, "weibo": {**datasets["weibo"], **change}}
        message = refused(
            packed({**unbound(contents), file: json.dumps(spoilt).encode()}), load_archive
        )
        assert expected.removeprefix("datasets.") in message
    other = {name.replace("weibo", "wiebo"): space for name, space in datasets.items()}
    message = refused(packed({**unbound(contents), file: json.dumps(other).encode()}), load_archive)
    assert 'the vocabulary has no dataset "weibo". Its datasets: wiebo, msra, msr.' in message


def spoilt_states(state: dict[str, torch.Tensor]) -> list[tuple[dict[str, Any], str]]:
    name = "encoder.embedding.weight"
    weight = state[name]
    nan, infinite = weight.clone(), weight.clone()
    nan[3, 2] = nan[0, 0] = float("nan")
    infinite[5, 1] = -float("inf")
    values: list[tuple[Any, str]] = [
        (nan, "holds 2 values that are NaN or infinite, expected finite numbers"),
        (infinite, "holds 1 values that are NaN or infinite"),
        (weight.to(torch.complex64), "holds complex64, expected float32"),
        (weight.long(), "holds int64, expected float32"),
        (weight.bool(), "holds bool, expected float32"),
        (weight[:-1].clone(), f"has shape {tuple(weight[:-1].shape)}, expected"),
        (weight.T.clone(), f"has shape {tuple(weight.T.shape)}, expected {tuple(weight.shape)}"),
        (weight.to_sparse(), "is not a plain tensor"),
        ([1.0], "is not a tensor but list"),
    ]
    changes = [({**state, name: value}, f"{name} {told}") for value, told in values]
    head = "heads.weibo.temperature"
    return [
        *changes,
        ({**state, head: torch.ones(2)}, f"{head} has shape (2,), expected ()"),
        ({key: state[key] for key in state if key != name}, f"{name} is missing, expected shape"),
        ({**state, "encoder.extra": weight}, "the model has no encoder.extra"),
        ({**state, "encoder.embedding.bias": weight}, "the model has no encoder.embedding.bias"),
    ]


@pytest.mark.parametrize("number", range(13))
@pytest.mark.parametrize("heads", [None, []])
def test_wrong_weights_are_refused_by_name(
    refused: Refused, contents: Contents, tiny_run: Path, tmp_path: Path, number: int, heads: Any
) -> None:
    state, expected = spoilt_states(weights(tiny_run / "best.th"))[number]
    for start in (contents, unbound(contents)):
        spoilt = with_weights(start, tmp_path, state)
        message = refused(packed(spoilt), lambda path: load_archive(path, only_heads=heads))
        assert "crafted.tar.gz: weights.th does not hold the weights of this model: " in message
        assert expected in message
    # The same file beside a sound archive.
    with pytest.raises(UserError) as caught:
        load_archive(tiny_run, weights_file=str(tmp_path / "changed"), only_heads=heads)
    assert expected in str(caught.value)


def test_weights_of_another_archive_are_refused(
    refused: Refused, contents: Contents, tiny_run: Path, tmp_path: Path
) -> None:
    state = weights(tiny_run / "best.th")
    other = {**contents, "weights.safetensors": save({n: v + 1 for n, v in state.items()})}
    message = refused(packed(other, seal=False), load_archive)
    assert "weights.safetensors is not the file that belongs to this model" in message


def test_archives_of_earlier_formats_are_opened(
    contents: Contents, tiny_run: Path, tmp_path: Path
) -> None:
    state = weights(tiny_run / "best.th")
    old = with_weights(contents, tmp_path, state)
    meta = {**json.loads(old["meta.json"]), "archive_format": 3}
    for number, crafted in (
        (2, unbound(old)),
        (3, {**old, "meta.json": json.dumps(meta).encode()}),
    ):
        path = tmp_path / f"format_{number}.tar.gz"
        path.write_bytes(packed(crafted))
        found = load_archive(path).model.state_dict()
        assert all(torch.equal(found[name], state[name]) for name in state)


def test_weights_in_half_precision_are_accepted(tiny_run: Path, tmp_path: Path) -> None:
    state = weights(tiny_run / "best.th")
    torch.save(
        {n: v.half() if v.is_floating_point() else v for n, v in state.items()}, tmp_path / "half"
    )
    model = load_archive(tiny_run, weights_file=str(tmp_path / "half")).model
    assert model.state_dict()["encoder.embedding.weight"].dtype is torch.float32


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of a run."""
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def failing(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the only line that a failing command prints."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_commands_refuse_another_vocabulary(
    run: Path, tmp_path: Path, fixture_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "vocabulary" / "weibo_types.txt"
    file.write_bytes(b"".join(reversed(lines_of(file.read_bytes()))))
    archive = tmp_path / "spoilt.tar.gz"
    with tarfile.open(run / "model.tar.gz") as packed_run:
        packed_run.extractall(tmp_path / "whole", filter="data")
    shutil.copy(file, tmp_path / "whole" / "vocabulary")
    with tarfile.open(archive, "w:gz") as spoilt:
        for path in sorted((tmp_path / "whole").iterdir()):
            spoilt.add(path, path.name)
    (tmp_path / "in.jsonl").write_text('{"sentence": "北京"}\n', encoding="utf-8")
    corpus = str(fixture_data / "weibo" / "weiboNER_2nd_conll.dev")

    for path in (run, archive):
        expected = f"error: {path}: vocabulary/weibo_types.txt is not the file that belongs to"
        for command in (
            ["predict", str(path), str(tmp_path / "in.jsonl")],
            ["evaluate", str(path), corpus],
            ["select", str(path), str(tmp_path / "in.jsonl")],
            ["diff", str(path), str(path)],
        ):
            assert failing(capsys, *command).startswith(expected)
        vocabulary = path / "vocabulary" if path == run else path
        with pytest.raises(ConfigurationError) as caught:
            Vocabulary.from_files(vocabulary)
        assert f"{vocabulary}: vocabulary/weibo_types.txt is not the file" in str(caught.value)


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    train_model(single_task_config(trainer__num_epochs=2), tmp_path / "small")
    return tmp_path / "small"


def test_recover_refuses_other_data_and_wrong_weights(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = single_task_config(trainer__num_epochs=2)
    corpus = tmp_path / "corpus"
    shutil.copy(config["train_data_path"], corpus)
    path = write_config(tmp_path / "config.json", {**config, "train_data_path": str(corpus)})
    recover = ["train", path, "-s", str(tmp_path / "run"), "--recover"]
    main(recover)
    best = tmp_path / "run" / "best.th"
    shutil.copy(best, tmp_path / "best.th")
    main(recover)
    assert_same_weights(best, tmp_path / "best.th")

    text = corpus.read_text(encoding="utf-8")
    corpus.write_text(text.replace("PER", "PRE", 1), encoding="utf-8")
    told = failing(capsys, *recover)
    assert f"--recover: the content of {corpus} is not that with which the run started" in told
    corpus.write_text(text, encoding="utf-8")
    main(recover)

    (checkpoint,) = (tmp_path / "run" / "checkpoints").glob("model_state_e2*")
    state = weights(checkpoint)
    state["encoder.embedding.weight"][4] = float("nan")
    torch.save(state, checkpoint)
    told = failing(capsys, *recover)
    assert "encoder.embedding.weight holds 24 values that are NaN or infinite" in told
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    assert f"{checkpoint} is not a file of weights only" in failing(capsys, *recover)


def test_a_run_and_its_archive_hold_digests(tiny_run: Path, contents: Contents) -> None:
    of_run = json.loads((tiny_run / "meta.json").read_text(encoding="utf-8"))["digests"]
    of_archive = json.loads(contents["meta.json"])["digests"]
    assert set(of_archive) == set(contents) - {"meta.json"}
    assert of_run == {
        name: value for name, value in of_archive.items() if name.startswith("vocabulary/")
    }
