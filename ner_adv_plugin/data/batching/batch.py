"""Batch: rows of any mix of datasets as tensors, sorted by length.

Shape suffixes: B rows, L positions (characters of the longest row).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows


@dataclass
class Batch:
    """Rows as tensors; every row has its own dataset, head and domain.

    # Parameters

    token_ids_BL : character indices, 0 beyond a row's end.
    mask_BL : True at real characters.
    tags_BL : gold tags of the row's head, 0 where there are none; None where no row has any.
    lengths_B : characters a row.
    domain_B : domain indices.
    weights_B : weight of each row's loss.
    lengths : the same as `lengths_B` on the host, longest first.
    heads : the head of each row, None for a row without labels.
    datasets : the dataset of each row.
    row_ids : the index of each row in its dataset.
    totals : rows of each head in the whole global batch (all micro-batches and processes); a head's loss is
        divided by its entry.
    total : rows in the whole global batch.
    """

    token_ids_BL: Tensor
    mask_BL: Tensor
    tags_BL: Tensor | None
    lengths_B: Tensor
    domain_B: Tensor
    weights_B: Tensor
    lengths: list[int]
    heads: list[str | None]
    datasets: list[str]
    row_ids: list[int]
    totals: Mapping[str, int] = field(default_factory=dict)
    total: int = 0

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.token_ids_BL.device

    def rows(self, head: str) -> list[int]:
        """Indices of the rows of one head, in order."""
        return [i for i, name in enumerate(self.heads) if name == head]

    def select(self, rows: Sequence[int]) -> "Batch":
        """The batch of some of its rows, cut to the longest of them; the totals stay those of the whole."""
        if list(rows) == list(range(len(self))):
            return self
        index = torch.tensor(rows, dtype=torch.long, device=self.device)
        length = max([self.lengths[i] for i in rows], default=0)
        return replace(
            self,
            token_ids_BL=self.token_ids_BL[index, :length],
            mask_BL=self.mask_BL[index, :length],
            tags_BL=None if self.tags_BL is None else self.tags_BL[index, :length],
            lengths_B=self.lengths_B[index],
            domain_B=self.domain_B[index],
            weights_B=self.weights_B[index],
            lengths=[self.lengths[i] for i in rows],
            heads=[self.heads[i] for i in rows],
            datasets=[self.datasets[i] for i in rows],
            row_ids=[self.row_ids[i] for i in rows],
        )

    def without_tags(self) -> "Batch":
        """The batch as if nothing were known of its tags."""
        return replace(self, tags_BL=None, heads=[None] * len(self), totals={})

    def to(self, device: torch.device) -> "Batch":
        """The batch with its tensors on a device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def collate(rows: Sequence[tuple[EncodedRows, int]]) -> Batch:
    """Make a batch of rows, longest first (ties in the order given)."""
    ordered = sorted(rows, key=lambda pair: -int(pair[0].lengths[pair[1]]))
    lengths = [int(source.lengths[row]) for source, row in ordered]
    shape = (len(ordered), max(lengths, default=0))
    tokens: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
    tags: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
    tagged = False
    for i, (source, row) in enumerate(ordered):
        tokens[i, : lengths[i]] = source.row_tokens(row)
        if source.tags is not None:
            tagged = True
            gold = source.row_tags(row)
            # A label that the head cannot predict is scored, never learned from.
            tags[i, : lengths[i]] = np.where(gold < source.num_predictable, gold, 0)
    lengths_B = torch.tensor(lengths, dtype=torch.long)
    heads = [source.taught_head for source, _ in ordered]
    return Batch(
        token_ids_BL=torch.from_numpy(tokens),
        mask_BL=torch.arange(shape[1])[None, :] < lengths_B[:, None],
        tags_BL=torch.from_numpy(tags) if tagged else None,
        lengths_B=lengths_B,
        domain_B=torch.tensor([source.domain_index for source, _ in ordered], dtype=torch.long),
        weights_B=torch.tensor([float(source.weights[row]) for source, row in ordered]),
        lengths=lengths,
        heads=heads,
        datasets=[source.dataset for source, _ in ordered],
        row_ids=[row for _, row in ordered],
        totals=_count(heads),
        total=len(ordered),
    )


def _count(heads: Sequence[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for head in heads:
        if head is not None:
            counts[head] = counts.get(head, 0) + 1
    return counts


def share_totals(batches: Sequence[Batch], heads: Sequence[str | None] | None = None) -> list[Batch]:
    """Give the micro-batches of one global batch the row counts of it all.

    # Parameters

    batches : the micro-batches, or this process's rows of each.
    heads : the head of every row of the global batch; by default those of the batches are all.
    """
    if heads is None:
        heads = [head for batch in batches for head in batch.heads]
    totals, total = _count(heads), len(heads)
    return [replace(batch, totals=totals, total=total) for batch in batches]
