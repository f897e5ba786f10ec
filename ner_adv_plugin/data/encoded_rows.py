"""EncodedRows: the rows of one dataset as flat integer arrays, encoded once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import Vocabulary


class EncodedRows:
    """One split of one dataset, ready to be batched.

    # Parameters

    dataset : its name, which the vocabulary knows.
    instances : its rows.
    vocab : gives the head's labels and the domain.
    alphabet : the encoder's index of characters.

    `labels` are those of the head, followed by labels met here that the head cannot predict: they count in
    scores as gold and never reach a loss.

    Raises `UserError` where a row has no tags and others have, or not one tag a character.
    """

    def __init__(self, dataset: str, instances: Sequence[Instance], vocab: Vocabulary, alphabet: Alphabet) -> None:
        space = vocab.datasets[dataset]
        self.dataset = dataset
        self.instances = instances
        self.head = space.head
        self.domain_index = vocab.domains.index(space.domain)
        self.labels: list[str] = list(vocab.label_space(space.head).labels) if space.head else []
        self.num_predictable = len(self.labels)
        self.lengths: NDArray[np.int64] = np.array([len(row.text) for row in instances], dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.lengths)])
        self.token_ids: NDArray[np.int32] = alphabet.encode("".join(row.text for row in instances))
        self.tags: NDArray[np.int16] | None = self._encode_tags() if space.head else None
        self.weights: NDArray[np.float32] = np.ones(len(instances), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.instances)

    @property
    def taught_head(self) -> str | None:
        """The head that its rows teach; None without tags."""
        return self.head if self.tags is not None else None

    def _encode_tags(self) -> NDArray[np.int16] | None:
        if all(row.tags is None for row in self.instances):
            return None
        for number, row in enumerate(self.instances, start=1):
            if row.tags is None or len(row.tags) != len(row.text):
                found = "no tags, where others have" if row.tags is None else f"{len(row.tags)} tags"
                raise UserError(f"{self.dataset}: row {number} has {len(row.text)} characters and {found}")
        index = {label: i for i, label in enumerate(self.labels)}
        flat = [tag for row in self.instances for tag in row.tags or ()]
        for tag in dict.fromkeys(flat):
            if tag not in index:
                index[tag] = len(index)
                self.labels.append(tag)
        return np.array([index[tag] for tag in flat], dtype=np.int16)

    def row_tokens(self, row: int) -> NDArray[np.int32]:
        """Character indices of a row."""
        return self.token_ids[self.offsets[row] : self.offsets[row + 1]]

    def row_tags(self, row: int) -> NDArray[np.int16]:
        """Gold tag indices of a row, into `labels`."""
        assert self.tags is not None
        return self.tags[self.offsets[row] : self.offsets[row + 1]]
