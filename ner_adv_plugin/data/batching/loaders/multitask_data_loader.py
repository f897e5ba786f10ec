"""Training data loader, which plans the batches of an epoch from (seed, epoch)."""

import copy
import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.errors import ConfigurationError, UserError, below
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.augmentation import Augmentation
from ner_adv_plugin.data.batching.augmentation.variations import TargetsOf, Variations
from ner_adv_plugin.data.batching.batch import Batch, collate, share_totals
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler, ProportionalSampler
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler, RoundRobinScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.data.batching.training_windows import training_windows
from ner_adv_plugin.data.batching.updates import Updates, count_updates
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset

logger = logging.getLogger(__name__)


class DataLoader(Registrable):
    """Mix any number of datasets, as determined by a sampler and a scheduler.

    Registered as "multitask", the default.

    The sampler determines how many sentences of each dataset an epoch draws, and the scheduler
    arranges them into batches; schedulers that repeat small datasets increase the sampler's
    numbers. The sentences of a dataset come in passes, each a new shuffle of all of them. An epoch
    continues the pass of the previous one, so that no sentence is drawn again before all others of
    its dataset.

    # Parameters

    scheduler : by default "roundrobin" with batches of `batch_size` sentences.
    sampler : by default "proportional", every sentence once per epoch.
    batch_size : batch size of the default scheduler; has no effect if `scheduler` is set.
    leakage : what to do with training sentences that contain a validation or test sentence: "drop"
        removes them and logs how many, "error" stops the run, "allow" keeps them.
    max_length : maximum number of characters of a training sentence. A longer one is cut into
        windows, each a sentence, but never within an entity or a word: a longer entity or word
        forms a longer window. null keeps sentences whole.
    subset : number of training sentences to use of each dataset named. They are sampled with the
        run's `random_seed`; the smaller of two subsets is always within the larger one.
    augmentation : for each dataset named, which must have entities, the augmentations that vary its
        drawn sentences in every epoch, in order. The variations depend on the seed, the epoch and
        the name of the dataset only. Without it, nothing is varied.
    cache_directory : a folder that keeps what was read, for later runs on the same files; null to
        read the files each time. See `CorpusCache`.

    # Example

    ```jsonnet
    {
      type: 'multitask',
      scheduler: { type: 'balanced', batch_size: 16 },
      sampler: { type: 'proportional', alpha: 0.5 },
      leakage: 'error',
      augmentation: { weibo: [{ type: 'mention_replacement' }] },
    }
    ```
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
        augmentation: dict[str, list[Augmentation]] | None = None,
        cache_directory: str | None = None,
    ) -> None:
        if max_length is not None and max_length < 1:
            raise ConfigurationError(
                f"expected 1 or more, or null, found {max_length}", "max_length"
            )
        if cache_directory == "":
            raise ConfigurationError('found "": expected a folder or null', "cache_directory")

        self.scheduler = scheduler or RoundRobinScheduler(batch_size)
        self.sampler = sampler or ProportionalSampler()
        self.leakage = leakage
        self.max_length = max_length
        self.subset = subset or {}
        self.augmentation = augmentation or {}
        self.cache_directory = cache_directory

        self._sentences: dict[str, EncodedDataset] = {}
        self._drawn: dict[str, int] = {}
        self._updates: dict[str, Updates] = {}
        self._seed = 0
        self._variations = Variations({}, {}, 0)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: subsets are of datasets, and augmented ones have entities."""
        if context.run is not None:
            for name, augmentations in (settings.get("augmentation") or {}).items():
                check_some(augmentations, "augmentation", f"augmentation.{name}")
                check_dataset(name, context.run.datasets, f"augmentation.{name}")
                space = context.run.datasets[name]
                if space.head is None or space.task != "ner":
                    has_words = space.head is not None and space.task == "segmentation"
                    found = "words" if has_words else "no labels"
                    raise ConfigurationError(
                        f"augmentations vary entities, but this dataset has {found}",
                        f"augmentation.{name}",
                    )
        for name, size in (settings.get("subset") or {}).items():
            if context.run is not None:
                check_dataset(name, context.run.datasets, f"subset.{name}")
            at_least(1, size, f"subset.{name}")

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            "scheduler": {"type": "roundrobin", "batch_size": settings["batch_size"]},
            "sampler": {"type": "proportional"},
        }

    def set_sentences(self, sentences: Mapping[str, EncodedDataset], seed: int) -> None:
        """Set the training sentences of every dataset; called once, before all other methods.

        # Parameters

        sentences : the encoded training sentences of each dataset.
        seed : determines all plans, together with the epoch.

        # Raises

        UserError : if a dataset has no sentences.
        ConfigurationError : if the sampler cannot draw from datasets of these sizes.
        """
        for name, dataset in sentences.items():
            if not len(dataset):
                raise UserError(f"{name}: there are no training sentences")

        self._sentences = {name: self._windows(dataset) for name, dataset in sentences.items()}
        self._drawn = dict.fromkeys(sentences, 0)
        self._seed = seed
        self.sampler.set_heads({name: dataset.head for name, dataset in sentences.items()})

        self._variations = Variations(self.augmentation, self._sentences, seed)

        first, last = self._counts(0, 2), self._counts(1, 2)
        for name in sentences:
            if first[name] == last[name] == 0:
                logger.warning("%s: the sampler draws no sentences of this dataset", name)

    def set_targets(self, targets_of: TargetsOf) -> None:
        """Make the targets of all training sentences, and later those of their variations.

        # Parameters

        targets_of : makes the targets of a dataset; see `Model.targets`.
        """
        self._variations.targets_of = targets_of
        for dataset in self._sentences.values():
            dataset.targets = targets_of(dataset)

    def sentences(self) -> Mapping[str, EncodedDataset]:
        """Return the training sentences of every dataset, cut to `max_length`."""
        return self._sentences

    def drawn(self) -> Mapping[str, int]:
        """Return how many sentences of every dataset were planned so far."""
        return self._drawn

    def end_epoch(self, steps: Sequence[Sequence[PlannedBatch]]) -> dict[str, Updates]:
        """Count the updates of each dataset in an epoch; add them to those of the run.

        # Parameters

        steps : the micro-batches of each optimizer step of the epoch.
        """
        updates = count_updates(steps, self._sentences)
        for name, own in updates.items():
            before = self._updates.get(name, Updates())
            self._updates[name] = Updates(
                before.steps + own.steps, before.sentences + own.sentences
            )
        return updates

    def updates(self) -> Mapping[str, Updates]:
        """Return the updates of each dataset in the epochs of the run so far."""
        return self._updates

    def sentences_per_epoch(self, num_epochs: int) -> list[dict[str, int]]:
        """Return how many sentences of every dataset each epoch of a run draws."""
        return [self._counts(epoch, num_epochs) for epoch in range(num_epochs)]

    def _windows(self, sentences: EncodedDataset) -> EncodedDataset:
        return (
            sentences if self.max_length is None else training_windows(sentences, self.max_length)
        )

    def _counts(self, epoch: int, num_epochs: int) -> dict[str, int]:
        """Return the number of sentences of each dataset that an epoch draws."""
        progress = min(1.0, epoch / max(1, num_epochs - 1))
        sizes = {name: len(sentences) for name, sentences in self._sentences.items()}
        with below("sampler"):
            asked = self.sampler.sentences_per_epoch(sizes, progress)
        return self.scheduler.draws(asked)

    def __len__(self) -> int:
        """Return the number of batches of the first epoch."""
        return self.batches_per_epoch(1)[0]

    def batches_per_epoch(self, num_epochs: int) -> list[int]:
        """Return the number of batches of every epoch of a run, counted from the current state.

        If the number depends on the lengths of sentences, the epochs are planned to count it. A
        sampler that adapts to metrics ("loss_based") is used in its current state: the numbers are
        then exact if they depend on the total number of sentences only ("roundrobin" with a batch
        size in sentences), and otherwise estimates.

        # Parameters

        num_epochs : number of epochs of the run.
        """
        with self._kept_state():
            return [self._count_batches(epoch, num_epochs) for epoch in range(num_epochs)]

    def _count_batches(self, epoch: int, num_epochs: int) -> int:
        """Return the number of batches of an epoch and mark its sentences as drawn."""
        counts = self._counts(epoch, num_epochs)
        number = self.scheduler.count(counts)
        if number is None:
            return len(self.plan(epoch, num_epochs))

        self._count_as_drawn(counts)
        return number

    def plan(self, epoch: int, num_epochs: int = 1) -> list[PlannedBatch]:
        """Plan the batches of an epoch; call in the order of epochs.

        # Parameters

        epoch : index of the epoch, from 0.
        num_epochs : number of epochs of the run.

        # Returns

        The batches in order, each a list of (dataset, index of the sentence). Indices above those
        of a dataset's sentences are of its variations in this epoch; `batches` knows those of the
        last planned epoch.
        """
        counts = self._counts(epoch, num_epochs)
        drawn = {name: self._draw(name, count) for name, count in counts.items()}
        lengths = {name: sentences.lengths for name, sentences in self._sentences.items()}

        drawn, lengths = self._variations.vary(epoch, drawn, lengths)
        batches = self.scheduler.batches(drawn, lengths, np.random.default_rng([self._seed, epoch]))
        self._count_as_drawn(counts)
        for sentences in self._sentences.values():
            sentences.begin_epoch(self._seed, epoch)
        return batches

    def preview(self, steps: int, num_epochs: int = 1, accumulation: int = 1) -> list[list[Batch]]:
        """Return the micro-batches of the first optimizer steps, without drawing their sentences.

        # Parameters

        steps : number of optimizer steps; fewer are returned if the first epoch has fewer.
        num_epochs : number of epochs of the run.
        accumulation : micro-batches per optimizer step.
        """
        with self._kept_state():
            planned = self.plan(0, num_epochs)[: steps * accumulation]
            starts = range(0, len(planned), accumulation)
            return [self.batches(planned[start : start + accumulation]) for start in starts]

    @contextmanager
    def _kept_state(self) -> Iterator[None]:
        """Return a context after which the state is that before it."""
        state, made = copy.deepcopy(self.state_dict()), self._variations.made
        yield
        self.load_state_dict(state)
        self._variations.made = made

    def _count_as_drawn(self, counts: Mapping[str, int]) -> None:
        for name, count in counts.items():
            self._drawn[name] += count

    def _draw(self, name: str, count: int) -> NDArray[np.int64]:
        """Draw the next sentences of a dataset from its infinite sequence of shuffles."""
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
        """Return one process's share of the micro-batches of an optimizer step.

        Their totals are those of the global batch: all micro-batches and processes.

        # Parameters

        planned : the micro-batches.
        rank, world_size : index of the process and number of processes.
        """
        whole = [
            self._variations.source(name, sentence)
            for sentences in planned
            for name, sentence in sentences
        ]
        return share_totals(
            [self._batch(sentences, rank, world_size) for sentences in planned], whole
        )

    def _batch(self, planned: PlannedBatch, rank: int, world_size: int) -> Batch:
        sentences = [self._variations.source(name, sentence) for name, sentence in planned]
        # Sorted by length, so that all processes get sentences of similar length.
        sentences.sort(key=lambda pair: -int(pair[0].lengths[pair[1]]))
        return collate(sentences[rank::world_size])

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of epoch 0, to inspect the data."""
        return (batch for planned in self.plan(0) for batch in self.batches([planned]))

    def update_from_epoch_metrics(self, metrics: Mapping[str, float]) -> None:
        """Adapt the sampler to the metrics of an epoch, before the next one is planned.

        # Parameters

        metrics : `training_<name>` and `validation_<name>`, the same in every process.
        """
        self.sampler.update_from_epoch_metrics(metrics)

    def state_dict(self) -> dict[str, Any]:
        """Return the state from which a resumed run plans the next epochs, in plain types only."""
        return {
            "drawn": dict(self._drawn),
            "updates": {name: tuple(own) for name, own in self._updates.items()},
            "sampler": self.sampler.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""
        self._drawn = dict(state["drawn"])
        # Checkpoints of earlier versions have no counts.
        self._updates = {name: Updates(*own) for name, own in state.get("updates", {}).items()}
        self.sampler.load_state_dict(state["sampler"])
        self.scheduler.load_state_dict(state["scheduler"])


DataLoader.register("multitask")(DataLoader)
