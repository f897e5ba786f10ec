"""The training data loader: a plan of which sentences make which batch, from (seed, epoch)."""

import copy
import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.batch import Batch, collate, share_totals
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler, ProportionalSampler
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler, RoundRobinScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.data.batching.training_windows import training_windows
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset

logger = logging.getLogger(__name__)


class DataLoader(Registrable):
    """Mixes any number of datasets: the sampler says how many sentences of each, the scheduler lays them into batches.

    A dataset's sentences come in passes, each a fresh shuffle of all its sentences; an epoch goes on where the last one
    stopped, so that no sentence is drawn again before all others were. How many sentences an epoch draws of each is what the
    sampler asks for, raised where the scheduler repeats small datasets.
    Registered as "multitask", the default.

    # Parameters

    scheduler : by default "roundrobin" with batches of `batch_size` sentences.
    sampler : by default "proportional", every sentence once an epoch.
    batch_size : short for the batch size of the default scheduler; of no use with another.
    leakage : what to do with training sentences that hold a validation or test sentence: "drop" leaves them out and
        says so, "error" stops, "allow" keeps them.
    max_length : training sentences of more characters are cut into windows of at most as many, each a sentence of its own, none
        of which cuts an entity or a word: one that is longer has a longer window. null leaves sentences whole.
    subset : for every dataset named the number of training sentences to use. They are drawn at random from the run's
        `random_seed`, the smaller subset of two always within the larger one.
    """

    default_implementation = "multitask"

    def __init__(
        self,
        scheduler: MultiTaskScheduler | None = None,
        sampler: MultiTaskEpochSampler | None = None,
        batch_size: int = 32,
        leakage: Literal["drop", "error", "allow"] = "drop",
        max_length: int | None = 512,
        subset: dict[str, int] | None = None,
    ) -> None:
        if max_length is not None and max_length < 1:
            raise ConfigurationError(
                f"expected 1 or more, or null, found {max_length}", "max_length"
            )
        self.scheduler = scheduler or RoundRobinScheduler(batch_size)
        self.sampler = sampler or ProportionalSampler()
        self.leakage = leakage
        self.max_length = max_length
        self.subset = subset or {}
        self._sentences: dict[str, EncodedDataset] = {}
        self._drawn: dict[str, int] = {}
        self._seed = 0

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: subsets are of datasets, and of one sentence or more."""
        for name, size in (settings.get("subset") or {}).items():
            if context.run is not None:
                check_dataset(name, context.run.datasets, f"subset.{name}")
            if size < 1:
                raise ConfigurationError(f"expected 1 or more, found {size}", f"subset.{name}")

    def set_sentences(self, sentences: Mapping[str, EncodedDataset], seed: int) -> None:
        """Set the training sentences of every dataset; called once, before all other methods."""
        for name, own in sentences.items():
            if not len(own):
                raise UserError(f"{name}: there is no training sentence")
        self._sentences = {name: self._windows(own) for name, own in sentences.items()}
        self._drawn = dict.fromkeys(sentences, 0)
        self._seed = seed
        self.sampler.set_heads({name: own.head for name, own in sentences.items()})
        first, last = self._counts(0, 2), self._counts(1, 2)
        for name in sentences:
            if first[name] == last[name] == 0:
                logger.warning("%s: the sampler draws none of its sentences in an epoch", name)

    def sentences(self) -> Mapping[str, EncodedDataset]:
        """Return the training sentences of every dataset, cut to `max_length`."""
        return self._sentences

    def drawn(self) -> Mapping[str, int]:
        """Return how many sentences of every dataset were planned so far."""
        return self._drawn

    def sentences_per_epoch(self, num_epochs: int) -> list[dict[str, int]]:
        """Return how many sentences of every dataset each epoch of a run draws."""
        return [self._counts(epoch, num_epochs) for epoch in range(num_epochs)]

    def _windows(self, sentences: EncodedDataset) -> EncodedDataset:
        return (
            sentences if self.max_length is None else training_windows(sentences, self.max_length)
        )

    def _counts(self, epoch: int, num_epochs: int) -> dict[str, int]:
        """Sentences of each dataset that an epoch draws."""
        progress = min(1.0, epoch / max(1, num_epochs - 1))
        sizes = {name: len(sentences) for name, sentences in self._sentences.items()}
        return self.scheduler.draws(self.sampler.sentences_per_epoch(sizes, progress))

    def __len__(self) -> int:
        """Return the number of batches of the first epoch."""
        return self.batches_per_epoch(1)[0]

    def batches_per_epoch(self, num_epochs: int) -> list[int]:
        """Return the number of batches of every epoch of a run, counted from the present state.

        Epochs are planned where counts of sentences alone do not tell. A sampler that learns from epochs ("loss_based") is
        taken as it is now: lengths are then exact where they depend on the sum of sentences alone ("roundrobin" with a
        batch size in sentences), else as near as its shares stay.
        """
        state = copy.deepcopy(self.state_dict())
        numbers = [self._pass_over(epoch, num_epochs) for epoch in range(num_epochs)]
        self.load_state_dict(state)
        return numbers

    def _pass_over(self, epoch: int, num_epochs: int) -> int:
        """The number of batches of an epoch, whose sentences then count as drawn."""
        counts = self._counts(epoch, num_epochs)
        number = self.scheduler.count(counts)
        if number is None:
            return len(self.plan(epoch, num_epochs))
        self._count_as_drawn(counts)
        return number

    def plan(self, epoch: int, num_epochs: int = 1) -> list[PlannedBatch]:
        """Plan the batches of an epoch: dataset and index of their sentences. Call in order of epochs.

        # Parameters

        epoch : its number, from 0.
        num_epochs : of the run.
        """
        counts = self._counts(epoch, num_epochs)
        drawn = {name: self._draw(name, count) for name, count in counts.items()}
        lengths = {name: sentences.lengths for name, sentences in self._sentences.items()}
        batches = self.scheduler.batches(drawn, lengths, np.random.default_rng([self._seed, epoch]))
        self._count_as_drawn(counts)
        return batches

    def _count_as_drawn(self, counts: Mapping[str, int]) -> None:
        for name, count in counts.items():
            self._drawn[name] += count

    def _draw(self, name: str, count: int) -> NDArray[np.int64]:
        """The next sentences of a dataset's endless sequence of shuffles."""
        size, start = len(self._sentences[name]), self._drawn[name]
        passes = range(start // size, -(-(start + count) // size))
        key = zlib.crc32(name.encode())
        shuffles = [np.random.default_rng([self._seed, key, i]).permutation(size) for i in passes]
        if not shuffles:
            return np.zeros(0, dtype=np.int64)
        return np.concatenate(shuffles)[start % size : start % size + count]

    def batches(
        self, planned: Sequence[PlannedBatch], rank: int = 0, world_size: int = 1
    ) -> list[Batch]:
        """Return the part of one process of a step's micro-batches, with the totals of all.

        # Parameters

        planned : the micro-batches.
        rank, world_size : number of the process, and of processes.
        """
        heads = [self._sentences[name].head for sentences in planned for name, _ in sentences]
        return share_totals(
            [self._batch(sentences, rank, world_size) for sentences in planned], heads
        )

    def _batch(self, planned: PlannedBatch, rank: int, world_size: int) -> Batch:
        sentences = [(self._sentences[name], sentence) for name, sentence in planned]
        # By length, so that every process gets sentences as long as the others'.
        sentences.sort(key=lambda pair: -int(pair[0].lengths[pair[1]]))
        return collate(sentences[rank::world_size])

    def __iter__(self) -> Iterator[Batch]:
        """Batches of epoch 0, for a look at the data."""
        return (batch for planned in self.plan(0) for batch in self.batches([planned]))

    def update_from_epoch_metrics(self, metrics: Mapping[str, float]) -> None:
        """Adapt the sampler to the metrics of an epoch, before the next is planned.

        # Parameters

        metrics : `training_<name>` and `validation_<name>`, the same in every process.
        """
        self.sampler.update_from_epoch_metrics(metrics)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to plan the next epochs; plain types only."""
        return {
            "drawn": dict(self._drawn),
            "sampler": self.sampler.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._drawn = dict(state["drawn"])
        self.sampler.load_state_dict(state["sampler"])
        self.scheduler.load_state_dict(state["scheduler"])


DataLoader.register("multitask")(DataLoader)
