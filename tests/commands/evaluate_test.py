"""`allennlp evaluate`."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from ner_adv_plugin.commands import evaluate as command
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from tests.commands.conftest import Run
from tests.tiny import DATA, weights

DEV = str(DATA / "weibo" / "weiboNER_2nd_conll.dev")
MSRA = str(DATA / "msra" / "test.bio")
MSR = str(DATA / "msr" / "msr_test_gold.utf8")
BIO = get_scheme("BIO")


def scores(result: Any) -> dict[str, float]:
    assert result.status == 0, result.err
    metrics: dict[str, float] = json.loads(result.out)
    return metrics


def lines_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").split("\n")[:-1]]


def span_of(entity: dict[str, Any]) -> Span:
    return Span(entity["start"], entity["end"], entity["type"])


def test_the_target_head_on_its_corpus(run: Run, tiny_run: Path) -> None:
    found = scores(run("evaluate", tiny_run / "model.tar.gz", DEV))
    metrics = json.loads((tiny_run / "metrics.json").read_text(encoding="utf-8"))
    assert 0.0 < found.pop("weibo_ece") < 1.0
    # The sentences, readers and weights are those of the end of training.
    assert found == {
        name.removeprefix("best_validation_"): value
        for name, value in metrics.items()
        if name.startswith("best_validation_")
    }


def test_scores_of_a_training_file_are_no_estimate(
    run: Run, tiny_run: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "renamed.txt"
    train = DATA / "weibo" / "weiboNER_2nd_conll.train"
    copied.write_bytes(train.read_bytes())
    for archive in (tiny_run, tiny_run / "model.tar.gz"):
        result = run("evaluate", archive, copied)
        assert result.status == 0
        assert f"{copied} is what the model was trained on ({train})" in result.err
        assert "trained on" not in run("evaluate", archive, DEV).err


def test_another_head(run: Run, tiny_run: Path) -> None:
    found = scores(run("evaluate", tiny_run, MSRA, "--multitask-head", "msra"))
    assert {"msra_f1", "msra_loss", "loss"} <= set(found) and not any(
        "weibo" in name for name in found
    )
    result = run("evaluate", tiny_run, MSRA, "--multitask-head", "msar")
    assert result.status == 2 and 'no head "msar"' in result.err


def test_several_datasets(run: Run, tiny_run: Path) -> None:
    found = scores(run("evaluate", tiny_run, json.dumps({"weibo": DEV, "msr": MSR})))
    alone = [
        scores(run("evaluate", tiny_run, *flags))
        for flags in ([DEV], [MSR, "--multitask-head", "msr"])
    ]
    assert found == {
        **alone[0],
        **alone[1],
        "loss": pytest.approx(alone[0]["loss"] + alone[1]["loss"]),
    }


def test_the_archive_is_extracted_once(
    run: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    mkdtemp = tempfile.mkdtemp

    def counted(*args: Any, **kwargs: Any) -> str:
        made.append(mkdtemp(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", counted)
    scores(run("evaluate", tiny_run / "model.tar.gz", json.dumps({"weibo": DEV, "msr": MSR})))
    assert len(made) == 1 and not Path(made[0]).exists()


def test_output_file(run: Run, tiny_run: Path) -> None:
    found = scores(run("evaluate", tiny_run, DEV, "--output-file", "out/metrics.json"))
    assert json.loads(Path("out/metrics.json").read_text(encoding="utf-8")) == found


def test_the_written_predictions_are_scored(run: Run, tiny_run: Path) -> None:
    paths = json.dumps({"weibo": DEV, "msr": MSR})
    found = scores(
        run("evaluate", tiny_run, paths, "--predictions-output-file", "predictions.jsonl")
    )
    lines = lines_of("predictions.jsonl")
    weibo = [line for line in lines if line["dataset"] == "weibo"]
    gold = [
        BIO.tags([span_of(e) for e in line["gold_entities"]], len(line["sentence"]))
        for line in weibo
    ]
    tags = [line["tags"] for line in weibo]
    assert found["weibo_f1"] == pytest.approx(
        f1_score(gold, tags, mode="strict", scheme=IOB2), abs=1e-12
    )
    assert {"sentence", "entities", "tags", "head", "dataset", "gold_entities"} == set(weibo[0])
    for line in weibo:
        assert line["tags"] == BIO.tags(
            [span_of(e) for e in line["entities"]], len(line["sentence"])
        )
    words = [line for line in lines if line["dataset"] == "msr"]
    assert {"sentence", "words", "tags", "head", "dataset", "gold_words"} == set(words[0])
    for name in ("words", "gold_words"):
        assert all("".join(line[name]) == line["sentence"] for line in words)
    texts = DATA.joinpath("msr", "msr_test_gold.utf8").read_text(encoding="utf-8").split("\n")
    assert [line["sentence"] for line in words] == [
        text.replace(" ", "").strip("\r") for text in texts[: len(words)]
    ]


def test_verify(run: Run, tiny_run: Path) -> None:
    result = run(
        "evaluate", tiny_run, json.dumps({"weibo": DEV, "msra": MSRA, "msr": MSR}), "--verify"
    )
    assert result.status == 0
    found, _ = json.JSONDecoder().raw_decode(result.out)
    for name in ("weibo", "msra"):
        assert (
            f"{name}: verified, strict F1 is {found[f'{name}_f1']:.6f} with seqeval" in result.out
        )
    assert "msr: not verified, as seqeval does not support words" in result.out


def test_verify_fails_if_scores_differ(
    run: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "score", lambda *_: {"f1": 0.123})
    result = run("evaluate", tiny_run, DEV, "--verify")
    assert result.status == 2 and "weibo: strict F1 is 0.123, but" in result.err


def test_batch_size_does_not_matter(run: Run, tiny_run: Path) -> None:
    found = [scores(run("evaluate", tiny_run, DEV, "--batch-size", size)) for size in ("1", "100")]
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_other_weights(run: Run, tiny_run: Path) -> None:
    state = weights(tiny_run / "best.th")
    zeros = {
        name: value if name.endswith("temperature") else value * 0 for name, value in state.items()
    }
    torch.save(zeros, "zeros.th")
    assert scores(run("evaluate", tiny_run, DEV, "--weights-file", "zeros.th"))["weibo_f1"] == 0.0


def test_gold_types_unknown_to_the_model_lower_recall(run: Run, tiny_run: Path) -> None:
    text = Path(DEV).read_text(encoding="utf-8")
    before = scores(run("evaluate", tiny_run, DEV))
    Path("more.dev").write_text(
        "去0\tO\n机1\tB-AIRPORT\n场2\tI-AIRPORT\n\n" + text, encoding="utf-8"
    )
    found = scores(
        run(
            "evaluate",
            tiny_run,
            "more.dev",
            "-o",
            '{"dataset_reader.readers.weibo.max_instances": 41}',
        )
    )
    assert found["weibo_f1_AIRPORT"] == 0.0
    assert 0 < found["weibo_recall"] < before["weibo_recall"]


# Types of the file beside those of the model: Weibo's, four kinds each of names and nouns.
KNOWN = ["GPE.NAM", "GPE.NOM", "LOC.NAM", "LOC.NOM", "ORG.NAM", "ORG.NOM", "PER.NAM", "PER.NOM"]


def weibo_lines(path: str, *words: tuple[str, str | None]) -> str:
    """Write a corpus in the format of Weibo, each word a sentence; return its path."""
    sentences = []
    for word, name in words:
        tags = ["O"] * len(word) if name is None else [f"B-{name}", *[f"I-{name}"] * len(word[1:])]
        pairs = zip(word, tags, strict=True)
        sentences.append("".join(f"{char}{i}\t{tag}\n" for i, (char, tag) in enumerate(pairs)))
    Path(path).write_text("\n".join(sentences), encoding="utf-8")
    return path


def test_a_file_without_labels_is_an_error(run: Run, tiny_run: Path) -> None:
    Path("test.json").write_text('{"text": "魏勇"}\n{"text": "深圳"}\n', encoding="utf-8")
    reader = json.dumps({"dataset_reader.readers.weibo": {"type": "span_json"}})
    for file in ("test.json", '{"weibo": "test.json"}'):
        result = run("evaluate", tiny_run, file, "-o", reader, "--output-file", "scores.json")
        assert (result.status, result.out) == (2, "") and not Path("scores.json").exists()
        assert "test.json: no labels in 2 sentences" in result.err


@pytest.mark.parametrize("target", ["doccano", "bio", "label_studio", "cluener"])
def test_a_file_of_another_format_is_named(
    target: str, run: Run, tiny_run: Path, transformer_archive: Path
) -> None:
    dev = DATA / "weibo" / "weiboNER_2nd_conll.dev"
    assert run("convert", dev, "new", "--to", target).status == 0
    whole = ["-o", '{"dataset_reader.readers.weibo.max_instances": null}']
    expected = run("evaluate", tiny_run, dev, *whole).out
    for archive in (tiny_run, transformer_archive):
        result = run("evaluate", archive, "new")
        assert result.status == 2 and "error: new:1: found " in result.err
        hint = re.search(r"The file looks like \w+ \(.*\), which `-o '(.*)'` reads\n", result.err)
        assert hint, result.err
        again = run("evaluate", archive, "new", "-o", hint[1])
        assert again.status == 0 and (again.out == expected or archive != tiny_run), again.err
    result = run("predict", tiny_run, "new", "--use-dataset-reader")
    name = "conll" if target == "bio" else target
    assert result.err.endswith(f": set --input-format {name} in place of the reader\n")
    assert run("predict", tiny_run, "new", "--input-format", name, "--silent").status == 0

    # A mistake in the reader's own format is none of another one.
    lines = dev.read_text(encoding="utf-8").splitlines()
    Path("broken").write_text("\n".join(["魏", *lines]), encoding="utf-8")
    result = run("evaluate", tiny_run, "broken")
    assert result.status == 2 and "looks like" not in result.err


def test_a_file_of_other_types_only_is_an_error(run: Run, tiny_run: Path) -> None:
    path = weibo_lines("other.txt", ("魏勇", "name"), ("王明", "name"), ("深圳", "address"))
    result = run("evaluate", tiny_run, path)
    assert (result.status, result.out) == (2, "")
    assert (
        'other.txt: no entity is of a type that head "weibo" knows, so every score would be 0. '
        "Types of the file: name 2, address 1. Types of the head: GPE.NAM, "
    ) in result.err
    assert """--type-map '{"address": "...", "name": "..."}'""" in result.err


def test_types_of_one_side_are_named(run: Run, tiny_run: Path) -> None:
    words = [("魏勇", "PER.NAM"), ("王明", "name"), ("深圳", "address"), ("李四", "name")]
    result = run("evaluate", tiny_run, weibo_lines("mixed.txt", *words))
    known = set(scores_by_type(scores(result))) - {"name", "address"}
    assert (
        'mixed.txt: 3 of 4 entities are of types that head "weibo" does not know, and count as '
        "missed: name 2, address 1"
    ) in result.err
    found = re.search(r'mixed.txt: no entity of (\d) types of head "weibo"; (.*): (.*)', result.err)
    assert found is not None and int(found[1]) == len(known) - 1
    predicted = dict(item.rsplit(" ", 1) for item in found[3].split(", "))
    assert predicted.keys() == known - {"PER.NAM"} <= set(KNOWN)
    lines = run("predict", tiny_run, "mixed.txt", "--use-dataset-reader").out.split("\n")[:-1]
    types = [entity["type"] for line in lines for entity in json.loads(line)["entities"]]
    assert {name: int(count) for name, count in predicted.items()} == {
        name: types.count(name) for name in predicted
    }


def scores_by_type(found: dict[str, float]) -> dict[str, float]:
    prefix = "weibo_f1_"
    return {key.removeprefix(prefix): found[key] for key in found if key.startswith(prefix)}


@pytest.mark.parametrize("in_a_file", [True, False])
def test_a_type_map_gives_the_scores_of_the_original_names(
    run: Run, tiny_run: Path, in_a_file: bool
) -> None:
    text = Path(DEV).read_text(encoding="utf-8")
    renamed = text.replace("PER.NAM", "name").replace("GPE.NAM", "address")
    Path("renamed.dev").write_text(renamed + "\n机0\tB-AIRPORT\n场1\tI-AIRPORT\n", encoding="utf-8")
    Path("extended.dev").write_text(text + "\n机0\tO\n场1\tO\n", encoding="utf-8")
    whole = ["-o", '{"dataset_reader.readers.weibo.max_instances": null}']
    type_map = json.dumps({"name": "PER.NAM", "address": "GPE.NAM", "AIRPORT": None})
    if in_a_file:
        Path("map.json").write_text(type_map, encoding="utf-8")
        type_map = "map.json"
    found = scores(run("evaluate", tiny_run, "renamed.dev", "--type-map", type_map, *whole))
    assert found == scores(run("evaluate", tiny_run, "extended.dev", *whole))
    assert found["weibo_f1"] > 0


def test_types_that_become_one_are_counted_once(run: Run, tiny_run: Path) -> None:
    both = {"PER": {"魏勇": [[0, 1]]}, "person": {"魏勇": [[0, 1]]}}
    Path("test.json").write_text(json.dumps({"text": "魏勇", "label": both}), encoding="utf-8")
    reader = json.dumps({"dataset_reader.readers.weibo": {"type": "span_json"}})
    flags = ["--type-map", '{"PER": "PER.NAM", "person": "PER.NAM"}', "-o", reader]
    flags += ["--predictions-output-file", "out.jsonl"]
    scores(run("evaluate", tiny_run, "test.json", *flags))
    (line,) = lines_of("out.jsonl")
    assert [span_of(entity) for entity in line["gold_entities"]] == [Span(0, 2, "PER.NAM")]


@pytest.mark.parametrize(
    ("type_map", "message"),
    [
        ('{"PER.NOUN": "PER.NAM"}', 'no entity of type "PER.NOUN". Did you mean "PER.NOM"?'),
        ('{"PER.NAM": "PERS.NAM"}', 'no type "PERS.NAM". Did you mean "PER.NAM"? Types: '),
        ('{"PER.NAM": 3}', '"PER.NAM": expected a type or null, found 3'),
        ('{"PER.NAM": ""}', "\"PER.NAM\": expected a type or null, found ''"),
        ("{", "--type-map: neither a JSON object nor a file of one"),
        ("missing.json", "--type-map: neither a JSON object nor a file of one"),
        ("{}", '--type-map: expected an object such as {"PERSON": "PER"}'),
    ],
)
def test_wrong_type_maps(run: Run, tiny_run: Path, type_map: str, message: str) -> None:
    result = run("evaluate", tiny_run, DEV, "--type-map", type_map)
    assert (result.status, result.out) == (2, "")
    assert message in result.err and "Traceback" not in result.err


def test_words_have_no_types_to_map(run: Run, tiny_run: Path) -> None:
    flags = ["--multitask-head", "msr", "--type-map", '{"PER": null}']
    result = run("evaluate", tiny_run, MSR, *flags)
    assert result.status == 2 and "words have no types" in result.err


@pytest.mark.parametrize(
    ("input_file", "flags", "message"),
    [
        ("missing.dev", [], "missing.dev: found 'no such file'"),
        ('{"wiebo": "a"}', [], 'no labelled dataset "wiebo". Did you mean "weibo"?'),
        ('{"weibo": "missing.dev"}', [], "missing.dev: found 'no such file'"),
        ('{"weibo": 3}', [], "expected an object such as"),
        ("{}", [], "expected an object such as"),
        ("{weibo", [], "input_file is neither a path nor an object of paths"),
        (
            json.dumps({"weibo": DEV}),
            ["--multitask-head", "weibo"],
            "--multitask-head chooses the head of a single file",
        ),
        (MSRA, [], "test.bio:1: found"),
        (DEV, ["--cuda-device", "7"], "GPU 7 is not available"),
        (DEV, ["--batch-size", "0"], "batch_size: expected 1 or more, found 0"),
        (
            DEV,
            ["--reliability-diagram", "x.txt"],
            "--reliability-diagram: expected a path ending in .png or .svg or",
        ),
    ],
)
def test_errors_are_one_message(
    run: Run, tiny_run: Path, input_file: str, flags: list[str], message: str
) -> None:
    result = run("evaluate", tiny_run, input_file, *flags)
    assert (result.status, result.out) == (2, "")
    assert message in result.err and "Traceback" not in result.err


def test_predictions_of_bytes_that_are_not_utf8(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "first.edition"
    corpus.write_bytes("在0\tO\n".encode() + b"\xff0\tO\n\xfe1\tO\n" + "京0\tO\n".encode())
    result = run("evaluate", tiny_run, corpus)
    assert (
        result.status == 2 and "first.edition:2: found b'\\xff', expected UTF-8 text" in result.err
    )
    for errors, text in [("replace", "在\ufffd\ufffd京"), ("surrogateescape", "在\udcff\udcfe京")]:
        override = json.dumps({"dataset_reader.readers.weibo.encoding_errors": errors})
        arguments = ["-o", override, "--predictions-output-file", "predictions.jsonl"]
        result = run("evaluate", tiny_run, corpus, *arguments)
        assert (
            result.status == 0
            and "2 damaged lines (not in UTF-8) decoded with encoding_errors" in result.err
        )
        (line,) = lines_of("predictions.jsonl")
        assert line["sentence"] == text and len(line["tags"]) == 4
