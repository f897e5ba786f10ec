"""Batches: sentences of any mix of datasets as tensors, sorted by length.

Shape suffixes: B sentences, L positions (characters of the longest sentence).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Target


@dataclass(frozen=True)
class OwnedTargets:
    """The targets of one head or objective in a batch.

    # Parameters

    tensors : the targets by name, each (B, ...).
    per_character : names of the targets with one value per character, (B, L, ...), which are cut to
        the length of the batch.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    per_character: frozenset[str] = frozenset()

    def select(self, index: Tensor, length: int) -> "OwnedTargets":
        """Select the targets of some sentences, the longest of which has `length` characters."""
        chosen = {
            name: value[index, :length] if name in self.per_character else value[index]
            for name, value in self.tensors.items()
        }
        return replace(self, tensors=chosen)

    def to(self, device: torch.device) -> "OwnedTargets":
        """Move the targets to a device."""
        moved = {name: value.to(device, non_blocking=True) for name, value in self.tensors.items()}
        return replace(self, tensors=moved)


@dataclass
class Batch:
    """A batch of sentences as tensors, each with its own dataset, task and domain.

    # Parameters

    token_ids_BL : character indices, 0 at padding.
    mask_BL : True at real characters.
    lengths_B : number of characters of each sentence.
    domain_B : domain indices.
    weights_B : instance weights.
    lengths : `lengths_B` as a list, longest first.
    heads : head of each sentence, None if unlabelled.
    datasets : dataset of each sentence.
    domains : `domain_B` as a list.
    sentence_ids : index of each sentence in its dataset.
    all_targets : targets of every head and objective, by owner ("heads.weibo", "objectives.0").
    inputs : what the encoder reads besides characters, by name, each (B, most rows of a sentence,
        ...), padded with -1.
    owner : the head or objective whose targets `targets` returns.
    totals : number of sentences of each head in the global batch (all micro-batches and
        processes), by which the loss of the head is normalised.
    units : sum of the units of the targets of each owner in the global batch, if they count any.
    total : number of sentences in the global batch.
    divergence_weight : if above 0, the batch holds pairs of copies, and a head adds the divergence
        between its predictions for them to its loss, with this weight; see `in_pairs`.
    """

    token_ids_BL: Tensor
    mask_BL: Tensor
    lengths_B: Tensor
    domain_B: Tensor
    weights_B: Tensor
    lengths: list[int]
    heads: list[str | None]
    datasets: list[str]
    domains: list[int]
    sentence_ids: list[int]
    all_targets: Mapping[str, OwnedTargets] = field(default_factory=dict)
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    owner: str = ""
    totals: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    divergence_weight: float = 0.0

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.token_ids_BL.device

    @property
    def labelled_total(self) -> int:
        """Number of sentences of the global batch that have a head."""
        return sum(self.totals.values())

    @property
    def targets(self) -> Mapping[str, Tensor]:
        """The targets of `owner` by name, each (B, ...); empty if the batch has none."""
        owned = self.all_targets.get(self.owner)
        return {} if owned is None else owned.tensors

    def owned_by(self, owner: str) -> "Batch":
        """Return the batch for one head or objective, with its targets and no others."""
        own = {name: targets for name, targets in self.all_targets.items() if name == owner}
        return replace(self, all_targets=own, owner=owner)

    def sentences_of(self, head: str) -> list[int]:
        """Return the indices of the sentences that belong to a head, in order."""
        return [i for i, name in enumerate(self.heads) if name == head]

    def sentences_by_domain(self) -> dict[int, list[int]]:
        """Return the indices of the sentences of each domain of the batch, ascending."""
        return {
            domain: [i for i, own in enumerate(self.domains) if own == domain]
            for domain in sorted(set(self.domains))
        }

    def select(self, sentences: Sequence[int]) -> "Batch":
        """Select sentences, cut to the longest of them; the totals are kept."""
        if list(sentences) == list(range(len(self))):
            return self

        index = index_tensor(sentences, self.device)
        length = max([self.lengths[i] for i in sentences], default=0)
        return replace(
            self,
            token_ids_BL=self.token_ids_BL[index, :length],
            mask_BL=self.mask_BL[index, :length],
            lengths_B=self.lengths_B[index],
            domain_B=self.domain_B[index],
            weights_B=self.weights_B[index],
            lengths=[self.lengths[i] for i in sentences],
            heads=[self.heads[i] for i in sentences],
            datasets=[self.datasets[i] for i in sentences],
            domains=[self.domains[i] for i in sentences],
            sentence_ids=[self.sentence_ids[i] for i in sentences],
            all_targets={name: own.select(index, length) for name, own in self.all_targets.items()},
            inputs={name: value[index] for name, value in self.inputs.items()},
        )

    def in_pairs(self, divergence_weight: float) -> "Batch":
        """Return the batch with every sentence twice in a row.

        The totals are doubled, so that the loss is the mean over both copies.

        # Parameters

        divergence_weight : see above.
        """
        pairs = self.select([i for i in range(len(self)) for _ in range(2)])
        return replace(
            pairs,
            totals={head: 2 * count for head, count in self.totals.items()},
            units={owner: 2 * count for owner, count in self.units.items()},
            total=2 * self.total,
            divergence_weight=divergence_weight,
        )

    def without_targets(self) -> "Batch":
        """Return the batch without targets."""
        return replace(self, all_targets={})

    def unlabelled(self) -> "Batch":
        """Return the batch as if no sentence had labels."""
        return replace(self, all_targets={}, heads=[None] * len(self), totals={}, units={})

    def to(self, device: torch.device) -> "Batch":
        """Move the tensors of the batch to a device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        moved["all_targets"] = {name: own.to(device) for name, own in self.all_targets.items()}
        moved["inputs"] = {
            name: value.to(device, non_blocking=True) for name, value in self.inputs.items()
        }
        return replace(self, **moved)


def collate(sentences: Sequence[tuple[EncodedDataset, int]]) -> Batch:
    """Collate sentences into a batch, longest first, those of equal length in the given order.

    # Parameters

    sentences : the dataset of each sentence and its index there.
    """
    ordered = sorted(sentences, key=lambda pair: -int(pair[0].lengths[pair[1]]))
    lengths = [int(source.lengths[i]) for source, i in ordered]
    token_ids = _padded(
        [source.token_ids_of(i) for source, i in ordered], (max(lengths, default=0),), 0
    )
    lengths_B = torch.tensor(lengths, dtype=torch.long)
    heads = [source.head for source, _ in ordered]
    domains = [source.domain_index for source, _ in ordered]

    return Batch(
        token_ids_BL=token_ids,
        mask_BL=torch.arange(token_ids.shape[1])[None, :] < lengths_B[:, None],
        lengths_B=lengths_B,
        domain_B=torch.tensor(domains, dtype=torch.long),
        weights_B=torch.tensor([float(source.weights[i]) for source, i in ordered]),
        lengths=lengths,
        heads=heads,
        datasets=[source.dataset for source, _ in ordered],
        domains=domains,
        sentence_ids=[i for _, i in ordered],
        all_targets=_collate_targets(ordered),
        inputs=_collate_inputs(ordered),
        totals=count_sentences(ordered),
        units=count_units(ordered),
        total=len(ordered),
    )


def _collate_inputs(ordered: Sequence[tuple[EncodedDataset, int]]) -> dict[str, Tensor]:
    """Collate what the encoder reads besides characters."""
    found = [source.inputs_of(i) for source, i in ordered]
    collated: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for own in found for name in own):
        rows = [own.get(name) for own in found]
        sizes = [value.shape for value in rows if value is not None]
        collated[name] = _padded(rows, tuple(map(max, zip(*sizes, strict=True))), -1)
    return collated


def _collate_targets(ordered: Sequence[tuple[EncodedDataset, int]]) -> dict[str, OwnedTargets]:
    """Collate the targets of all owners; a sentence without a target is filled."""
    sources = {id(source): source for source, _ in ordered}.values()
    keys = dict.fromkeys(
        (owner, name) for source in sources for owner, own in source.targets.items() for name in own
    )

    collated: dict[str, OwnedTargets] = {}
    for owner, name in keys:
        targets = [source.targets.get(owner, {}).get(name) for source, _ in ordered]
        values = [
            None if target is None else target.of(i, source.offsets)
            for target, (source, i) in zip(targets, ordered, strict=True)
        ]
        example = next(target for target in targets if target is not None)
        before = collated.get(owner, OwnedTargets())
        collated[owner] = OwnedTargets(
            tensors={**before.tensors, name: _collate_target(example, values, ordered)},
            per_character=before.per_character | ({name} if example.per_character else set()),
        )
    return collated


def _collate_target(
    example: Target,
    values: Sequence[NDArray[Any] | None],
    ordered: Sequence[tuple[EncodedDataset, int]],
) -> Tensor:
    """Pad one target of all sentences to a common shape.

    # Parameters

    example : a target of the same class, which determines the padding.
    values : the value of each sentence, None if it has none.
    ordered : the sentences.
    """
    shapes = [value.shape for value in values if value is not None]
    shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    if example.per_character:
        longest = max((int(source.lengths[i]) for source, i in ordered), default=0)
        shape = (longest, *shape[1:])
    return _padded(values, shape, example.fill)


def _padded(values: Sequence[NDArray[Any] | None], shape: tuple[int, ...], fill: int) -> Tensor:
    """Stack arrays into one padded tensor, (B, *shape), long or float32."""
    first = next((value for value in values if value is not None), None)
    floating = first is not None and first.dtype.kind == "f"
    padded: NDArray[Any] = np.full(
        (len(values), *shape), fill, dtype=np.float32 if floating else np.int64
    )

    for i, value in enumerate(values):
        if value is not None:
            region: tuple[int | slice, ...] = (i, *map(slice, value.shape))
            padded[region] = value
    return torch.from_numpy(padded)


def count_sentences(sentences: Iterable[tuple[EncodedDataset, int]]) -> dict[str, int]:
    """Count the sentences of each head.

    # Parameters

    sentences : the dataset of each sentence and its index there.
    """
    return dict(Counter(source.head for source, _ in sentences if source.head is not None))


def count_units(sentences: Iterable[tuple[EncodedDataset, int]]) -> dict[str, int]:
    """Count the units of the targets of each owner, see `Target.units`.

    # Parameters

    sentences : see `count_sentences`.
    """
    units: dict[str, int] = {}
    for source, sentence in sentences:
        for owner, targets in source.targets.items():
            for target in targets.values():
                own = target.units(sentence)
                if own is not None:
                    units[owner] = units.get(owner, 0) + own
    return units


def share_totals(
    batches: Sequence[Batch], sentences: Sequence[tuple[EncodedDataset, int]]
) -> list[Batch]:
    """Set the totals of micro-batches to those of their global batch.

    # Parameters

    batches : the micro-batches, or this process's share of each.
    sentences : all sentences of the global batch; see `count_sentences`.
    """
    totals, units = count_sentences(sentences), count_units(sentences)
    return [replace(batch, totals=totals, units=units, total=len(sentences)) for batch in batches]
