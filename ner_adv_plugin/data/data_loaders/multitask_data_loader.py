"""The training data loader: a plan of which rows make which batch, from (seed, epoch)."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batch import Batch, collate
from ner_adv_plugin.data.encoded_rows import EncodedRows
from ner_adv_plugin.data.samplers import MultiTaskEpochSampler, ProportionalSampler
from ner_adv_plugin.data.schedulers import MultiTaskScheduler, RoundRobinScheduler
from ner_adv_plugin.data.schedulers.scheduler import PlannedBatch

logger = logging.getLogger(__name__)


class DataLoader(Registrable):
    """Makes the batches of training epochs."""

    default_implementation = "multitask"
    leakage: Literal["drop", "error", "allow"]

    def set_rows(self, rows: Mapping[str, EncodedRows], seed: int) -> None:
        """Give it the training rows of every dataset, once, before anything else is asked."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Batches of the next epoch."""
        raise NotImplementedError

    def plan(self, epoch: int) -> list[PlannedBatch]:
        """The batches of an epoch, as names of datasets and rows; epochs are planned in order."""
        raise NotImplementedError

    def batch(self, planned: PlannedBatch) -> Batch:
        """A planned batch as tensors."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to plan the following epochs; plain types only."""
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        raise NotImplementedError


@DataLoader.register("multitask")
class MultiTaskDataLoader(DataLoader):
    """Mixes any number of datasets: the sampler says how many rows of each, the scheduler lays them into batches.

    A dataset's rows come in passes, each a fresh shuffle of all its rows; an epoch goes on where the last one
    stopped, so that no row is drawn again before all others were.
    Registered as "multitask".

    # Parameters

    scheduler : by default "roundrobin" with batches of `batch_size` rows.
    sampler : by default "proportional", every row once an epoch.
    batch_size : short for the batch size of the default scheduler.
    leakage : what to do with training rows that hold a validation or test row: "drop" leaves them out and
        says so, "error" stops, "allow" keeps them.
    """

    def __init__(
        self,
        scheduler: MultiTaskScheduler | None = None,
        sampler: MultiTaskEpochSampler | None = None,
        batch_size: int = 32,
        leakage: Literal["drop", "error", "allow"] = "drop",
    ) -> None:
        self.scheduler = scheduler or RoundRobinScheduler(batch_size)
        self.sampler = sampler or ProportionalSampler()
        self.leakage = leakage
        self._rows: dict[str, EncodedRows] = {}
        self._drawn: dict[str, int] = {}
        self._seed = 0

    def set_rows(self, rows: Mapping[str, EncodedRows], seed: int) -> None:
        """See `DataLoader.set_rows`."""
        self._rows = dict(rows)
        self._drawn = dict.fromkeys(rows, 0)
        self._seed = seed
        counts = self._counts()
        self.scheduler.count(counts)
        for name, count in counts.items():
            if count == 0:
                logger.warning("%s: the sampler draws none of its rows in an epoch", name)

    def _counts(self) -> dict[str, int]:
        return self.sampler.rows_per_epoch({name: len(rows) for name, rows in self._rows.items()})

    def __len__(self) -> int:
        return self.scheduler.count(self._counts())

    def plan(self, epoch: int) -> list[PlannedBatch]:
        """See `DataLoader.plan`."""
        counts = self._counts()
        drawn = {name: self._draw(name, count) for name, count in counts.items()}
        lengths = {name: rows.lengths for name, rows in self._rows.items()}
        batches = self.scheduler.batches(drawn, lengths, np.random.default_rng([self._seed, epoch]))
        for name, count in counts.items():
            self._drawn[name] += count
        return batches

    def _draw(self, name: str, count: int) -> NDArray[np.int64]:
        """The next rows of a dataset's endless sequence of shuffles."""
        size, start = len(self._rows[name]), self._drawn[name]
        passes = range(start // size, -(-(start + count) // size))
        key = zlib.crc32(name.encode())
        shuffles = [np.random.default_rng([self._seed, key, i]).permutation(size) for i in passes]
        if not shuffles:
            return np.zeros(0, dtype=np.int64)
        return np.concatenate(shuffles)[start % size : start % size + count]

    def batch(self, planned: PlannedBatch) -> Batch:
        """See `DataLoader.batch`."""
        return collate([(self._rows[name], row) for name, row in planned])

    def __iter__(self) -> Iterator[Batch]:
        """Batches of epoch 0, for a look at the data."""
        return (self.batch(planned) for planned in self.plan(0))

    def state_dict(self) -> dict[str, Any]:
        """See `DataLoader.state_dict`."""
        return {
            "drawn": dict(self._drawn),
            "sampler": self.sampler.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `DataLoader.load_state_dict`."""
        self._drawn = dict(state["drawn"])
        self.sampler.load_state_dict(state["sampler"])
        self.scheduler.load_state_dict(state["scheduler"])
