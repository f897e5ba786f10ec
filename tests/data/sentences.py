"""Sentences, readers and datasets for tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading import DatasetReader, SighanCwsReader
from ner_adv_plugin.data.vocabulary import CHARACTERS, UNKNOWN, Vocabulary

Splits = Mapping[str, Mapping[str, list[Instance]]]


def ner_reader(dataset: str, head: str | None = "", domain: str = "") -> DatasetReader:
    """Return a reader of entities, bound to a dataset as by a multitask reader."""
    settings: dict[str, str | None] = {"domain": domain} if domain else {}
    if head != "":
        settings["head"] = head
    reader = DatasetReader(**settings)  # type: ignore[arg-type]
    reader.bind(dataset)
    return reader


def word_reader(dataset: str, head: str = "") -> DatasetReader:
    """Return a reader of words, bound to a dataset."""
    reader = SighanCwsReader(head=head) if head else SighanCwsReader()
    reader.bind(dataset)
    return reader


def spans_of(tags: str) -> list[Span]:
    """Decode space-separated BIO tags."""
    return get_scheme("BIO").spans(tags.split())


def sentences_of(*pairs: tuple[str, str | None]) -> list[Instance]:
    """Build instances from texts and their space-separated BIO tags; None for no labels."""
    return [Instance(text, None if tags is None else spans_of(tags)) for text, tags in pairs]


def words_of(*sentences: str) -> list[Instance]:
    """Build instances from texts with space-separated words."""
    return [
        Instance("".join(words), tiling(map(len, words))) for words in map(str.split, sentences)
    ]


def character_alphabet(vocab: Vocabulary) -> CharacterAlphabet:
    """Return the character vocabulary of a vocabulary."""
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    return CharacterAlphabet(indices, indices[UNKNOWN])


def encoded(
    train: Mapping[str, list[Instance]], readers: Mapping[str, DatasetReader] | None = None
) -> dict[str, EncodedDataset]:
    """Encode the training sentences of datasets.

    Each dataset has its own head unless readers are passed.
    """
    vocab = Vocabulary.from_instances(
        {"train": train}, readers or {name: ner_reader(name) for name in train}
    )
    return {
        name: EncodedDataset(name, sentences, vocab, character_alphabet(vocab))
        for name, sentences in train.items()
    }


def of_lengths(**lengths: Sequence[int]) -> dict[str, EncodedDataset]:
    """Encode sentences of these lengths without entities, by dataset."""
    return encoded(
        {name: [Instance("字" * n, []) for n in of_name] for name, of_name in lengths.items()}
    )


def realistic_lengths(count: int, seed: int = 0) -> list[int]:
    """Draw lengths like those of news sentences: log-normal, median 43, 5 % above 115."""
    drawn = np.random.default_rng(seed).lognormal(np.log(43), 0.6, count)
    return [int(n) for n in np.clip(drawn, 1, 800)]
