"""A training run, from a config to an archive."""

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import torch

from ner_adv_plugin.archives.writing import BEST, CONFIG, FORMAT, META, VOCABULARY, archive_model
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.files import local_path, write_folder, write_json
from ner_adv_plugin.common.processes import is_main, on_main, rank
from ner_adv_plugin.common.schema import Bound, Lazy, Supplied
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.corpora.leakage import without_leaks
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.runs.config_checks import check_config, check_files, check_folders, sources
from ner_adv_plugin.runs.launch import Distributed
from ner_adv_plugin.training.checkpoints.random_state import seed_everything
from ner_adv_plugin.training.trainer import LazyTrainer, Trainer

logger = logging.getLogger(__name__)

Paths = str | dict[str, str]
Splits = dict[str, dict[str, InstanceTable]]


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

    def encoded(self, split: str, model: Model) -> dict[str, EncodedDataset]:
        """The rows of a split for a model, by dataset; of every split it is shown the text as of the training set."""
        return {
            name: EncodedDataset(name, rows, model.vocab, model.alphabet, self.readers[name].shown)
            for name, rows in self.splits.get(split, {}).items()
        }


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
    distributed : processes to start; a launcher such as `accelerate launch` needs no such setting.
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
    distributed: Distributed | None = None

    def check_paths(self) -> None:
        """Raises `ConfigurationError` where a file or folder that the config names is not there.

        What a URL leads to is seen when it is read.
        """
        check_folders(self)
        for split in ("train", "validation", "test"):
            check_files(getattr(self, f"{split}_data_path"), f"{split}_data_path")
        included: set[str] = set()
        for i, path in enumerate(self.include_in_archive or ()):
            check_files(str(local_path(path)), f"include_in_archive.{i}")
            if Path(path).name in included:
                raise ConfigurationError(f'another file is named "{Path(path).name}", too', f"include_in_archive.{i}")
            included.add(Path(path).name)

    def read(self, config: Mapping[str, Any]) -> RunData:
        """Read all datasets and leave leaked training rows out.

        Raises `ConfigurationError` where the paths do not fit the readers, `DataError` where a row cannot be read.
        """
        given = sources(self, config)
        splits: Splits = {
            split: (given.reader if split == "train" else given.held_out_reader).read_all(paths)
            for split, paths in given.paths.items()
        }
        held_out = [rows for split, datasets in splits.items() if split != "train" for rows in datasets.values()]
        splits["train"], leaked = without_leaks(splits["train"], held_out, self.data_loader.leakage)
        return RunData(splits, given.reader.readers, leaked)

    def collect_vocabulary(self, data: RunData) -> Vocabulary:
        """The vocabulary of the run; `ConfigurationError` if that of another config has not all its datasets."""
        build = Vocabulary.from_instances if self.vocabulary is None else self.vocabulary.construct
        vocab = build(instances=data.splits, readers=data.readers)
        for name in data.readers:
            if name not in vocab.datasets:
                known = ", ".join(vocab.datasets)
                message = f'it has no dataset "{name}".{nearest(name, vocab.datasets)} Datasets: {known}.'
                raise ConfigurationError(message, "vocabulary")
        # Where it is an earlier run's, that run's encoder, kept beside it without weights, is not this one's.
        vocab.directory = None
        return vocab

    def evaluator(self, model: Model, data: RunData, split: str) -> Evaluator:
        """The evaluator of one split."""
        datasets = data.encoded(split, model)
        for dataset in datasets.values():
            dataset.targets = model.targets(dataset, training=False)
        return Evaluator(model.vocab, datasets, self.validation_data_loader.batch_size)


def bind_config(config: Mapping[str, Any]) -> Bound:
    """Check a whole config; `ConfigurationError` with the place of what is wrong."""
    bound = bind(TrainJob, config, "")
    check_config(bound, config)
    return bound


def train_model(config: Mapping[str, Any], serialization_dir: Path, recover: bool = False) -> dict[str, Any]:
    """Train, test and archive a model.

    # Parameters

    config : the whole config.
    serialization_dir : an empty folder, or with `recover` that of an earlier run.
    recover : resume from the last checkpoint, or start from the beginning if there is none.

    # Returns

    The content of `metrics.json`.
    """
    job: TrainJob = bind_config(config).build({})
    with open_run(job, config, serialization_dir, recover) as trainer:
        trainer.train()
    return trainer.metrics


@contextmanager
def open_run(job: TrainJob, config: Mapping[str, Any], folder: Path, recover: bool = False) -> Iterator[Trainer]:
    """Prepare a run, give its trainer, and after training test and archive.

    `trainer.metrics` holds the content of `metrics.json` afterwards. After `KeyboardInterrupt` the
    best weights so far are archived. Every process of a run enters it.

    # Parameters

    job, config : a config that was checked, and what was made from it.
    folder, recover : see `train_model`.
    """
    if is_main():
        write_json(folder / CONFIG, config)
        write_json(folder / META, _meta())
    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    data = job.read(config)
    trainer = build_trainer(job, data, folder, recover)

    try:
        yield trainer
        trainer.metrics.update({f"leaked_rows_{name}": count for name, count in data.leaked.items()})
        trainer.metrics.update(_test_metrics(job, trainer.model, data, folder))
    except KeyboardInterrupt:
        if is_main() and (folder / BEST).is_file():
            logger.warning("interrupted: archiving the best weights so far")
            archive_model(folder, job.include_in_archive or ())
        raise

    if is_main():
        write_json(folder / "metrics.json", trainer.metrics)
        archive_model(folder, job.include_in_archive or ())


def build_trainer(job: TrainJob, data: RunData, folder: Path, recover: bool = False) -> Trainer:
    """Build the trainer of a run with its model and data; write the vocabulary to the folder."""
    model = _build_model(job, data, folder)
    job.data_loader.set_rows(data.encoded("train", model), job.random_seed or 0)
    for dataset in job.data_loader.rows().values():
        dataset.targets = model.targets(dataset)
    if rank() and job.pytorch_seed is not None:
        # Weights are the same in all processes, dropout is not.
        torch.manual_seed(job.pytorch_seed + rank())
    return job.trainer.construct(
        model=model,
        data_loader=job.data_loader,
        evaluator=job.evaluator(model, data, "validation"),
        serialization_dir=str(folder),
        recover=recover,
    )


def _build_model(job: TrainJob, data: RunData, folder: Path) -> Model:
    vocab = job.collect_vocabulary(data)
    model = job.model.construct(vocab=vocab)

    def write(aside: Path) -> None:
        vocab.save_to_files(aside)
        model.save_files(aside)

    if is_main():
        write_folder(folder / VOCABULARY, write)
    for name, rows in data.splits["train"].items():
        logger.info("%s: %d training rows", name, len(rows))
    logger.info("%d parameters", sum(p.numel() for p in model.parameters()))
    return model


def _test_metrics(job: TrainJob, model: Model, data: RunData, folder: Path) -> dict[str, float]:
    """Scores of the test sets with the best weights."""
    if not job.evaluate_on_test or "test" not in data.splits:
        return {}
    model.load_weights(on_main(lambda: _best_weights(folder / BEST)))
    metrics = job.evaluator(model, data, "test").evaluate(model, "testing")
    return {f"test_{name}": value for name, value in metrics.items()}


def _best_weights(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"no weights to test in {path}")
    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _meta() -> dict[str, str | int]:
    names = ("ner_adv_plugin", "torch", "transformers", "allennlp-light")
    versions = {name: metadata.version(name) for name in names if _installed(name)}
    return {"archive_format": FORMAT, "python": platform.python_version(), **versions}


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
