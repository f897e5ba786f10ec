"""The n best readings, compared with an enumeration of all taggings of short sentences."""

import os
import re
from itertools import product
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.n_best_memory import check_n_best, memory_budget, reading_bytes
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.tagger import Tagger

BIO = get_scheme("BIO")
SENTENCES = ["魏勇", "深", "", "在深圳"]


@pytest.fixture(scope="module")
def tagger(tiny_run: Path) -> Tagger:
    archive = load_archive(tiny_run, only_heads=["msra"])
    tagger = Predictor.from_params(
        {"type": "tagger", "n_best": 6, "batch_size": 3}, archive=archive, head="msra"
    )
    assert isinstance(tagger, Tagger)
    return tagger


@torch.inference_mode()
def enumerated(tagger: Tagger, text: str) -> list[tuple[float, list[str]]]:
    """Enumerate all legal taggings with their probabilities, from their losses as gold tags."""
    model = tagger.archive.model
    types = model.vocab.label_space("msra").types
    paths = [list(tags) for tags in product(BIO.labels(types), repeat=len(text))]
    legal = [tags for tags in paths if not BIO.illegal(tags)]
    instances = [Instance(text, BIO.spans(tags)) for tags in legal]
    dataset = EncodedDataset("msra", instances, model.vocab, model.alphabet)
    dataset.targets = model.targets(dataset, training=False)
    _, loss_B = model.predict(collate([(dataset, i) for i in range(len(dataset))]), "msra")
    assert loss_B is not None
    return sorted(zip((-loss_B.double()).exp().tolist(), legal, strict=True), reverse=True)


def test_readings_and_probabilities(tagger: Tagger) -> None:
    answers = tagger.predict_batch_json([{"sentence": text} for text in SENTENCES])
    for text, answer in zip(SENTENCES, answers, strict=True):
        found = [(one["probability"], one["tags"]) for one in answer["n_best"]]
        expected = enumerated(tagger, text)[:6] if text else [(1.0, [])]
        assert [tags for _, tags in found] == [tags for _, tags in expected]
        assert [p for p, _ in found] == pytest.approx([p for p, _ in expected], rel=1e-4)
        assert answer["sentence"] == text and answer["tags"] == found[0][1]
        assert answer["n_best"][0]["entities"] == answer["entities"]
    # One character has as many taggings as there are tags that are legal by themselves.
    assert len(answers[1]["n_best"]) == 4


def test_the_score_of_an_entity_is_the_sum_over_all_taggings_with_it(tagger: Tagger) -> None:
    seen = 0
    for text in filter(None, SENTENCES):
        taggings = [
            (probability, BIO.spans(tags)) for probability, tags in enumerated(tagger, text)
        ]
        assert sum(probability for probability, _ in taggings) == pytest.approx(1.0, abs=1e-4)
        for reading in tagger.predict_json({"sentence": text})["n_best"]:
            for entity in reading["entities"]:
                span = Span(entity["start"], entity["end"], entity["type"])
                expected = sum(probability for probability, spans in taggings if span in spans)
                assert entity["score"] == pytest.approx(expected, abs=1e-4)
                seen += 1
    assert seen > 5


def test_n_best_does_not_change_the_rest_of_a_prediction(tagger: Tagger) -> None:
    inputs = [{"sentence": text} for text in SENTENCES]
    alone = Tagger(tagger.archive, "msra").predict_batch_json(inputs)
    answers = tagger.predict_batch_json(inputs)
    assert [{k: v for k, v in answer.items() if k != "n_best"} for answer in answers] == alone


def test_readings_of_words(tiny_run: Path) -> None:
    tagger = Tagger(load_archive(tiny_run, only_heads=["msr"]), "msr", n_best=2)
    first, second = tagger.predict_json({"sentence": "魏勇在深圳"})["n_best"]
    assert (
        first["words"] != second["words"]
        and "".join(first["words"]) == "".join(second["words"]) == "魏勇在深圳"
    )
    assert first["probability"] >= second["probability"] > 0


def test_n_best_below_one(tagger: Tagger) -> None:
    with pytest.raises(ConfigurationError, match="n_best: expected 1 or more, found 0"):
        Tagger(tagger.archive, "msra", n_best=0)


def with_n_best(tagger: Tagger, n: int) -> Tagger:
    return Tagger(tagger.archive, "msra", n_best=n)


def test_n_best_is_bounded_by_memory(tagger: Tagger, tmp_path: Path) -> None:
    big = with_n_best(tagger, 10**9)
    sentence = "魏勇在深圳" * 8
    # 10^9 readings of 40 characters, 4 bytes for each character and each of 8 states alone.
    with pytest.raises(UserError, match=r"n_best 1000000000 on 40 characters takes about") as error:
        big.predict_json({"sentence": sentence})
    found = re.search(r"about ([0-9.]+) GB: expected at most (\d+) here", str(error.value))
    assert found is not None and float(found[1]) > 40 * 4 * 8
    with pytest.raises(UserError, match="n_best 1000000000 on 40 characters"):
        big.predict_instance(Instance(sentence))

    # The number that the message names is accepted, and one more is refused.
    states, budget = 8, 10**7
    most = budget // reading_bytes(40, states)
    check_n_best(most, 40, states, budget)
    with pytest.raises(UserError, match=f"at most {most} here"):
        check_n_best(most + 1, 40, states, budget)

    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"sentence": "{sentence}", "id": 1}}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"in.jsonl:1: n_best 1000000000 on 40 characters"):
        list(big.predict_file(path))
    (answer,) = big.predict_file(path, "skip")
    assert answer["id"] == 1 and "n_best 1000000000 on 40 characters" in answer["error"]


def test_the_estimate_covers_the_tensors_of_the_search() -> None:
    """The memory of the search alone, counted by its formulas, is below the estimate."""
    for length, states in [(1, 2), (40, 18), (500, 4), (40, 0)]:
        tensors = 4 * length * states + 4 * states * states + 12 * states + 8 * length
        assert tensors < reading_bytes(length, states) < 3 * tensors + 1000 + 60 * length


def test_free_memory_is_that_of_the_machine_or_less() -> None:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory_budget(torch.device("cpu")) <= total // 2


@pytest.mark.parametrize(
    ("n", "chunk"), [(None, 4096), (1, 4096), (8, 4096), (1000, 32), (10**6, 1)]
)
def test_fewer_sentences_are_held_with_more_readings(
    tagger: Tagger, n: int | None, chunk: int
) -> None:
    assert Tagger(tagger.archive, "msra", n_best=n).chunk == chunk


def test_small_chunks_give_the_same_readings(tagger: Tagger, tmp_path: Path) -> None:
    many = with_n_best(tagger, 2000)
    texts = [SENTENCES[i % 4] for i in range(20)]
    assert many.chunk < len(texts)
    path = tmp_path / "in.txt"
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    for text, answer in zip(texts, many.predict_file(path), strict=True):
        alone = many.predict_json({"sentence": text})
        assert answer["sentence"] == text and len(answer["n_best"]) == len(alone["n_best"])
        assert [one["probability"] for one in answer["n_best"]] == pytest.approx(
            [one["probability"] for one in alone["n_best"]], rel=1e-3, abs=1e-7
        )
