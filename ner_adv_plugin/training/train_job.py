"""A training run, from a config to an archive."""

import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import torch

from ner_adv_plugin.common.binding import Bound, bind
from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError
from ner_adv_plugin.common.files import write_folder, write_json
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.data_loaders import DataLoader
from ner_adv_plugin.data.dataset_readers import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.dataset_readers.multitask import as_multitask
from ner_adv_plugin.data.encoded_rows import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.leakage import without_leaks
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.training.archive_writer import BEST, CONFIG, META, VOCABULARY, archive_model
from ner_adv_plugin.training.evaluator import Evaluator
from ner_adv_plugin.training.random_state import seed_everything
from ner_adv_plugin.training.trainer import LazyTrainer, Trainer

logger = logging.getLogger(__name__)

Paths = str | dict[str, str]
Splits = dict[str, dict[str, list[Instance]]]


@dataclass
class RunData:
    """What a run reads.

    # Parameters

    splits : instances by split ("train", "validation", "test") and dataset.
    readers : the reader of each dataset.
    leaked : training rows of each dataset that hold a validation or test row.
    """

    splits: Splits
    readers: dict[str, DatasetReader]
    leaked: dict[str, int]


@dataclass
class EvaluationLoader:
    """How validation and test rows are batched.

    # Parameters

    batch_size : rows encoded together at most.
    """

    batch_size: int = 64

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ConfigurationError(f"expected 1 or more, found {self.batch_size}", "batch_size")


@dataclass(kw_only=True)
class TrainJob:
    """The keys of a config.

    # Parameters

    dataset_reader : reads every dataset.
    train_data_path, validation_data_path, test_data_path : a path, or with a multitask reader an object of them.
    model, data_loader, trainer : see `allennlp components`.
    vocabulary : collected from the data by default.
    validation_dataset_reader : reads validation and test sets, where they need another reader.
    validation_data_loader : batches of validation and test sets.
    evaluate_on_test : score the test sets with the best weights at the end.
    random_seed, numpy_seed, pytorch_seed : seeds; the first also plans the batches.
    include_in_archive : files to put into the archive besides.
    """

    dataset_reader: DatasetReader
    train_data_path: Paths
    model: LazyModel
    data_loader: DataLoader
    trainer: LazyTrainer
    vocabulary: Annotated[Lazy[Vocabulary], Supplied("instances", "readers")] | None = None
    validation_dataset_reader: DatasetReader | None = None
    validation_data_path: Paths | None = None
    validation_data_loader: EvaluationLoader = field(default_factory=EvaluationLoader)
    test_data_path: Paths | None = None
    evaluate_on_test: bool = False
    random_seed: int | None = 13370
    numpy_seed: int | None = 1337
    pytorch_seed: int | None = 133
    include_in_archive: list[str] | None = None

    def check_paths(self) -> None:
        """Raises `DataError` where a data file is not there."""
        for paths in (self.train_data_path, self.validation_data_path, self.test_data_path):
            for path in paths.values() if isinstance(paths, dict) else [paths]:
                if path is not None and not Path(path).is_file():
                    raise DataError(path, None, "no such file", "a corpus file that exists")

    def read(self, config: Mapping[str, Any]) -> RunData:
        """Read all datasets and leave leaked training rows out.

        Raises `ConfigurationError` where the paths do not fit the readers, `DataError` where a row cannot be read.
        """
        reader = as_multitask(self.dataset_reader, config["dataset_reader"])
        held_out_reader = reader
        if self.validation_dataset_reader is not None:
            held_out_reader = as_multitask(self.validation_dataset_reader, config["validation_dataset_reader"])
        train_paths = _by_name(self.train_data_path, reader, "train_data_path")
        for name in reader.readers:
            if name not in train_paths:
                raise ConfigurationError("missing path: its reader would read nothing", f"train_data_path.{name}")
        splits: Splits = {"train": reader.read_all(train_paths)}
        for split, paths in (("validation", self.validation_data_path), ("test", self.test_data_path)):
            if paths is not None:
                named = _by_name(paths, held_out_reader, f"{split}_data_path")
                splits[split] = held_out_reader.read_all(named)
        held_out = [rows for split, datasets in splits.items() if split != "train" for rows in datasets.values()]
        splits["train"], leaked = without_leaks(splits["train"], held_out, self.data_loader.leakage)
        return RunData(splits, reader.readers, leaked)

    def collect_vocabulary(self, data: RunData) -> Vocabulary:
        """The vocabulary of the run."""
        build = Vocabulary.from_instances if self.vocabulary is None else self.vocabulary.construct
        return build(instances=data.splits, readers=data.readers)

    def evaluator(self, model: Model, rows: Mapping[str, list[Instance]]) -> Evaluator:
        """The evaluator of one split."""
        encoded = {name: EncodedRows(name, split, model.vocab, model.alphabet) for name, split in rows.items()}
        return Evaluator(model.vocab, encoded, self.validation_data_loader.batch_size)


def _by_name(paths: Paths, reader: MultiTaskDatasetReader, key: str) -> dict[str, str]:
    if isinstance(paths, dict):
        for name in paths:
            if name not in reader.readers:
                known = ", ".join(reader.readers)
                raise ConfigurationError(f"no reader for this dataset. Readers: {known}.", f"{key}.{name}")
        return paths
    if len(reader.readers) > 1:
        raise ConfigurationError(f"expected an object of paths, found {paths!r}", key)
    return {next(iter(reader.readers)): paths}


def bind_config(config: Mapping[str, Any]) -> Bound:
    """Check a whole config; `ConfigurationError` with the place of what is wrong."""
    return bind(TrainJob, config, "")


def train_model(config: Mapping[str, Any], serialization_dir: Path, recover: bool = False) -> dict[str, Any]:
    """Run a config in a serialization directory.

    # Parameters

    config : the whole config.
    serialization_dir : an empty folder, or with `recover` that of an earlier run.
    recover : go on from the last checkpoint, from the beginning where there is none.

    # Returns

    What `metrics.json` holds. Interrupted, it archives the best weights so far and raises again.
    """
    job: TrainJob = bind_config(config).build({})
    serialization_dir.mkdir(parents=True, exist_ok=True)
    write_json(serialization_dir / CONFIG, config)
    write_json(serialization_dir / META, _meta())
    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    data = job.read(config)
    trainer = build_trainer(job, data, serialization_dir, recover)
    try:
        metrics = trainer.train()
        metrics.update({f"leaked_rows_{name}": count for name, count in data.leaked.items()})
        metrics.update(_test_metrics(job, trainer.model, data.splits, serialization_dir))
    except KeyboardInterrupt:
        if (serialization_dir / BEST).is_file():
            logger.warning("interrupted: archiving the best weights so far")
            archive_model(serialization_dir, job.include_in_archive or ())
        raise
    write_json(serialization_dir / "metrics.json", metrics)
    archive_model(serialization_dir, job.include_in_archive or ())
    return metrics


def build_trainer(job: TrainJob, data: RunData, folder: Path, recover: bool = False) -> Trainer:
    """The trainer of a run, with its model and its training rows; the vocabulary is written to the run's folder."""
    model = _build_model(job, data, folder)
    train = data.splits["train"]
    rows = {name: EncodedRows(name, split, model.vocab, model.alphabet) for name, split in train.items()}
    job.data_loader.set_rows(rows, job.random_seed or 0)
    return job.trainer.construct(
        model=model,
        data_loader=job.data_loader,
        evaluator=job.evaluator(model, data.splits.get("validation", {})),
        serialization_dir=str(folder),
        recover=recover,
    )


def _build_model(job: TrainJob, data: RunData, folder: Path) -> Model:
    vocab = job.collect_vocabulary(data)
    model = job.model.construct(vocab=vocab)

    def write(aside: Path) -> None:
        vocab.save_to_files(aside)
        model.save_files(aside)

    write_folder(folder / VOCABULARY, write)
    for name, rows in data.splits["train"].items():
        logger.info("%s: %d training rows", name, len(rows))
    logger.info("%d parameters", sum(p.numel() for p in model.parameters()))
    return model


def _test_metrics(job: TrainJob, model: Model, splits: Splits, folder: Path) -> dict[str, float]:
    """Scores of the test sets with the best weights."""
    if not job.evaluate_on_test or "test" not in splits:
        return {}
    best = folder / BEST
    if not best.is_file():
        raise UserError(f"no weights to test in {best}")
    model.load_weights(torch.load(best, map_location="cpu", weights_only=True))
    metrics = job.evaluator(model, splits["test"]).evaluate(model, "testing")
    return {f"test_{name}": value for name, value in metrics.items()}


def _meta() -> dict[str, str]:
    names = ("ner_adv_plugin", "torch", "transformers", "allennlp-light")
    versions = {name: metadata.version(name) for name in names if _installed(name)}
    return {"python": platform.python_version(), **versions}


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
