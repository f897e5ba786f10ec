"""Initial weights from earlier runs: what is taken, what is not, and what is refused."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import build_trainer, train_model
from ner_adv_plugin.training.checkpoints.random_state import seed_everything
from tests.tiny import tiny_config, weights


def config_with(initializer: Any = None, **overrides: Any) -> dict[str, Any]:
    settings = {"model__type": "hard_sharing", "trainer__num_epochs": 1, "evaluate_on_test": False}
    config = tiny_config(**{**settings, **overrides})
    return config if initializer is None else {**config, "initializer": initializer}


def pretrained(path: Path, pattern: str = ".", **keys: Any) -> dict[str, Any]:
    initializer = {"type": "pretrained", "weights_file_path": str(path), **keys}
    return {"regexes": [[pattern, initializer]]}


def built(config: dict[str, Any], folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a run before its first step."""
    job = checked_job(config)
    job.check_paths()
    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    model = build_trainer(job, read_data(job), folder).model
    return {name: value.detach().clone() for name, value in model.named_parameters()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with another seed."""
    folder = tmp_path_factory.mktemp("source")
    train_model(config_with(random_seed=3, numpy_seed=3, pytorch_seed=3), folder)
    return folder


@pytest.mark.parametrize("file", ["best.th", "model.tar.gz", ""])
@pytest.mark.parametrize("place", ["initializer", "model"])
def test_takes_what_matches_and_leaves_the_rest_fresh(
    source: Path, tmp_path: Path, file: str, place: str
) -> None:
    initializer = pretrained(source / file, r"^(encoder|towers\.msra)\.")
    initializer["prevent_regexes"] = ["bias"]
    config = config_with()
    (config if place == "initializer" else config["model"])["initializer"] = initializer
    found = built(config, tmp_path / "run")

    fresh, theirs = built(config_with(), tmp_path / "fresh"), weights(source / "best.th")
    is_taken = {
        name: name.startswith(("encoder.", "towers.msra.")) and "bias" not in name for name in fresh
    }
    assert 0 < sum(is_taken.values()) < len(is_taken)
    for name, value in found.items():
        assert torch.equal(value, theirs[name] if is_taken[name] else fresh[name]), name


def test_the_first_pattern_that_matches_decides(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.th"
    torch.save({name: value + 1 for name, value in weights(source / "best.th").items()}, other)
    regexes = pretrained(other, "^heads")["regexes"] + pretrained(source)["regexes"]
    found = built(config_with({"regexes": regexes}), tmp_path / "run")
    for name, value in found.items():
        expected = weights(source / "best.th")[name] + name.startswith("heads")
        assert torch.equal(value, expected)


def test_a_head_may_take_another_ones_weights(source: Path, tmp_path: Path) -> None:
    names = [name for name in weights(source / "best.th") if name.startswith("towers.msra.")]
    renamed = {name.replace("msra", "weibo"): name for name in names}
    initializer = pretrained(source, r"^towers\.weibo\.", parameter_name_overrides=renamed)
    found = built(config_with(initializer), tmp_path / "run")
    for name, other in renamed.items():
        assert torch.equal(found[name], weights(source / "best.th")[other])


def test_reports_what_is_not_taken(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = weights(source / "best.th")
    gone = _first(state, "towers.msra.")
    del state[gone]
    smaller = _first(state, "towers.msr.")
    state[smaller] = state[smaller][:-1].clone()
    torch.save(state, tmp_path / "changed.th")

    with caplog.at_level(logging.INFO):
        found = built(config_with(pretrained(tmp_path / "changed.th")), tmp_path / "run")
    fresh = built(config_with(), tmp_path / "fresh")
    assert torch.equal(found[gone], fresh[gone]) and torch.equal(found[smaller], fresh[smaller])
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert f"{len(found) - 2} of {len(found)} parameters taken" in text
    assert f"{gone} keeps its fresh values: missing there. Did you mean" in text
    here, there = tuple(found[smaller].shape), tuple(state[smaller].shape)
    assert f"{smaller} keeps its fresh values: shape {there} there, {here} here" in text


def _first(state: dict[str, torch.Tensor], prefix: str) -> str:
    return next(name for name in state if name.startswith(prefix) and state[name].dim() == 2)


def test_other_types_and_characters_are_not_taken(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # As many types as there, so that all shapes fit.
    renamed = {"dataset_reader.readers.msra.type_map": {"LOC": "PLACE"}}
    config = with_overrides(config_with(pretrained(source)), renamed)
    with caplog.at_level(logging.INFO):
        found = built(config, tmp_path / "run")
    fresh = built(with_overrides(config_with(), renamed), tmp_path / "fresh")
    left = [name for name in found if name.startswith("heads.msra.")]
    assert left and all(torch.equal(found[name], fresh[name]) for name in left)
    assert "its head has the types LOC, ORG, PER there, ORG, PER, PLACE here" in caplog.text
    assert torch.equal(
        found["encoder.embedding.weight"], weights(source / "best.th")["encoder.embedding.weight"]
    )


@pytest.mark.parametrize(
    ("pattern", "keys", "path", "message"),
    [
        ("^encodr", {}, "regexes.0.0", 'matches no parameter of the model. Did you mean "encoder"'),
        ("(", {}, "regexes.0", "is not a regular expression"),
        (
            "^encoder",
            {"parameter_name_overrides": {"encoder.embedding.weigth": "x"}},
            "regexes.0.1.parameter_name_overrides.encoder.embedding.weigth",
            'Did you mean "encoder.embedding.weight"?',
        ),
        (
            "^encoder",
            {"parameter_name_overrides": {"encoder.embedding.weight": "encoder.weight"}},
            "regexes.0.1.weights_file_path",
            "has none of the 1 parameters that the pattern matches",
        ),
    ],
)
def test_errors_name_the_place(
    source: Path, tmp_path: Path, pattern: str, keys: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        built(config_with(pretrained(source, pattern, **keys)), tmp_path / "run")
    assert error.value.path.startswith(f"initializer.{path}")
    assert message in error.value.message


def test_a_path_that_does_not_exist(source: Path) -> None:
    job = checked_job(config_with(pretrained(source / "bets.th")))
    with pytest.raises(ConfigurationError, match='Did you mean "best.th"') as error:
        job.check_paths()
    assert error.value.path == "initializer.regexes.0.1.weights_file_path"


def test_files_that_are_not_weights_are_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "text.th").write_text("weights")
    with pytest.raises(UserError, match="is not a file of weights only"):
        built(config_with(pretrained(tmp_path / "text.th")), tmp_path / "run")
    state = weights(source / "best.th")
    state["encoder.embedding.weight"][0, 0] = float("nan")
    torch.save(state, tmp_path / "nan.th")
    with pytest.raises(UserError, match="1 values that are NaN or infinite"):
        built(config_with(pretrained(tmp_path / "nan.th")), tmp_path / "run")


def test_an_archive_does_not_need_the_file(source: Path, tmp_path: Path) -> None:
    from ner_adv_plugin.archives import load_archive

    moved = tmp_path / "moved.th"
    moved.write_bytes((source / "best.th").read_bytes())
    config = config_with()
    config["model"]["initializer"] = pretrained(moved)
    train_model(config, tmp_path / "run")
    moved.unlink()
    for only in (None, ["msra"]):
        assert load_archive(tmp_path / "run" / "model.tar.gz", only_heads=only).heads


def test_a_resumed_run_needs_the_same_weights(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.th"
    file.write_bytes((source / "best.th").read_bytes())
    train_model(config_with(pretrained(file)), tmp_path / "run")
    train_model(config_with(pretrained(file)), tmp_path / "run", recover=True)
    torch.save({n: v + 1 for n, v in weights(file).items()}, file)
    with pytest.raises(ConfigurationError, match="is not that with which the run") as error:
        train_model(config_with(pretrained(file)), tmp_path / "run", recover=True)
    assert error.value.path == "initializer.regexes.0.1.weights_file_path"


def test_rows_of_other_words_and_characters_are_not_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("ahocorasick")

    def config_of(characters: str, words: str, initializer: Any = None) -> dict[str, Any]:
        """A config of a corpus of some characters, and a lexicon of some of them."""
        corpus, lexicon = tmp_path / f"{characters}.bio", tmp_path / f"{words}.txt"
        tagged = "".join(f"{character} B-X\n" for character in characters)
        corpus.write_text(f"{tagged}\n" * 4, encoding="utf-8")
        lexicon.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        config = {
            "dataset_reader": {"type": "conll"},
            "train_data_path": str(corpus),
            "model": {
                "type": "crf_tagger",
                "encoder": {
                    "type": "lexicon",
                    "encoder": {"type": "character_embedding", "embedding_dim": 8},
                    "words": [str(lexicon)],
                },
            },
            "data_loader": {"batch_size": 4},
            "trainer": {"num_epochs": 1, "cuda_device": -1},
        }
        return config if initializer is None else {**config, "initializer": initializer}

    train_model(config_of("甲乙丙丁", "甲乙"), tmp_path / "source")
    state = weights(tmp_path / "source/best.th")
    taken = pretrained(tmp_path / "source", "^encoder")
    words, characters = "encoder.embedding.weight", "encoder.encoder.embedding.weight"
    for corpus, lexicon, left in (
        ("甲乙丙丁", "甲乙", {}),
        ("甲乙丙丁", "甲丙", {words: "other words there"}),
        ("甲乙丙戊", "甲乙", {characters: "other characters there"}),
    ):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            found = built(config_of(corpus, lexicon, taken), tmp_path / f"{corpus}{lexicon}")
        for name in (words, characters):
            assert torch.equal(found[name], state[name]) == (name not in left)
        for name, reason in left.items():
            assert f"{name} keeps its fresh values: {reason}" in caplog.text
