"""Answers to texts from Python, and how they show themselves."""

import json
import pickle
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.answers import Answer, Answers

TEXTS = ["我在北京大学见到了王小明", "", "<b>魏勇</b>"]


@pytest.fixture(scope="module")
def predictor(tiny_run: Path) -> Predictor:
    return Predictor.from_path(tiny_run)


def test_texts_are_answered_as_json_is(predictor: Predictor) -> None:
    expected = predictor.predict_batch_json([{"sentence": text} for text in TEXTS])
    found = predictor.predict(TEXTS)
    assert found == expected == predictor.predict(iter(TEXTS))
    assert json.loads(json.dumps(found)) == expected and pickle.loads(pickle.dumps(found)) == found
    assert predictor.predict([]) == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("魏勇", r"found a string: predict\(\[text\]\)"),
        (["a", 3], r"texts\[1\]: expected a string, found int"),
        ([{"sentence": "a"}], r"texts\[0\]: expected a string, found dict"),
    ],
)
def test_what_is_no_list_of_texts(predictor: Predictor, texts: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        predictor.predict(texts)  # type: ignore[arg-type]


def test_answers_show_their_entities_and_scores(predictor: Predictor) -> None:
    found = predictor.predict(TEXTS)
    assert isinstance(found, Answers) and isinstance(found[0], Answer)
    entities = [entity for answer in found for entity in answer["entities"]]
    shown = found._repr_html_()
    assert entities and shown.count(" data-type=") == len(entities)
    assert "&lt;b&gt;" in shown and f"3 sentences, {len(entities)} entities" in shown
    alone = found[0]._repr_html_()
    for entity in found[0]["entities"]:
        assert f'title="{entity["type"]} {entity["score"]:.3f}"' in alone


def test_words_are_in_boxes(tiny_run: Path) -> None:
    (answer,) = Predictor.from_path(tiny_run, head="msr").predict(["魏勇在深圳"])
    assert answer._repr_html_().count("<mark>") == len(answer["words"])
