"""Training from Python."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ner_adv_plugin.api.tables import table
from ner_adv_plugin.archives.writing import ARCHIVE
from ner_adv_plugin.commands.train import chosen_folder, prepare_folder
from ner_adv_plugin.common.cpu_share import sharing_cpus
from ner_adv_plugin.common.errors import ConfigurationError, UserError, joined
from ner_adv_plugin.common.logging import logging_run
from ner_adv_plugin.common.params import load_training_config, parse_overrides, with_seeds
from ner_adv_plugin.common.processes import launched
from ner_adv_plugin.common.threads import using_threads
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.leftovers import Leftovers
from ner_adv_plugin.runs.staging import has_begun
from ner_adv_plugin.runs.train_job import open_run


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    # Parameters

    metrics : content of `metrics.json`: scores of the best epoch, of the test set, times.
    folder : folder of the run.
    """

    metrics: dict[str, Any]
    folder: Path

    @property
    def archive(self) -> Path:
        """Path of the trained model."""
        return self.folder / ARCHIVE

    @cached_property
    def predictor(self) -> Predictor:
        """The predictor of the trained model, loaded on first use, on the CPU."""
        return Predictor.from_path(self.archive)

    def _repr_html_(self) -> str:
        beginnings = ("best_validation_", "test_")
        scores = {
            name: value
            for name, value in self.metrics.items()
            if name.startswith(beginnings) and isinstance(value, float)
        }
        return table(scores)


def train(
    config: Mapping[str, Any] | str | Path,
    serialization_dir: str | Path | None = None,
    overrides: Mapping[str, Any] | str = "",
    *,
    recover: bool = False,
    force: bool = False,
    seed: int | None = None,
    verbose: bool = True,
) -> TrainResult:
    """Train a model, as `allennlp train` does, with the same checks and the same result.

    # Parameters

    config : the config as dictionaries and lists, or the path of a Jsonnet file.
    serialization_dir : folder of the run; a new one below `runs` by default.
    overrides : values by key, which may be dotted (`{"trainer.num_epochs": 3}`), or Jsonnet.
    recover : resume the run in the folder.
    force : empty the folder first, if it holds a run.
    seed : value of all seeds; that of the environment variable `NER_SEED`, or of the config, by
        default.
    verbose : log the progress to stderr.

    # Returns

    The metrics, the folder and the predictor.

    # Raises

    ConfigurationError : with the path of the first setting that is wrong, before data are read.
    UserError : if the folder is not empty, or the config needs several processes.

    # Examples

    >>> import tempfile
    >>> import ner_adv_plugin.components
    >>> corpus = "fixtures/data/weibo/weiboNER_2nd_conll."
    >>> config = {
    ...     "dataset_reader": {"type": "weibo", "max_instances": 24},
    ...     "train_data_path": f"{corpus}train",
    ...     "validation_data_path": f"{corpus}dev",
    ...     "model": {"type": "crf_tagger", "encoder": "character_embedding"},
    ...     "data_loader": {"batch_size": 8},
    ...     "trainer": {"num_epochs": 1, "optimizer": {"type": "adam", "lr": 0.01}},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = train(config, folder, {"trainer.cuda_device": -1}, verbose=False)
    ...     answer, = result.predictor.predict(["魏勇在深圳"])
    >>> answer["sentence"], result.metrics["best_epoch"]
    ('魏勇在深圳', 0)
    """
    if recover and (force or serialization_dir is None):
        raise UserError("recover needs a serialization_dir, and force excludes it")
    if launched():
        raise UserError("train() runs in one process: use `accelerate launch -m ner_adv_plugin`")
    whole, name = _config(config, overrides, seed)
    job: TrainJob = checked_job(whole)
    if job.distributed is not None:
        expected = "train() runs in one process: use `allennlp train`"
        raise ConfigurationError(expected, "distributed")
    job.check_paths()
    job.check_encoder()

    folder = chosen_folder(name, None if serialization_dir is None else str(serialization_dir))
    before = Leftovers.before(folder, emptied=force)
    prepare_folder(folder, force, recover)
    trainer = None
    try:
        with (
            using_threads(None),
            sharing_cpus(),
            logging_run(folder, verbose),
            open_run(job, folder, recover) as trainer,
        ):
            trainer.train()
    except BaseException:
        if not has_begun(trainer, folder):
            before.remove()
        raise
    return TrainResult(trainer.metrics, folder)


def _config(
    config: Mapping[str, Any] | str | Path, overrides: Mapping[str, Any] | str, seed: int | None
) -> tuple[dict[str, Any], str]:
    """Return the whole config, and a name for its folder."""
    if isinstance(config, str | Path):
        text = overrides if isinstance(overrides, str) else json.dumps(_plain(overrides, ""))
        return load_training_config(config, text, seed), str(config)
    if not isinstance(config, Mapping):
        found = type(config).__name__
        raise ConfigurationError(f"expected a dictionary or the path of a file, found {found}")
    values = parse_overrides(overrides) if isinstance(overrides, str) else _plain(overrides, "")
    return with_seeds(_plain(config, ""), values, seed), "run"


def _plain(value: Any, path: str) -> Any:
    """Return a value as JSON has it: paths become strings, tuples lists.

    # Raises

    ConfigurationError : with its path, for a value that JSON does not have.
    """
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError(f"expected strings as keys, found {key!r}", path)
        return {key: _plain(child, joined(path, key)) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child, joined(path, str(i))) for i, child in enumerate(value)]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    found = f"{type(value).__module__}.{type(value).__qualname__}"
    raise ConfigurationError(f"expected a value that JSON has, found {found}", path)
