"""EncodedDataset: the sentences of one dataset as flat integer arrays, encoded once.

Shape suffixes: R sentences, N characters of all sentences.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import UNLABELLED, Span, SpanTable
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary


class EncodedDataset:
    """One split of one dataset, ready to be batched; the sentences of a streamed table are encoded on access.

    # Parameters

    dataset : its name, which the vocabulary knows.
    instances : its sentences.
    vocab : gives the head's types and the domain.
    alphabet : the encoder's index of characters.
    shown : what the encoder is shown of a text, as long as it is: `DatasetReader.shown`.

    `spans` are the gold spans, None without labels; their `types` are those of the head, followed by types that the
    head does not know: these count in scores and are never learnt. `targets` are what the model's heads and
    objectives learn from, by owner (`Model.targets`). `weights` are the instance weights.

    Raises `DataError` if some sentences have labels and others have none.
    """

    def __init__(
        self,
        dataset: str,
        instances: Sequence[Instance],
        vocab: Vocabulary,
        alphabet: Alphabet,
        shown: Callable[[str], str] = str,
    ) -> None:
        space = vocab.datasets[dataset]
        self.dataset = dataset
        self.domain_index = vocab.domains.index(space.domain)
        self.instances = InstanceTable.of(instances, dataset)
        self._alphabet = alphabet
        self._shown = shown

        self.lengths: NDArray[np.int64] = self.instances.lengths.astype(np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate(
            [np.zeros(1, np.int64), np.cumsum(self.lengths)]
        )
        # Those of the sentences as they were read, before long ones are cut.
        self._whole = self.offsets
        streamed = self.instances.streamed
        self.token_ids = (
            None if streamed else alphabet.encode("".join(map(shown, self.instances.texts())))
        )

        self.head: str | None = None
        self.spans: SpanTable | None = None
        if space.head is not None and self.instances.spans is not None:
            self._check_labelled(self.instances.spans)
            self.label(
                space.head, self.instances.spans.with_types(vocab.label_space(space.head).types)
            )
        self.targets: Mapping[str, Targets] = {}
        self.weights: NDArray[np.float32] = np.ones(len(self.lengths), dtype=np.float32)

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self.lengths)

    def _check_labelled(self, spans: SpanTable) -> None:
        without = np.flatnonzero(spans.counts_R == UNLABELLED)
        if len(without):
            raise DataError(
                *self.instances.place(int(without[0])),
                "no labels",
                "labels as other sentences have",
            )

    def label(self, head: str, spans: SpanTable) -> None:
        """Make the sentences belong to a task, with these spans as gold."""
        self.head = head
        self.spans = spans

    def cut(self, borders: Mapping[int, NDArray[np.int64]]) -> "EncodedDataset":
        """The same characters as more sentences, each with the weight of the one it is part of, and without targets.

        # Parameters

        borders : for each sentence that is cut the ends of its parts, from 0 to its length; none lies within a span.
        """
        parts: NDArray[np.int64] = np.ones(len(self), dtype=np.int64)
        parts[list(borders)] = [len(own) - 1 for own in borders.values()]
        inner = [self.offsets[sentence] + own[1:-1] for sentence, own in borders.items()]

        windows = copy.copy(self)
        windows.offsets = np.sort(np.concatenate([self.offsets, *inner]))
        windows.lengths = np.diff(windows.offsets)
        windows.weights = np.repeat(self.weights, parts)
        windows.targets = {}
        if self.spans is not None:
            windows.spans = _rebased(self.spans, self.offsets, windows.offsets)
        return windows

    def texts(self) -> Iterator[str]:
        """The text of every sentence as it was read, before long ones are cut."""
        return self.instances.texts()

    def text(self, sentence: int) -> str:
        """The text of one sentence, or of one window of a sentence that is cut."""
        start, end = int(self.offsets[sentence]), int(self.offsets[sentence + 1])
        whole, first = self._origin(start)
        return self.instances.text(whole)[start - first : end - first]

    def gold(self, sentence: int) -> list[Span]:
        """The gold spans of one sentence; none without labels."""
        return (self.spans.spans(sentence) or []) if self.spans is not None else []

    def token_ids_of(self, sentence: int) -> NDArray[np.int32]:
        """Character indices of a sentence."""
        start, end = self.offsets[sentence], self.offsets[sentence + 1]
        if self.token_ids is not None:
            return self.token_ids[start:end]
        whole, first = self._origin(int(start))
        return self._alphabet.encode(self._shown(self.instances.text(whole)))[
            start - first : end - first
        ]

    def _origin(self, position: int) -> tuple[int, int]:
        """The sentence as it was read that holds a character, and the position of its first one."""
        whole = int(np.searchsorted(self._whole[:-1], position, side="right")) - 1
        return whole, int(self._whole[whole])


def _rebased(
    spans: SpanTable, offsets: NDArray[np.int64], new_offsets: NDArray[np.int64]
) -> SpanTable:
    """The spans of sentences that are cut into more, none of them across a border."""
    starts_S = offsets[spans.sentences_S] + spans.starts_S
    sentences_S = np.searchsorted(new_offsets, starts_S, side="right") - 1
    shift_S = (new_offsets[sentences_S] - offsets[spans.sentences_S]).astype(np.int32)
    return SpanTable(
        types=spans.types,
        starts_S=spans.starts_S - shift_S,
        ends_S=spans.ends_S - shift_S,
        types_S=spans.types_S,
        counts_R=np.bincount(sentences_S, minlength=len(new_offsets) - 1).astype(np.int32),
    )
