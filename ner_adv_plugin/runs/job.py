"""The keys of a config."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest_file
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.runs.launch import Distributed
from ner_adv_plugin.runs.sources import Paths, Sources, check_files
from ner_adv_plugin.training.trainer import LazyTrainer


@dataclass
class EvaluationLoader:
    """How validation and test sentences are batched.

    # Parameters

    batch_size : sentences encoded together at most.
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

    `config` is the config that the job was made from, `filled` the same with defaults, `sources` what it reads: all set
    by `checked_job`.
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
    config: Mapping[str, Any] = field(init=False)
    filled: Mapping[str, Any] = field(init=False)
    sources: Sources = field(init=False)

    def check_paths(self) -> None:
        """Raise `ConfigurationError` if a file or folder that the config names is missing.

        A URL is looked at when it is read.
        """
        self._check_folders()
        for split in ("train", "validation", "test"):
            check_files(getattr(self, f"{split}_data_path"), f"{split}_data_path")

        included: set[str] = set()
        for i, path in enumerate(self.include_in_archive or ()):
            check_files(str(local_path(path)), f"include_in_archive.{i}")
            if Path(path).name in included:
                raise ConfigurationError(
                    f'another file is named "{Path(path).name}", too', f"include_in_archive.{i}"
                )
            included.add(Path(path).name)

    def _check_folders(self) -> None:
        """`ConfigurationError` if the folder of the vocabulary or of the encoder is missing."""
        directory = self.vocabulary.filled.get("directory") if self.vocabulary is not None else None
        encoder = self.model.filled.get("encoder")
        name = encoder.get("model_name") if isinstance(encoder, Mapping) else None
        # A name on a hub has one slash at most, and begins with a letter or digit.
        is_path = isinstance(name, str) and (
            name.startswith((".", "/", "~")) or name.count("/") > 1
        )
        places = (
            (directory, "vocabulary.directory"),
            (name if is_path else None, "model.encoder.model_name"),
        )
        for path, place in places:
            if path is not None and not is_url(path) and not Path(path).exists():
                raise ConfigurationError(
                    f'no such folder "{path}".{nearest_file(Path(path))}', place
                )
