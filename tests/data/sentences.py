"""Artificial sentences for tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.namespaces import CHARACTERS, UNKNOWN
from ner_adv_plugin.data.reading import DatasetReader, SighanCwsReader
from ner_adv_plugin.data.vocabulary import Vocabulary

Splits = Mapping[str, Mapping[str, list[Instance]]]


def ner_reader(dataset: str, head: str | None = "", domain: str = "") -> DatasetReader:
    """Build a reader of entities, bound as by a multitask reader."""
    settings: dict[str, str | None] = {"domain": domain} if domain else {}
    if head != "":
        settings["head"] = head
    reader = DatasetReader(**settings)  # type: ignore[arg-type]
    reader.bind(dataset)
    return reader


def word_reader(dataset: str, head: str = "") -> DatasetReader:
    """Build a reader of words."""
    reader = SighanCwsReader(head=head) if head else SighanCwsReader()
    reader.bind(dataset)
    return reader


def spans_of(tags: str) -> list[Span]:
    """Convert BIO tags separated by spaces to entities."""
    return get_scheme("BIO").spans(tags.split())


def sentences_of(*pairs: tuple[str, str | None]) -> list[Instance]:
    """Build instances from texts and BIO tags separated by spaces; None if unlabelled."""
    return [Instance(text, None if tags is None else spans_of(tags)) for text, tags in pairs]


def words_of(*sentences: str) -> list[Instance]:
    """Build instances from texts whose words are separated by spaces."""
    return [
        Instance("".join(words), tiling(map(len, words))) for words in map(str.split, sentences)
    ]


def character_alphabet(vocab: Vocabulary) -> CharacterAlphabet:
    """Build the character vocabulary of an encoder trained from scratch."""
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    return CharacterAlphabet(indices, indices[UNKNOWN])


def encoded(
    train: Mapping[str, list[Instance]], readers: Mapping[str, DatasetReader] | None = None
) -> dict[str, EncodedDataset]:
    """Encode the training sentences of datasets, by default with one head for each dataset."""
    vocab = Vocabulary.from_instances(
        {"train": train}, readers or {name: ner_reader(name) for name in train}
    )
    return {
        name: EncodedDataset(name, sentences, vocab, character_alphabet(vocab))
        for name, sentences in train.items()
    }


def of_lengths(**lengths: Sequence[int]) -> dict[str, EncodedDataset]:
    """Encode sentences of given lengths without entities."""
    return encoded({name: [Instance("字" * n, []) for n in own] for name, own in lengths.items()})


def realistic_lengths(count: int, seed: int = 0) -> list[int]:
    """Draw lengths like those of news: log-normal, median 43 characters, 5 % longer than 115."""
    drawn = np.random.default_rng(seed).lognormal(np.log(43), 0.6, count)
    return [int(n) for n in np.clip(drawn, 1, 800)]
