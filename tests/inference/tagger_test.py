"""Tagger: offsets, texts and order of predictions for arbitrary sentences."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.answers import described
from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, tiling
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.inference import Predictor, Tagger
from tests.answers import assert_same_answers
from tests.tiny import DATA

TEXT = (DATA / "weibo" / "weiboNER_2nd_conll.train").read_text(encoding="utf-8")
# A few hundred sentences as one line, with entities, emoji and spaces.
LINE = "".join(line[0] for line in TEXT.split("\n") if line)
ODD = [
    "",
    " ",
    "\n",
    "\r\n",
    "\x00",
    "a\x00b",
    "\u2028\u2029\x85",
    "\ufeff魏勇",
    "\ud83d",
    "魏\udc00勇\ud800",
    "👨‍👩‍👧‍👦去深圳🏳️‍🌈",
    "ａＢ１２",
    "e\u0301\u0301\u0301",
    "\U0010ffff\uffff\ufffd",
    "[CLS][SEP]##的",
    "魏勇在深圳\n魏勇在\u2028北京\u3000市\t",
    LINE[:3000],
]

characters = st.one_of(
    st.sampled_from(LINE), st.characters(categories=None), st.sampled_from("".join(ODD[1:-1]))
)
sentences = st.one_of(
    st.text(characters, max_size=30),
    st.integers(0, len(LINE) - 40).map(lambda start: LINE[start : start + 40]),
    st.sampled_from(ODD),
)


@pytest.fixture(scope="module", params=["weibo", "msra", "msr", "transformer"])
def tagger(request: pytest.FixtureRequest, tiny_run: Path, transformer_archive: Path) -> Predictor:
    if request.param == "transformer":
        return Predictor.from_path(transformer_archive)
    return Predictor.from_path(tiny_run, head=request.param)


@pytest.fixture(scope="module")
def weibo(tiny_run: Path) -> Predictor:
    return Predictor.from_path(tiny_run)


def tagged(tagger: Predictor, texts: Sequence[str]) -> list[dict[str, Any]]:
    return tagger.predict_batch_json([{"sentence": text} for text in texts])


def check(text: str, result: dict[str, Any], segmentation: bool) -> None:
    """Check the properties of a prediction that hold for any model."""
    assert result["sentence"] == text
    assert len(result["tags"]) == len(text)
    if segmentation:
        assert set(result) == {"sentence", "tags", "words"}
        assert "".join(result["words"]) == text and all(result["words"])
        return
    assert set(result) == {"sentence", "tags", "entities"}
    end = 0
    for entity in result["entities"]:
        assert set(entity) == {"start", "end", "type", "text", "score"}
        assert 0.0 <= entity["score"] <= 1.0
        assert end <= entity["start"] < entity["end"] <= len(text)
        end = entity["end"]
        assert entity["text"] == text[entity["start"] : end]
        inside = result["tags"][entity["start"] : end]
        assert inside == [f"B-{entity['type']}"] + [f"I-{entity['type']}"] * (len(inside) - 1)
    covered = sum(entity["end"] - entity["start"] for entity in result["entities"])
    assert covered == sum(tag != "O" for tag in result["tags"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(sentences, min_size=1, max_size=6))
@pytest.mark.slow
def test_predictions_are_consistent_with_their_sentences(
    tagger: Predictor, texts: list[str]
) -> None:
    results = tagged(tagger, texts)
    for text, result in zip(texts, results, strict=True):
        check(text, result, segmentation=tagger.head == "msr")
    # A sentence is tagged in the same way by itself as in a batch.
    middle = len(texts) // 2
    assert_same_answers([tagger.predict_json({"sentence": texts[middle]})], [results[middle]])


def test_unusual_sentences_in_one_batch(tagger: Predictor) -> None:
    for text, result in zip(ODD, tagged(tagger, ODD), strict=True):
        check(text, result, segmentation=tagger.head == "msr")


def test_a_long_sentence_has_entities_to_its_end(tiny_run: Path, transformer_archive: Path) -> None:
    text = LINE[:3000]
    for path in (tiny_run, transformer_archive):
        (result,) = tagged(Predictor.from_path(path), [text])
        assert any(entity["end"] > 2700 for entity in result["entities"])


def test_the_model_finds_entities_of_its_training_data(weibo: Predictor) -> None:
    sentences = weibo.archive.reader.readers["weibo"].read(
        DATA / "weibo" / "weiboNER_2nd_conll.train"
    )
    results = weibo.predict_batch_instance(sentences)
    found = [
        [Span(e["start"], e["end"], e["type"]) for e in result["entities"]] for result in results
    ]
    exact = sum(spans == sentence.spans for sentence, spans in zip(sentences, found, strict=True))
    assert exact > len(sentences) / 2
    assert any(result["entities"] for result in results)


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_batch_size_does_not_matter(weibo: Predictor, batch_size: int) -> None:
    texts = [LINE[start : start + 7 + start % 23] for start in range(0, 900, 11)]
    again = Tagger(weibo.archive, batch_size=batch_size)
    assert_same_answers(tagged(again, texts), tagged(weibo, texts))


@pytest.mark.parametrize("chunk", [1, 7, 500])
def test_order_is_kept_over_many_lines(weibo: Predictor, chunk: int) -> None:
    chance = random.Random(0)
    texts = [
        LINE[start : start + chance.randint(0, 40)] for start in chance.sample(range(2000), 200)
    ]
    results = list(weibo.predict_all((Instance(text) for text in texts), chunk=chunk))
    assert [result["sentence"] for result in results] == texts
    assert_same_answers(results, tagged(weibo, texts))


def test_empty_inputs(weibo: Predictor) -> None:
    assert weibo.predict_batch_json([]) == [] and list(weibo.predict_all([])) == []
    assert tagged(weibo, ["", ""]) == [{"sentence": "", "tags": [], "entities": []}] * 2


def test_gold_spans_of_an_instance_are_ignored(weibo: Predictor) -> None:
    text = LINE[:20]
    gold = Instance(text, [Span(0, 20, "PER.NAM")], dataset="weibo")
    assert weibo.predict_instance(gold) == weibo.predict_json({"sentence": text})


def test_spans_as_json() -> None:
    spans = [
        ScoredSpan(0, 2, "PER.NAM", 0.75),
        ScoredSpan(3, 4, "GPE.NAM", 0.5),
        ScoredSpan(4, 6, "GPE.NAM", 1.0),
    ]
    assert described("魏勇在沪深圳", spans, False, get_scheme("BIO")) == {
        "tags": ["B-PER.NAM", "I-PER.NAM", "O", "B-GPE.NAM", "B-GPE.NAM", "I-GPE.NAM"],
        "entities": [
            {"start": 0, "end": 2, "type": "PER.NAM", "text": "魏勇", "score": 0.75},
            {"start": 3, "end": 4, "type": "GPE.NAM", "text": "沪", "score": 0.5},
            {"start": 4, "end": 6, "type": "GPE.NAM", "text": "深圳", "score": 1.0},
        ],
    }
    # Nested spans have no tags, and gold spans have no scores.
    nested = [Span(0, 4, "ORG"), Span(0, 2, "GPE")]
    assert described("北京大学", nested, False, None) == {
        "entities": [
            {"start": 0, "end": 4, "type": "ORG", "text": "北京大学"},
            {"start": 0, "end": 2, "type": "GPE", "text": "北京"},
        ]
    }
    words = tiling([2, 1, 2])
    assert described("魏勇在深圳", words, True, get_scheme("BMES", segmentation=True)) == {
        "tags": ["B", "E", "S", "B", "E"],
        "words": ["魏勇", "在", "深圳"],
    }


@pytest.mark.parametrize(
    "inputs", [{}, {"sentence": 3}, {"sentence": None}, {"content": "a"}, [], "魏勇", None]
)
def test_an_input_without_a_sentence_is_an_error(weibo: Predictor, inputs: Any) -> None:
    with pytest.raises(ValueError, match='"sentence"'):
        weibo.predict_json(inputs)
