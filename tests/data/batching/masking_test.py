"""Whole-word masking: rates, whole words, and what masks depend on."""

from collections.abc import Sequence

import numpy as np
import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.masking import Masking, WordMasks
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import UnlabelledReader
from ner_adv_plugin.data.segmenters import Segmenter
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.tiny import ROOT, model_and_loader

MASK, SPECIAL = 50, frozenset({0, 1, 50})
MASKING = Masking(0.15, 0.8, 0.1, MASK, 51, SPECIAL)


class Listed(Segmenter):
    """Words of the lengths 1, 2, 3, 1, 2, 3, ..., cut at the end of a text."""

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        found = []
        for text in texts:
            lengths: list[int] = []
            while sum(lengths) < len(text):
                lengths.append(min(len(lengths) % 3 + 1, len(text) - sum(lengths)))
            found.append(lengths)
        return found


class ListedAhead(Listed):
    ahead = True


def dataset_of(texts: Sequence[str], known: int = 48) -> EncodedDataset:
    """Sentences of raw text; characters from U+4E00 have the indices from 2 on."""
    reader = UnlabelledReader(head="text")
    reader.bind("text")
    sentences = [Instance(text) for text in texts]
    vocab = Vocabulary.from_instances({"train": {"text": sentences}}, {"text": reader})
    indices = {chr(0x4E00 + i): i + 2 for i in range(known)}
    return EncodedDataset("text", sentences, vocab, CharacterAlphabet(indices, unknown=1))


def random_texts(count: int, known: int = 48) -> list[str]:
    rng = np.random.default_rng(3)
    return [
        "".join(chr(0x4E00 + i) for i in rng.integers(known, size=rng.integers(1, 40)))
        for _ in range(count)
    ]


def test_rates_and_whole_words() -> None:
    dataset = dataset_of(random_texts(4000))
    masks = WordMasks(dataset, Listed(), MASKING)
    masked = kept = replaced = total = 0
    for sentence in range(len(dataset)):
        values = masks.of(sentence, dataset.offsets)
        ids = dataset.token_ids_of(sentence)
        assert masks.units(sentence) == (values > 0).sum()
        total += len(ids)
        first = 0
        for length in Listed().words([dataset.text(sentence)])[0]:
            word = values[first : first + length] > 0
            assert word.all() or not word.any()
            first += length
        for value, own in zip(values.tolist(), ids.tolist(), strict=True):
            if value:
                masked += 1
                kept += value - 1 == own
                replaced += value - 1 == MASK
                assert value - 1 == MASK or value - 1 not in SPECIAL
    assert masked / total == pytest.approx(0.15, abs=0.005)
    assert replaced / masked == pytest.approx(0.8, abs=0.01)
    # A random token is by chance the same with probability 1 / 48.
    assert kept / masked == pytest.approx(0.1 + 0.1 / 48, abs=0.01)


def test_every_length_of_word_is_masked_alike() -> None:
    dataset = dataset_of(random_texts(6000))
    masks = WordMasks(dataset, Listed(), MASKING)
    characters, masked = np.zeros(4), np.zeros(4)
    for sentence in range(len(dataset)):
        chosen = masks.of(sentence, dataset.offsets) > 0
        first = 0
        for length in Listed().words([dataset.text(sentence)])[0]:
            characters[length] += length
            masked[length] += chosen[first : first + length].sum()
            first += length
    # Short sentences mask a long word less often than a short one, but not much.
    np.testing.assert_allclose(masked[1:] / characters[1:], 0.15, atol=0.03)


def test_words_with_unknown_characters_are_not_masked() -> None:
    texts = random_texts(300)
    dataset = dataset_of(texts, known=24)
    masks = WordMasks(dataset, Listed(), MASKING)
    for sentence, text in enumerate(texts):
        chosen = masks.of(sentence, dataset.offsets) > 0
        first = 0
        for length in Listed().words([text])[0]:
            word = text[first : first + length]
            assert not chosen[first] or all(ord(c) < 0x4E00 + 24 for c in word)
            first += length


def test_masks_depend_on_seed_epoch_and_sentence() -> None:
    texts = random_texts(60)
    dataset = dataset_of(texts)
    one, other = WordMasks(dataset, Listed(), MASKING), WordMasks(dataset, ListedAhead(), MASKING)

    def drawn(masks: WordMasks, order: Sequence[int]) -> dict[int, list[int]]:
        return {i: masks.of(i, dataset.offsets).tolist() for i in order}

    fixed = drawn(one, range(60))
    for seed, epoch in ((7, 0), (7, 1), (8, 0)):
        one.begin_epoch(seed, epoch)
        other.begin_epoch(seed, epoch)
        now = drawn(one, range(60))
        assert now == drawn(other, range(59, -1, -1))
        assert now != fixed
        fixed = now
    one.begin_epoch(7, 1)
    other.begin_epoch(7, 1)
    assert drawn(one, [5, 3]) == drawn(other, [3, 5])


@pytest.mark.parametrize("size", [2, 5])
def test_masks_do_not_depend_on_batches(size: int) -> None:
    config = load_config(ROOT / "fixtures/configs/masked_lm.jsonnet")

    def drawn(batch_size: int, epoch: int) -> dict[int, list[int]]:
        own = {**config, "data_loader": {**config["data_loader"]}}
        own["data_loader"]["scheduler"] = {"type": "roundrobin", "batch_size": batch_size}
        model, loader = model_and_loader(own)
        found = {}
        for planned in [loader.plan(e) for e in range(epoch + 1)][-1]:
            (batch,) = loader.batches([planned])
            reviews = batch.owned_by("heads.reviews").select(batch.sentences_of("reviews"))
            masks_BL = reviews.targets["masks"]
            assert batch.units.get("heads.reviews", 0) == int((masks_BL > 0).sum())
            for sentence, row in zip(reviews.sentence_ids, masks_BL.tolist(), strict=True):
                found[sentence] = [value for value in row if value]
        return found

    assert drawn(6, 0) == drawn(size, 0)
    assert drawn(6, 1) == drawn(size, 1) != drawn(6, 0)


def test_words_must_add_up_to_the_text() -> None:
    class Wrong(Segmenter):
        def words(self, texts: Sequence[str]) -> list[list[int]]:
            return [[2] for _ in texts]

    dataset = dataset_of(["一丁丂"])
    with pytest.raises(UserError, match=r"lengths \[2\] for a text of 3 characters"):
        WordMasks(dataset, Wrong(), MASKING).of(0, dataset.offsets)
