"""A model trained on half-width lower-case text, used on full-width capitals by all commands."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.tiny import single_task_config, write_config

FULL_WIDTH = {ord(c): ord(c.upper()) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz0123456789"}


def sentences(count: int, seed: int) -> list[tuple[str, list[str]]]:
    """Return sentences with brands and models of half-width letters and digits.

    They cannot be recognised by their position.
    """
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        text, tags = "", []
        for _ in range(chance.randint(1, 3)):
            filler = "".join(chance.choices("我们今天买了一台新的和去看", k=chance.randint(1, 5)))
            name = "".join(chance.choices("abcdefgh", k=chance.randint(2, 4)))
            number = "".join(chance.choices("0123456789", k=chance.randint(1, 3)))
            text += filler + name + number
            tags += ["O"] * len(filler)
            tags += ["B-ORG", *["I-ORG"] * (len(name) - 1), "B-NUM", *["I-NUM"] * (len(number) - 1)]
        made.append((text, tags))
    return made


def write(path: Path, made: list[tuple[str, list[str]]], wide: bool = False) -> str:
    texts = [(text.translate(FULL_WIDTH) if wide else text, tags) for text, tags in made]
    blocks = [
        "".join(f"{c}\t{tag}\n" for c, tag in zip(text, tags, strict=True)) for text, tags in texts
    ]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return str(path)


def config_of(folder: Path, normalisers: list[Any]) -> dict[str, Any]:
    return single_task_config(
        dataset_reader={"type": "conll", "head": "names", "normalisers": normalisers},
        train_data_path=write(folder / "train", sentences(60, 0)),
        validation_data_path=write(folder / "wide", sentences(30, 1), wide=True),
        test_data_path=write(folder / "plain", sentences(30, 1)),
        trainer__num_epochs=6,
        trainer__validation_metric="+names_f1",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("normalised")
    train_model(config_of(folder, ["nfkc", "lowercase"]), folder / "run")
    return folder


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Predictor:
    return Predictor.from_path(folder / "run" / "model.tar.gz")


def test_validation_and_test_sets_are_normalised(folder: Path) -> None:
    metrics = json.loads((folder / "run" / "metrics.json").read_text(encoding="utf-8"))
    wide = {
        name.removeprefix("best_validation_"): value
        for name, value in metrics.items()
        if "best_v" in name
    }
    plain = {
        name.removeprefix("test_"): value
        for name, value in metrics.items()
        if name.startswith("test_")
    }
    assert wide == plain and plain["names_f1"] > 0.9


def test_without_normalisers_predictions_differ(folder: Path, tagger: Predictor) -> None:
    bare = Predictor.from_path(folder / "run" / "model.tar.gz")
    bare.archive.train_reader.readers["names"].normalisers.clear()
    for text, _ in sentences(5, 2):
        one, other = ({"sentence": text}, {"sentence": text.translate(FULL_WIDTH)})
        assert bare.predict_json(one) == tagger.predict_json(one)
        assert bare.predict_json(other)["tags"] != tagger.predict_json(other)["tags"]


def test_evaluate(folder: Path, run: Run) -> None:
    results = [run("evaluate", folder / "run", folder / name) for name in ("wide", "plain")]
    assert [result.status for result in results] == [0, 0]
    wide, plain = (json.loads(result.out) for result in results)
    assert wide == plain and plain["names_f1"] > 0.9


def test_predictions_are_of_the_original(tagger: Predictor) -> None:
    plain = [text for text, _ in sentences(40, 2)]
    wide = [text.translate(FULL_WIDTH) for text in plain]
    for text, one, other in zip(
        wide,
        *(
            tagger.predict_batch_json([{"sentence": text} for text in texts])
            for texts in (plain, wide)
        ),
        strict=True,
    ):
        assert other["sentence"] == text and other["tags"] == one["tags"] and one["entities"]
        places = [
            [(e["start"], e["end"], e["type"]) for e in answer["entities"]]
            for answer in (one, other)
        ]
        assert places[0] == places[1]
        assert all(text[e["start"] : e["end"]] == e["text"] for e in other["entities"])


@given(
    st.text(
        st.one_of(
            st.characters(categories=None), st.sampled_from("abcａＢ１2我İ…㎏\u0301\ud83d\udc00")
        ),
        max_size=40,
    )
)
def test_any_text_is_returned_unchanged(tagger: Predictor, text: str) -> None:
    answer = tagger.predict_json({"sentence": text})
    assert answer["sentence"] == text and len(answer["tags"]) == len(text)
    assert all(text[e["start"] : e["end"]] == e["text"] for e in answer["entities"])
    shown = tagger.archive.train_reader.readers["names"].shown(text)
    assert tagger.predict_json({"sentence": shown})["tags"] == answer["tags"]


def test_audit_counts_unknown_characters_after_normalisation(
    folder: Path, tmp_path: Path, run: Run
) -> None:
    latin = sum(c.isascii() for text, _ in sentences(30, 1) for c in text)
    for normalisers, unknown in ((["nfkc", "lowercase"], 0), ([], latin)):
        config = write_config(tmp_path / "config.json", config_of(folder, normalisers))
        assert run("audit", config, "--output-file", tmp_path / "audit.json").status == 0
        found = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
        assert found["datasets"]["names"]["validation"]["unknown_characters"] == unknown


@pytest.mark.parametrize(
    ("held_out", "right"), [([], True), (["nfkc"], True), (["lowercase"], False)]
)
def test_held_out_sentences_are_normalised_as_training_sentences(
    folder: Path, held_out: list[str], right: bool
) -> None:
    config = config_of(folder, ["nfkc"])
    config["validation_dataset_reader"] = {
        "type": "conll",
        "head": "names",
        "normalisers": held_out,
    }
    if right:
        checked_job(config)
        return
    with pytest.raises(
        ConfigurationError, match="all splits use the normalisers of dataset_reader"
    ) as error:
        checked_job(config)
    assert error.value.path == "validation_dataset_reader.normalisers"
