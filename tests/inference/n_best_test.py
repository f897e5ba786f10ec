"""The tagger's n best taggings, against enumeration of every tagging of short sentences."""

from itertools import product
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.tagger import Tagger

SENTENCES = ["魏勇", "深", "", "在深圳"]


@pytest.fixture(scope="module")
def tagger(tiny_run: Path) -> Tagger:
    archive = load_archive(tiny_run, only_heads=["msra"])
    tagger = Predictor.from_params({"type": "tagger", "n_best": 6, "batch_size": 3}, archive=archive, head="msra")
    assert isinstance(tagger, Tagger)
    return tagger


@torch.inference_mode()
def enumerated(tagger: Tagger, text: str) -> list[tuple[float, list[str]]]:
    """Every tagging with its probability, by the loss of it as gold; illegal ones have none."""
    model = tagger.archive.model
    labels = model.vocab.label_space("msra").labels
    tagged = [Instance(text, list(tags)) for tags in product(labels, repeat=len(text))]
    rows = tagger.encoded(tagged)
    rows.tags = torch.tensor([labels.index(tag) for row in tagged for tag in row.tags or ()]).short().numpy()
    _, nll_B = model.predict(collate([(rows, row) for row in range(len(rows))]), "msra")
    assert nll_B is not None
    ranked = sorted(zip((-nll_B.double()).exp().tolist(), (row.tags for row in tagged), strict=True), reverse=True)
    return [(probability, tags or []) for probability, tags in ranked if probability > 0]


def test_taggings_and_probabilities(tagger: Tagger) -> None:
    answers = tagger.predict_batch_json([{"sentence": text} for text in SENTENCES])
    for text, answer in zip(SENTENCES, answers, strict=True):
        found = [(one["probability"], one["tags"]) for one in answer["n_best"]]
        expected = enumerated(tagger, text)[:6] if text else [(1.0, [])]
        assert [tags for _, tags in found] == [tags for _, tags in expected]
        assert [p for p, _ in found] == pytest.approx([p for p, _ in expected], rel=1e-4)
        assert answer["sentence"] == text and answer["tags"] == found[0][1]
        assert answer["n_best"][0]["entities"] == answer["entities"]
    # Of one character there are only as many taggings as tags that may stand alone.
    assert len(answers[1]["n_best"]) == 4


def test_all_else_is_as_without(tagger: Tagger) -> None:
    inputs = [{"sentence": text} for text in SENTENCES]
    alone = Tagger(tagger.archive, "msra").predict_batch_json(inputs)
    answers = tagger.predict_batch_json(inputs)
    assert [{k: v for k, v in answer.items() if k != "n_best"} for answer in answers] == alone


def test_words(tiny_run: Path) -> None:
    tagger = Tagger(load_archive(tiny_run, only_heads=["msr"]), "msr", n_best=2)
    first, second = tagger.predict_json({"sentence": "魏勇在深圳"})["n_best"]
    assert first["words"] != second["words"] and "".join(first["words"]) == "".join(second["words"]) == "魏勇在深圳"
    assert first["probability"] >= second["probability"] > 0


def test_a_number_below_one(tagger: Tagger) -> None:
    with pytest.raises(ConfigurationError, match="n_best: expected 1 or more, found 0"):
        Tagger(tagger.archive, "msra", n_best=0)
