"""Small vocabularies, rows and batches for tests of modules and models."""

import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import Span
from ner_adv_plugin.data.vocabulary import CHARACTERS, DOMAINS, PADDING, UNKNOWN, DatasetSpace, Vocabulary

TEXT = "我们在北京看见了张三和他的公司今天去上海"
SPACES = {
    "weibo": DatasetSpace("weibo", "social", "ner", "BIO"),
    "msra": DatasetSpace("msra", "news", "ner", "BIO"),
    "msr": DatasetSpace("msr", "news", "segmentation", "BMES"),
    "reviews": DatasetSpace(None, "social", "ner", "BIO"),
}
TYPES = {"weibo": ["LOC", "PER"], "msra": ["LOC", "ORG", "PER"], "msr": []}


def vocabulary(*datasets: str) -> Vocabulary:
    """The vocabulary of a run on some of `SPACES`, all of them by default."""
    spaces = {name: SPACES[name] for name in datasets or SPACES}
    namespaces: dict[str, list[str]] = {
        CHARACTERS: [PADDING, UNKNOWN, *sorted(set(TEXT))],
        DOMAINS: list(dict.fromkeys(space.domain for space in spaces.values())),
    }
    vocab = Vocabulary(spaces, namespaces | {f"{head}_labels": ["O"] for head in TYPES})
    for head in vocab.heads:
        namespaces[f"{head}_labels"] = vocab.label_space(head).scheme.labels(TYPES[head])
    return Vocabulary(spaces, namespaces)


def character_alphabet(vocab: Vocabulary) -> CharacterAlphabet:
    """The alphabet of its characters."""
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    return CharacterAlphabet(indices, indices[UNKNOWN])


def encoded(vocab: Vocabulary, alphabet: Alphabet, dataset: str, lengths: Sequence[int], seed: int = 0) -> EncodedRows:
    """Random rows of these lengths with random legal tags."""
    chance = random.Random(f"{dataset} {seed}")
    rows = []
    for length in lengths:
        text = "".join(chance.choices(TEXT, k=length))
        head = vocab.datasets[dataset].head
        rows.append(Instance(text, random_tags(vocab, head, length, chance) if head else None, dataset))
    return EncodedRows(dataset, rows, vocab, alphabet)


def random_tags(vocab: Vocabulary, head: str, length: int, chance: random.Random) -> list[str]:
    """Tags of random spans of up to three characters; for segmentation they leave no gap."""
    space = vocab.label_space(head)
    spans, start = [], 0
    while start < length:
        end = min(length, start + chance.randint(1, 3))
        if space.scheme.segmentation:
            spans.append(Span(start, end, ""))
        elif chance.random() < 0.5:
            spans.append(Span(start, end, chance.choice(TYPES[head])))
        start = end
    return space.scheme.tags(spans, length)


def mixed_batch(
    vocab: Vocabulary, lengths: Mapping[str, Sequence[int]], alphabet: Alphabet | None = None, seed: int = 0
) -> Batch:
    """A batch of random rows: for every dataset their lengths."""
    alphabet = alphabet or character_alphabet(vocab)
    sources = [encoded(vocab, alphabet, name, sizes, seed) for name, sizes in lengths.items()]
    return collate([(source, row) for source in sources for row in range(len(source))])


def text_batch(alphabet: Alphabet, *texts: str) -> Batch:
    """A batch of unlabelled texts."""
    vocab = vocabulary()
    rows = EncodedRows("reviews", [Instance(text) for text in texts], vocab, alphabet)
    return collate([(rows, i) for i in range(len(texts))])


def prefix_mask(lengths: Sequence[int]) -> Tensor:
    """True at the first positions of every row, (B, L)."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
