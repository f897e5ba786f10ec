"""Encoded datasets: the sentences of one dataset as flat integer arrays, encoded once.

Shape suffixes: R sentences, N characters of all sentences, S spans.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.targets import PerSpan, Targets
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import UNLABELLED, Span, SpanTable
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary


class EncodedDataset:
    """One split of one dataset, ready for batching.

    The sentences of a streamed table are encoded on access.

    # Parameters

    dataset : name of the dataset in the vocabulary.
    instances : the sentences.
    vocab : provides the types of the head and the domain.
    alphabet : the encoder's character vocabulary.
    shown : maps a text to the characters that the encoder sees, of the same length; see
        `DatasetReader.shown`.

    # Attributes

    spans : the gold spans, None if unlabelled. Their `types` are those of the head, followed by
        types that the head does not know, which count in scores but are never trained on.
    targets : what heads and objectives are trained on, by owner (see `Model.targets`).
    weights : the instance weights, (R,).
    lengths : the number of characters of each sentence, (R,).
    offsets : index of the first character of each sentence, and the total, (R + 1,).

    # Raises

    DataError : if some sentences have labels and others have none.

    # Examples

    >>> from ner_adv_plugin.data.alphabet import CharacterAlphabet
    >>> from ner_adv_plugin.data.reading import DatasetReader
    >>> reader = DatasetReader()
    >>> reader.bind("weibo")
    >>> sentences = [Instance("北京", [Span(0, 2, "GPE")]), Instance("你好啊", [])]
    >>> vocab = Vocabulary.from_instances({"train": {"weibo": sentences}}, {"weibo": reader})
    >>> characters = vocab.get_token_to_index_vocabulary("characters")
    >>> dataset = EncodedDataset("weibo", sentences, vocab, CharacterAlphabet(characters, 1))
    >>> dataset.lengths.tolist()
    [2, 3]
    >>> dataset.gold(0)
    [Span(start=0, end=2, type='GPE')]
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
        # Offsets of the whole sentences, before long ones are cut.
        self._whole_offsets = self.offsets
        streamed = self.instances.streamed
        self.token_ids: NDArray[np.int32] | None = None
        if not streamed:
            parts = [alphabet.encode(text) for text in self.instances.joined(shown)]
            self.token_ids = np.concatenate([np.zeros(0, np.int32), *parts])
        self._inputs = None if streamed else self._found(map(shown, self.instances.texts()))

        self.head: str | None = None
        self.spans: SpanTable | None = None
        if space.head is not None and self.instances.spans is not None:
            self._check_labelled(self.instances.spans)
            self.label(
                space.head, self.instances.spans.with_types(vocab.label_space(space.head).types)
            )
        elif space.task == "raw_text":
            self.head = space.head
        self.targets: Mapping[str, Targets] = {}
        self.weights: NDArray[np.float32] = np.ones(len(self.lengths), dtype=np.float32)

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.lengths)

    def _check_labelled(self, spans: SpanTable) -> None:
        without = np.flatnonzero(spans.counts_R == UNLABELLED)
        if len(without):
            raise DataError(
                *self.instances.place(int(without[0])),
                "no labels",
                "labels, as in other sentences",
            )

    def label(self, head: str, spans: SpanTable) -> None:
        """Assign the sentences to a task, with these spans as gold."""
        self.head = head
        self.spans = spans

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Let targets draw their values of an epoch; see `Target.begin_epoch`."""
        for own in self.targets.values():
            for target in own.values():
                target.begin_epoch(seed, epoch)

    def cut(self, borders: Mapping[int, NDArray[np.int64]]) -> "EncodedDataset":
        """Cut sentences into windows, each a sentence, with the same weight and without targets.

        # Parameters

        borders : for each sentence to cut, the borders of its windows, from 0 to its length; none
            lies within a span.
        """
        window_counts: NDArray[np.int64] = np.ones(len(self), dtype=np.int64)
        window_counts[list(borders)] = [len(positions) - 1 for positions in borders.values()]
        inner = [
            self.offsets[sentence] + positions[1:-1] for sentence, positions in borders.items()
        ]

        windows = copy.copy(self)
        windows.offsets = np.sort(np.concatenate([self.offsets, *inner]))
        windows.lengths = np.diff(windows.offsets)
        windows.weights = np.repeat(self.weights, window_counts)
        windows.targets = {}
        if self.spans is not None:
            windows.spans = _rebased(self.spans, self.offsets, windows.offsets)
        if self._inputs:
            windows._inputs = self._found(map(windows._shown_text, range(len(windows))))
        return windows

    def with_sentences(
        self, instances: Sequence[Instance], origins: NDArray[np.int64]
    ) -> "EncodedDataset":
        """Return a dataset of variations of these sentences, labelled like them, without targets.

        # Parameters

        instances : the variations.
        origins : index of the sentence of which each is a variation; it has the same weight.
        """
        variations = copy.copy(self)
        variations.instances = InstanceTable.of(instances, self.dataset)
        variations.lengths = variations.instances.lengths.astype(np.int64)
        variations.offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(variations.lengths)])
        variations._whole_offsets = variations.offsets
        texts = [self._shown(instance.text) for instance in instances]
        variations.token_ids = self._alphabet.encode("".join(texts))
        variations._inputs = self._found(texts)
        if self.spans is not None:
            spans = [instance.spans for instance in instances]
            variations.spans = SpanTable.of(spans, self.spans.types)
        variations.weights = self.weights[origins]
        variations.targets = {}
        return variations

    def texts(self) -> Iterator[str]:
        """Yield the text of every whole sentence, before long ones are cut."""
        return self.instances.texts()

    def text(self, sentence: int) -> str:
        """Return the text of one sentence, or of one window of a cut sentence."""
        start, end = int(self.offsets[sentence]), int(self.offsets[sentence + 1])
        whole, first = self._origin(start)
        return self.instances.text(whole)[start - first : end - first]

    def gold(self, sentence: int) -> list[Span]:
        """Return the gold spans of one sentence; empty if unlabelled."""
        return (self.spans.spans(sentence) or []) if self.spans is not None else []

    def token_ids_of(self, sentence: int) -> NDArray[np.int32]:
        """Return the character indices of one sentence, (length,)."""
        start, end = self.offsets[sentence], self.offsets[sentence + 1]
        if self.token_ids is not None:
            return self.token_ids[start:end]

        whole, first = self._origin(int(start))
        return self._alphabet.encode(self._shown(self.instances.text(whole)))[
            start - first : end - first
        ]

    def inputs_of(self, sentence: int) -> dict[str, NDArray[Any]]:
        """Return what the encoder reads of one sentence besides its characters, by name."""
        if self._inputs is not None:
            return {name: rows.of(sentence, self.offsets) for name, rows in self._inputs.items()}
        if not self._alphabet.has_inputs:
            return {}
        found = self._alphabet.inputs([self._shown_text(sentence)])
        return {name: rows for name, (rows, _) in found.items()}

    def _found(self, texts: Iterable[str]) -> dict[str, PerSpan]:
        """Collect what the encoder reads of every sentence besides its characters."""
        found = self._alphabet.inputs([*texts]) if self._alphabet.has_inputs else {}
        return {name: PerSpan(rows, counts) for name, (rows, counts) in found.items()}

    def _shown_text(self, sentence: int) -> str:
        """Return one sentence, or one window of a cut sentence, as the encoder sees it."""
        start, end = int(self.offsets[sentence]), int(self.offsets[sentence + 1])
        whole, first = self._origin(start)
        return self._shown(self.instances.text(whole))[start - first : end - first]

    def _origin(self, position: int) -> tuple[int, int]:
        """Return the whole sentence that holds a character, and the offset of its first one."""
        whole = int(np.searchsorted(self._whole_offsets[:-1], position, side="right")) - 1
        return whole, int(self._whole_offsets[whole])


def _rebased(
    spans: SpanTable, offsets: NDArray[np.int64], new_offsets: NDArray[np.int64]
) -> SpanTable:
    """Assign the spans of cut sentences to the windows; none of them crosses a border."""
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
