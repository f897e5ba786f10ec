"""Splits of a corpus: seeded, stratified by entity type, and without near-duplicates across them.

Shape suffixes: G groups, S splits.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.containment import candidates, is_searchable, normalise_all
from ner_adv_plugin.data.instance import Instance


def split(
    sentences: Sequence[Instance], shares: Sequence[float], seed: int = 0
) -> list[NDArray[np.int64]]:
    """Divide sentences among splits.

    Sentences that are equal after normalisation, or of which one contains the other, are in the
    same split. Groups of such sentences are dealt out as in iterative stratification, so that each
    entity type has about the same share in every split: first those with the rarest type, each to
    the split that needs the type most.

    Source: Sechidis, Tsoumakas & Vlahavas 2011, algorithm 1.

    # Parameters

    sentences : the sentences.
    shares : share of each split, of which the sum is 1.
    seed : seed of the order in which equal groups are dealt out.

    # Returns

    For each split the ascending indices of its sentences.

    # Raises

    UserError : if there are too few different sentences for a split.

    # Examples

    >>> corpus = [Instance(f"王明在第{i}小学读书", []) for i in range(10)]
    >>> [len(indices) for indices in split(corpus, [0.8, 0.2])]
    [8, 2]
    """
    groups = near_duplicates([sentence.text for sentence in sentences])
    if len(groups) < len(shares):
        raise UserError(
            f"{len(sentences)} sentences with {len(groups)} different texts are too few for "
            f"{len(shares)} splits"
        )
    names = _types(sentences)
    counts = [Counter(name for i in group for name in names[i]) for group in groups]
    order = np.random.default_rng(seed).permutation(len(groups)).tolist()
    # Large groups come first, while they fit into any split; the order of equal ones is random.
    order.sort(key=lambda group: -len(groups[group]))

    dealer = _Dealer(groups, counts, shares)
    remaining = dict.fromkeys(order)
    totals = Counter[str]()
    for own in counts:
        totals.update(own)
    while totals:
        rarest = min(totals, key=lambda name: (totals[name], name))
        for group in [group for group in remaining if counts[group][rarest]]:
            dealer.deal(group, rarest)
            del remaining[group]
            totals.subtract(counts[group])
        totals = +totals
    for group in remaining:
        dealer.deal(group)
    return dealer.splits()


def near_duplicates(texts: Sequence[str]) -> list[list[int]]:
    """Group texts that are equal after normalisation, or of which one contains the other.

    A text is searched for within others if it has 8 or more letters and digits, as for leakage.

    # Examples

    >>> near_duplicates(["你好", "再见", "你好！"])
    [[0, 2], [1]]
    """
    normalised = normalise_all(texts)
    distinct = list(dict.fromkeys(normalised))
    parents = list(range(len(distinct)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    searched = [i for i, text in enumerate(distinct) if is_searchable(text)]
    for i, outer in candidates([distinct[i] for i in searched], distinct):
        inner = searched[i]
        for other in outer.tolist():
            if distinct[inner] in distinct[other]:
                first, second = sorted((root(inner), root(other)))
                parents[second] = first

    index = {text: i for i, text in enumerate(distinct)}
    groups: dict[int, list[int]] = {}
    for i, text in enumerate(normalised):
        groups.setdefault(root(index[text]), []).append(i)
    return list(groups.values())


class _Dealer:
    """Deals out groups of sentences to splits."""

    def __init__(
        self,
        groups: Sequence[Sequence[int]],
        counts: Sequence[Counter[str]],
        shares: Sequence[float],
    ) -> None:
        self._groups = groups
        self._counts = counts
        self._members: list[list[int]] = [[] for _ in shares]
        totals = Counter[str]()
        for own in counts:
            totals.update(own)
        size = sum(map(len, groups))
        # How many sentences, and entities of each type, each split still needs.
        self._sentences = [share * size for share in shares]
        self._entities = [
            {name: share * count for name, count in totals.items()} for share in shares
        ]
        self._waiting = len(groups)

    def deal(self, group: int, name: str | None = None) -> None:
        """Give a group to the split that most needs a type, or sentences if it is None."""
        empty = [i for i, members in enumerate(self._members) if not members]
        # The last groups are kept for splits that are still empty.
        splits = empty if len(empty) >= self._waiting else range(len(self._members))
        chosen = max(
            splits,
            key=lambda i: (
                0.0 if name is None else self._entities[i][name],
                self._sentences[i],
                -i,
            ),
        )
        self._waiting -= 1
        self._members[chosen] += self._groups[group]
        self._sentences[chosen] -= len(self._groups[group])
        for of_type, count in self._counts[group].items():
            self._entities[chosen][of_type] -= count

    def splits(self) -> list[NDArray[np.int64]]:
        """Return the sentences of each split."""
        return [np.array(sorted(members), dtype=np.int64) for members in self._members]


def _types(sentences: Sequence[Instance]) -> list[list[str]]:
    """Return the types of the entities of each sentence, with repetitions."""
    return [[span.type for span in sentence.spans or ()] for sentence in sentences]
