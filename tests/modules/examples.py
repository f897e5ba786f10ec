"""Small vocabularies, sentences and batches for tests of modules and models."""

import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, Targets
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.namespaces import CHARACTERS, DOMAINS, PADDING, UNKNOWN
from ner_adv_plugin.data.vocabulary import Vocabulary

TEXT = "我们在北京看见了张三和他的公司今天去上海"
SPACES = {
    "weibo": DatasetSpace("weibo", "social", "ner"),
    "msra": DatasetSpace("msra", "news", "ner"),
    "msr": DatasetSpace("msr", "news", "segmentation"),
    "reviews": DatasetSpace(None, "social", "ner"),
}
TYPES = {"weibo": ["LOC", "PER"], "msra": ["LOC", "ORG", "PER"], "msr": [""]}
TargetsOf = Callable[[EncodedDataset], Mapping[str, Targets]]


def vocabulary(*datasets: str) -> Vocabulary:
    """Vocabulary of a run on some datasets of `SPACES`, by default on all."""
    return vocabulary_of({name: SPACES[name] for name in datasets or SPACES})


def vocabulary_of(
    spaces: Mapping[str, DatasetSpace], types: Mapping[str, Sequence[str]] = TYPES
) -> Vocabulary:
    """Vocabulary of some datasets, given the types of each head."""
    namespaces: dict[str, list[str]] = {
        CHARACTERS: [PADDING, UNKNOWN, *sorted(set(TEXT))],
        DOMAINS: list(dict.fromkeys(space.domain for space in spaces.values())),
    }
    for space in spaces.values():
        if space.head is not None:
            namespaces[f"{space.head}_types"] = list(types[space.head])
    return Vocabulary(spaces, namespaces)


def character_alphabet(vocab: Vocabulary) -> CharacterAlphabet:
    """Character vocabulary of the characters in a vocabulary."""
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    return CharacterAlphabet(indices, indices[UNKNOWN])


def encoded(
    vocab: Vocabulary, alphabet: Alphabet, dataset: str, lengths: Sequence[int], seed: int = 0
) -> EncodedDataset:
    """Random sentences of the given lengths with random spans."""
    rng = random.Random(f"{dataset} {seed}")
    sentences = []
    for length in lengths:
        text = "".join(rng.choices(TEXT, k=length))
        head = vocab.datasets[dataset].head
        sentences.append(Instance(text, random_spans(vocab, head, length, rng) if head else None))
    return EncodedDataset(dataset, sentences, vocab, alphabet)


def random_spans(vocab: Vocabulary, head: str, length: int, rng: random.Random) -> list[Span]:
    """Random spans of up to three characters, without overlap.

    For a segmentation head they have no gaps, either.
    """
    space = vocab.label_space(head)
    spans, start = [], 0
    while start < length:
        end = min(length, start + rng.randint(1, 3))
        if space.segmentation:
            spans.append(Span(start, end))
        elif rng.random() < 0.5:
            spans.append(Span(start, end, rng.choice(space.types)))
        start = end
    return spans


def tags_of(dataset: EncodedDataset, vocab: Vocabulary) -> dict[str, Targets]:
    """Targets of a head that tags in the default scheme, by owner."""
    if dataset.head is None:
        return {}
    space = vocab.label_space(dataset.head)
    scheme = get_scheme("BMES" if space.segmentation else "BIO", space.segmentation)
    labels = scheme.labels(space.types)
    tags = [
        tag
        for i, length in enumerate(dataset.lengths)
        for tag in scheme.tags(dataset.gold(i), int(length))
    ]
    return {
        f"heads.{dataset.head}": {
            "tags": PerCharacter(np.array([labels.index(tag) for tag in tags]))
        }
    }


def mixed_batch(
    vocab: Vocabulary,
    lengths: Mapping[str, Sequence[int]],
    alphabet: Alphabet | None = None,
    seed: int = 0,
    targets_of: TargetsOf | None = None,
) -> Batch:
    """A batch of random sentences.

    # Parameters

    vocab : lists the datasets.
    lengths : lengths of the sentences of each dataset.
    alphabet, seed : see `encoded`.
    targets_of : makes the targets of a dataset, as `Model.targets` does; `tags_of` by default.
    """
    alphabet = alphabet or character_alphabet(vocab)
    sources = [encoded(vocab, alphabet, name, sizes, seed) for name, sizes in lengths.items()]
    for source in sources:
        source.targets = tags_of(source, vocab) if targets_of is None else targets_of(source)
    return collate([(source, sentence) for source in sources for sentence in range(len(source))])


def text_batch(alphabet: Alphabet, *texts: str) -> Batch:
    """A batch of unlabelled texts."""
    dataset = EncodedDataset("reviews", [Instance(text) for text in texts], vocabulary(), alphabet)
    return collate([(dataset, i) for i in range(len(texts))])


def prefix_mask(lengths: Sequence[int]) -> Tensor:
    """Mask with True at the first positions of each sentence, (B, L) bool."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
