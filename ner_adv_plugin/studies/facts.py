"""What the grid must know of an arm before it trains: sizes, epochs, steps, seconds a step."""

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.stages import config_of_model
from ner_adv_plugin.data.batching.updates import count_updates
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import RunData, read_data, with_subset
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.train_job import build_trainer
from ner_adv_plugin.training.checkpoints.random_state import seed_everything
from ner_adv_plugin.training.trainer import Trainer

# Optimizer steps that are timed, after some that are not, and how often each is.
WARM_UP_STEPS, TIMED_STEPS, ROUNDS = 3, 10, 2
_CACHE: dict[str, "ArmFacts"] = {}
_DATA: dict[str, RunData] = {}
# Measured seconds, by digest of the config and what was measured.
_SECONDS: dict[str, float] = {}
SECONDS_FILE = "seconds_per_step.json"


@dataclass
class ArmFacts:
    """An arm at one size.

    # Parameters

    config : its config at that size.
    target : the dataset that counts.
    sentences : training sentences of every dataset.
    num_epochs : as the config says.
    target_passes : times that an epoch sees each target sentence, on average over the run.
    steps_per_epoch : optimizer steps of an epoch, on average over the run; of the last stage.
    target_share : share of the optimizer steps of its first epoch that train on the target.
    """

    config: Mapping[str, Any]
    target: str
    sentences: dict[str, int]
    num_epochs: int
    target_passes: float
    steps_per_epoch: float
    target_share: float

    def steps_of(self, config: Mapping[str, Any]) -> float:
        """Return the optimizer steps of the last stage of a run.

        # Parameters

        config : the arm's config, with the length of the run.
        """
        trainer = config_of_model(config)["trainer"]
        return trainer.get("max_steps") or trainer["num_epochs"] * self.steps_per_epoch

    def seconds_per_step(self) -> float:
        """Measure the seconds of an optimizer step, unless this or an earlier process did.

        In a config with stages, it is one of the last stage.
        """
        return self._measured("step", lambda: _seconds_per_step(self._job()))

    def seconds_of_earlier_stages(self) -> float:
        """Estimate the seconds of all stages before the last from measured steps."""
        return self._measured("earlier stages", lambda: sum(map(_seconds, self._job().earlier)))

    def _job(self) -> TrainJob:
        # Callbacks expect a run that begins and ends.
        return checked_job(with_overrides(dict(self.config), {"trainer.callbacks": []}))

    def _measured(self, what: str, measure: Callable[[], float]) -> float:
        content = json.dumps(self.config, sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        key = f"{digest} {what}"
        if key not in _SECONDS:
            _SECONDS[key] = measure()
        return _SECONDS[key]


def recall_seconds(folder: Path) -> None:
    """Use the seconds of a step that an earlier process measured for the same study.

    With other seconds, a study that goes on would give its runs another length, and repeat them.

    # Parameters

    folder : of the study.
    """
    path = folder / SECONDS_FILE
    if path.is_file():
        _SECONDS.update(json.loads(path.read_text(encoding="utf-8")))


def keep_seconds(folder: Path) -> None:
    """Write the measured seconds of a step for later processes, if there are any.

    # Parameters

    folder : of the study.
    """
    if _SECONDS:
        write_json(folder / SECONDS_FILE, _SECONDS)


def facts_of(job: TrainJob, target: str, size: int | None) -> ArmFacts:
    """Return what is known of an arm with so many target sentences.

    # Raises

    `ConfigurationError`, at `sizes`, if the target has fewer training sentences.
    """
    config: dict[str, Any] = dict(job.config)
    if size is not None:
        config = with_overrides(config, {"data_loader.subset": {target: size}})
    key = json.dumps(config, sort_keys=True, ensure_ascii=False)
    if key not in _CACHE:
        _CACHE[key] = _facts(job, config, target, size)
    return _CACHE[key]


def data_of(job: TrainJob) -> RunData:
    """Return the data of an arm without a subset, read once for arms that read the same."""
    key = json.dumps(
        [
            {k: v for k, v in job.filled.items() if "reader" in k or "path" in k},
            job.data_loader.leakage,
        ],
        sort_keys=True,
        default=str,
    )
    if key not in _DATA:
        _DATA[key] = read_data(job)
    return _DATA[key]


def _facts(job: TrainJob, config: dict[str, Any], target: str, size: int | None) -> ArmFacts:
    data = data_of(job)
    available = len(data.splits["train"][target])
    if size is not None and size > available:
        raise ConfigurationError(
            f'"{target}" has {available} training sentences, fewer than {size}', "sizes"
        )
    if size is not None:
        data = with_subset(data, {target: size}, job.random_seed or 0)

    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(checked_job(config), data, Path(folder), targets=False)
    loader, epochs = trainer.data_loader, trainer.num_epochs
    drawn = sum(counts[target] for counts in loader.sentences_per_epoch(epochs))
    steps = trainer.plan_steps(0)
    return ArmFacts(
        config=config,
        target=target,
        sentences={name: len(table) for name, table in data.splits["train"].items()},
        num_epochs=epochs,
        target_passes=drawn / epochs / len(loader.sentences()[target]),
        steps_per_epoch=trainer.total_steps / epochs,
        target_share=count_updates(steps, [target])[target].steps / len(steps),
    )


def _seconds(job: TrainJob) -> float:
    """Estimate the seconds of a whole job from measured steps."""
    with _trainer(job) as trainer:
        return trainer.total_steps * _timed(trainer)


def _seconds_per_step(job: TrainJob) -> float:
    with _trainer(job) as trainer:
        return _timed(trainer)


@contextmanager
def _trainer(job: TrainJob) -> Iterator[Trainer]:
    """The trainer of a job, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
        yield build_trainer(job, read_data(job), Path(folder))


def _timed(trainer: Trainer) -> float:
    """Train some steps and return the seconds of one.

    The shortest time of each step counts: other processes hold up single ones.
    """
    trainer.model.train()
    steps = trainer.plan_steps(0)
    while len(steps) < WARM_UP_STEPS + TIMED_STEPS:
        steps += steps

    for group in steps[:WARM_UP_STEPS]:
        trainer.train_step(group)
    shortest = [math.inf] * TIMED_STEPS
    for _ in range(ROUNDS):
        for i, group in enumerate(steps[WARM_UP_STEPS : WARM_UP_STEPS + TIMED_STEPS]):
            started = time.perf_counter()
            trainer.train_step(group)
            shortest[i] = min(shortest[i], time.perf_counter() - started)
    return sum(shortest) / TIMED_STEPS
