"""EncodedRows: the rows of one dataset as flat integer arrays, encoded once."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.instance_table import NONE, RowTable
from ner_adv_plugin.data.vocabulary import LabelSpace, Vocabulary


class EncodedRows:
    """One split of one dataset, ready to be batched. Of a streamed table a row is encoded when it is asked for.

    # Parameters

    dataset : its name, which the vocabulary knows.
    instances : its rows.
    vocab : gives the head's labels and the domain.
    alphabet : the encoder's index of characters.
    shown : what the encoder is shown of a text, as long as it is: `DatasetReader.shown`.

    `labels` are those of the head, followed by labels met here that the head cannot predict: they count in
    scores as gold and never reach a loss.

    Raises `UserError` where a row has no tags and others have, or not one tag a character.
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
        self._table = RowTable.of(instances)
        self._alphabet = alphabet
        self._shown = shown
        self.instances: Sequence[Instance] = self._table
        self.head = space.head
        self.domain_index = vocab.domains.index(space.domain)
        label_space = vocab.label_space(space.head) if space.head else None
        self.scheme = label_space.scheme if label_space else None
        self.labels: list[str] = list(label_space.labels) if label_space else []
        self.num_predictable = len(self.labels)
        self.lengths: NDArray[np.int64] = self._table.lengths.astype(np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths)])
        # Of the rows as they were read, whatever is cut of them.
        self._whole = self.offsets
        self.token_ids = None if self._table.streamed else alphabet.encode("".join(map(shown, self._table.texts())))
        self.tags: NDArray[np.int16] | None = self._encode_tags() if space.head else None
        self.weights: NDArray[np.float32] = np.ones(len(self.lengths), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def taught_head(self) -> str | None:
        """The head that its rows teach; None without tags."""
        return self.head if self.tags is not None else None

    def _encode_tags(self) -> NDArray[np.int16] | None:
        tag_lengths = self._table.tag_lengths
        if tag_lengths is None:
            return None
        for row in np.flatnonzero(tag_lengths != self.lengths):
            found = "no tags, where others have" if tag_lengths[row] == NONE else f"{tag_lengths[row]} tags"
            raise UserError(f"{self.dataset}: row {row + 1} has {self.lengths[row]} characters and {found}")
        used = self._table.labels_used()
        known = set(self.labels)
        self.labels += [label for label in used if label not in known]
        index = {label: i for i, label in enumerate(self.labels)}
        # Labels that no row here has get an index that none asks for.
        indices = np.array([index.get(label, 0) for label in self._table.labels], dtype=np.int16)
        return indices[self._table.tags()]

    def cut(self, borders: Mapping[int, NDArray[np.int64]]) -> "EncodedRows":
        """The same characters in more rows, each with the weight of the row that it is of; without instances.

        # Parameters

        borders : for each row that is cut where its parts begin and end, from 0 to its length.
        """
        parts: NDArray[np.int64] = np.ones(len(self), dtype=np.int64)
        parts[list(borders)] = [len(own) - 1 for own in borders.values()]
        inner = [self.offsets[row] + own[1:-1] for row, own in borders.items()]
        rows = copy.copy(self)
        rows.instances = ()
        rows.offsets = np.sort(np.concatenate([self.offsets, *inner]))
        rows.lengths = np.diff(rows.offsets)
        rows.weights = np.repeat(self.weights, parts)
        return rows

    def label(self, space: LabelSpace, tags: NDArray[np.int16]) -> None:
        """Have the rows teach a head these tags, of all rows one after another, in place of theirs."""
        self.head, self.scheme = space.head, space.scheme
        self.labels, self.num_predictable = list(space.labels), len(space.labels)
        self.tags = tags

    def texts(self) -> Iterator[str]:
        """The text of every row as it was read, whatever is cut of it."""
        return self._table.texts()

    def row_tokens(self, row: int) -> NDArray[np.int32]:
        """Character indices of a row."""
        start, end = self.offsets[row], self.offsets[row + 1]
        if self.token_ids is not None:
            return self.token_ids[start:end]
        whole = int(np.searchsorted(self._whole, start, side="right")) - 1
        tokens = self._alphabet.encode(self._shown(self._table.text(whole)))
        return tokens[start - self._whole[whole] : end - self._whole[whole]]

    def row_tags(self, row: int) -> NDArray[np.int16]:
        """Gold tag indices of a row, into `labels`."""
        assert self.tags is not None
        return self.tags[self.offsets[row] : self.offsets[row + 1]]
