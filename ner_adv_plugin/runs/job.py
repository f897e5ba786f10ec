"""The top-level keys of a training config."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, below, nearest_file
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.modules.encoders.encoder_files import check_encoder, is_path
from ner_adv_plugin.runs.initialising import InitializerApplicator, check_weights_path
from ner_adv_plugin.runs.launch import Distributed
from ner_adv_plugin.runs.sources import Paths, Sources, check_files
from ner_adv_plugin.training.trainer import LazyTrainer


@dataclass
class EvaluationLoader:
    """Batching of validation and test sentences.

    # Parameters

    batch_size : the largest number of sentences that are encoded together.
    """

    batch_size: int = 64

    def __post_init__(self) -> None:
        at_least(1, self.batch_size, "batch_size")


@dataclass
class Stages:
    """The stages of a run.

    # Parameters

    jobs : their jobs, in order.
    names : their names.
    weights : which weights of each the next one starts with, "best" or "last".
    vocabulary : that of all stages, once it is collected.
    """

    jobs: "list[TrainJob]"
    names: list[str]
    weights: list[str]
    vocabulary: Vocabulary | None = None


@dataclass(kw_only=True)
class TrainJob:
    """The top-level keys of a training config.

    `checked_job` also sets the attributes `config` (the config of the job), `filled` (the config
    including the defaults of constructors), `whole` (in addition with the components that null
    represents), `sources` (readers and paths), `files_read` (files besides corpora, by config path)
    and `stages_of_run` (the jobs of all stages). The job of a config with stages is that of the
    last one.

    # Parameters

    dataset_reader : the reader of all datasets.
    train_data_path, validation_data_path, test_data_path : a path or, with a multitask reader, an
        object of paths.
    model, data_loader, trainer : see `allennlp components`.
    vocabulary : collected from the data by default.
    validation_dataset_reader : reader of validation and test sets; `dataset_reader` by default.
    validation_data_loader : batching of validation and test sets.
    evaluate_on_test : score the test sets with the best weights at the end.
    random_seed, numpy_seed, pytorch_seed : seeds; the first also seeds the batch plan.
    include_in_archive : further files to put into the archive.
    distributed : processes to start; not needed with a launcher such as `accelerate launch`.
    initializer : initial weights of parameters from earlier runs, see `Initializer`; AllenNLP's
        place, inside `model`, is accepted, too.
    stages : stages that train one model in turn. Each has a `name`, overrides of the other keys
        and, if it does not use all of them, the `datasets` it trains on; `weights` says which of
        its weights the next stage starts with, "best" (default) or "last".
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
    initializer: InitializerApplicator | None = None
    stages: list[dict[str, Any]] | None = None
    config: Mapping[str, Any] = field(init=False)
    filled: Mapping[str, Any] = field(init=False)
    whole: Mapping[str, Any] = field(init=False)
    sources: Sources = field(init=False)
    files_read: Mapping[str, str] = field(init=False)
    stages_of_run: "Stages | None" = field(init=False, default=None)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"vocabulary": {"type": Vocabulary.default_implementation}}

    def check_paths(self) -> None:
        """Check that all files and folders named in the config exist; URLs are not checked.

        # Raises

        ConfigurationError : for the first file or folder that is missing, and for two files of
            `include_in_archive` with the same name.
        """
        for index, earlier in enumerate(self.earlier):
            with below(f"stages.{index}"):
                earlier.check_paths()
        self._check_folders()
        for key, path in self.weights_files.items():
            check_weights_path(path, key)
        for split in ("train", "validation", "test"):
            check_files(getattr(self, f"{split}_data_path"), f"{split}_data_path", folders=True)

        included: set[str] = set()
        for i, path in enumerate(self.include_in_archive or ()):
            check_files(str(local_path(path)), f"include_in_archive.{i}")
            if Path(path).name in included:
                raise ConfigurationError(
                    f'another file is also named "{Path(path).name}"', f"include_in_archive.{i}"
                )
            included.add(Path(path).name)

    @property
    def earlier(self) -> "list[TrainJob]":
        """The jobs of the stages before this one."""
        if self.stages_of_run is None:
            return []
        jobs = self.stages_of_run.jobs
        return jobs[: next(index for index, job in enumerate(jobs) if job is self)]

    @property
    def weights_files(self) -> dict[str, str]:
        """The files of initial weights, by config path."""
        files = {} if self.initializer is None else self.initializer.files()
        return {f"initializer.{key}": path for key, path in files.items()}

    def _check_folders(self) -> None:
        """Check that the folders of the vocabulary and of the encoder exist."""
        folders: dict[str, str] = {}
        if self.vocabulary is not None and self.vocabulary.filled.get("directory") is not None:
            folders["vocabulary.directory"] = self.vocabulary.filled["directory"]
        encoder = self.model.filled.get("encoder")
        name = encoder.get("model_name") if isinstance(encoder, Mapping) else None
        if isinstance(name, str) and is_path(name):
            folders["model.encoder.model_name"] = name

        for path, folder in folders.items():
            if not is_url(folder) and not Path(folder).exists():
                hint = nearest_file(Path(folder))
                raise ConfigurationError(f'no such folder "{folder}".{hint}', path)

    def check_encoder(self) -> None:
        """Check that the encoder's folder has the files of an encoder.

        # Raises

        ConfigurationError : a file is missing or cannot be read.
        """
        encoder = self.model.filled.get("encoder")
        if isinstance(encoder, Mapping) and encoder.get("type") == "pretrained_transformer":
            with below("model.encoder"):
                check_encoder(encoder["model_name"], encoder["model_name"])
