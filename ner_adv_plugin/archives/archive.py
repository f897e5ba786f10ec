"""Loading of archives."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.extraction import is_bound, opened, versions
from ner_adv_plugin.archives.readers import Readers, check_readers, read_readers
from ner_adv_plugin.archives.writing import CONFIG, VOCABULARY, WEIGHT_FILES
from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import parse_overrides
from ner_adv_plugin.common.run_folders import PLANNED, not_a_run
from ner_adv_plugin.common.stages import config_of_model
from ner_adv_plugin.data.reading import MultiTaskDatasetReader
from ner_adv_plugin.data.reading.normalisers import Normaliser
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.models.prediction_config import config_of_prediction
from ner_adv_plugin.models.weights import check_weights, read_weights

logger = logging.getLogger(__name__)
# Archives without digests of which the user has been told.
_told: set[str] = set()


@dataclass
class Archive:
    """A trained model with its config and readers.

    # Parameters

    model : the model, in evaluation mode.
    config : the config of the run.
    readers : the readers of its corpora, which may be of a plugin that is not installed.
    """

    model: Model
    config: dict[str, Any]
    readers: Readers

    @property
    def reader(self) -> MultiTaskDatasetReader:
        """Reads corpora as the run read its validation sets."""
        return self.readers.held_out

    @property
    def train_reader(self) -> MultiTaskDatasetReader:
        """Reads corpora as the run read its training sets."""
        return self.readers.train

    def shown(self, dataset: str) -> Callable[[str], str]:
        """Return the function that normalises the text of a dataset for the encoder.

        # Raises

        UserError : if that needs a reader that is not installed.
        """
        return self.readers.shown(dataset)

    def normalisers(self, dataset: str) -> Sequence[Normaliser]:
        """Return the normalisers that `shown` applies.

        # Raises

        UserError : if the text is changed in another way.
        """
        return self.readers.normalisers_of(dataset)

    @property
    def heads(self) -> list[str]:
        """The names of all heads of the run, whether loaded or not."""
        return self.model.vocab.heads

    @property
    def default_head(self) -> str:
        """The head named by `trainer.validation_metric`, or the first head."""
        return target_head(self.config, self.heads)


def target_head(config: dict[str, Any], heads: Sequence[str]) -> str:
    """Return the head that `trainer.validation_metric` names, or the first head.

    # Parameters

    config : the config of a run.
    heads : the names of its heads. If one is a prefix of another, the longest match is returned.

    # Examples

    >>> target_head({"trainer": {"validation_metric": "+weibo_f1"}}, ["msra", "weibo"])
    'weibo'
    """
    trainer = config.get("trainer")
    metric = str(trainer.get("validation_metric", ""))[1:] if isinstance(trainer, dict) else ""
    matches = [head for head in heads if metric.startswith(f"{head}_")]

    return max(matches, key=len) if matches else heads[0]


def load_archive(
    path: str | Path,
    cuda_device: int = -1,
    overrides: str = "",
    weights_file: str | None = None,
    only_heads: Sequence[str] | None = None,
    only_datasets: Sequence[str] = (),
) -> Archive:
    """Load a model from an archive or a serialization directory.

    # Parameters

    path : `model.tar.gz`, its URL, or a folder with the same content.
    cuda_device : the index of a GPU, or -1 for the CPU.
    overrides : Jsonnet text that overrides values of the config.
    weights_file : path or URL of weights to load instead of those of the archive.
    only_heads : build and load only these heads and what they read. If empty, the head of
        `validation_metric`; if None, all heads.
    only_datasets : names of datasets whose heads are loaded, instead of `only_heads`.

    # Returns

    The archive, with its model on the device.

    # Raises

    UserError : if the archive is damaged or not in the format of this version.

    # Examples

    >>> import tempfile
    >>> import ner_adv_plugin.components
    >>> from ner_adv_plugin.common.params import load_config
    >>> from ner_adv_plugin.runs.train_job import train_model
    >>> config = load_config("fixtures/configs/crf_tagger.jsonnet", "{'trainer.cuda_device': -1}")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     metrics = train_model(config, Path(folder))
    ...     archive = load_archive(f"{folder}/model.tar.gz")
    >>> archive.heads, archive.default_head
    (['weibo'], 'weibo')
    """
    device = device_of(cuda_device)
    shown = str(path)

    with opened(path) as folder:
        _check_folder(folder, shown)
        config = with_overrides(_read_config(folder, shown), parse_overrides(overrides))
        vocab = _read_vocabulary(folder, shown)
        bound = is_bound(folder)
        heads = _heads_of(vocab, only_datasets) if only_datasets else only_heads
        try:
            model = _build_model(config, vocab, heads, shown)
            readers = read_readers(config, folder, shown)
            check_readers(readers, vocab, bound)
        except ConfigurationError as error:
            raise UserError(f"{shown}: {CONFIG}: {error} ({versions(folder)})") from error
        if not bound:
            _check_unbound(config, vocab, shown)
        _load_weights(model, folder, weights_file, shown, partial=heads is not None)

    return Archive(model.to(device).eval(), config, readers)


def _check_folder(folder: Path, shown: str) -> None:
    """Check that a folder is that of a run, and has a model."""
    if (folder / PLANNED).is_file() and not (folder / VOCABULARY).is_dir():
        raise UserError(
            f"{shown} is a run of a study, of which no model was kept: set keep_models: true in the"
            " study"
        )
    if not (folder / CONFIG).is_file():
        raise not_a_run(folder)


def _heads_of(vocab: Vocabulary, datasets: Sequence[str]) -> list[str]:
    """Return the heads of datasets, without repetition."""
    spaces = vocab.datasets
    for name in datasets:
        if name not in spaces or spaces[name].head is None:
            hint, known = nearest(name, spaces), ", ".join(spaces)
            raise UserError(f'no labelled dataset "{name}".{hint} Datasets: {known}.')

    return list(dict.fromkeys(str(spaces[name].head) for name in datasets))


def _build_model(
    config: dict[str, Any], vocab: Vocabulary, heads: Sequence[str] | None, shown: str
) -> Model:
    """Build the model, or the part of it that some heads need, without its weights."""
    if heads is not None:
        heads = list(heads) or [target_head(config, vocab.heads)]
        for head in heads:
            if head not in vocab.heads:
                known = ", ".join(vocab.heads)
                raise UserError(f'{shown} has no head "{head}"; its heads: {known}')

    settings = config["model"] if heads is None else config_of_prediction(config["model"], heads)
    lazy = construct(LazyModel, settings, "model")
    try:
        model = lazy.construct(vocab=vocab, only_heads=heads)
    except UserError:
        raise
    except Exception as error:  # of torch or transformers, for sizes and files that do not fit
        raise ConfigurationError(f"{type(error).__name__}: {error}"[:500], "model") from error
    if not isinstance(model, Model):
        raise ConfigurationError(f'"{config["model"]["type"]}" is not a Model', "model.type")
    return model


def _read_config(folder: Path, shown: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{shown}: {CONFIG} is missing or not valid: {error}") from error

    if isinstance(config, dict):
        try:
            config = config_of_model(config)
        except ConfigurationError as error:
            raise UserError(f"{shown}: {CONFIG}: {error}") from error
    if not isinstance(config, dict) or not {"model", "dataset_reader"} <= set(config):
        raise UserError(f"{shown}: {CONFIG} is not the config of a run")
    return config


def _read_vocabulary(folder: Path, shown: str) -> Vocabulary:
    try:
        vocab = Vocabulary.from_files(folder / VOCABULARY)
    except (OSError, ConfigurationError) as error:
        message = str(error).replace(str(folder / VOCABULARY), "it")
        raise UserError(f"{shown}: {message}") from error

    if not vocab.heads:
        raise UserError(f"{shown}: {VOCABULARY} has no head")
    return vocab


def _check_unbound(config: dict[str, Any], vocab: Vocabulary, shown: str) -> None:
    """Say that nothing binds the files of an archive, and check what can be checked without.

    A vocabulary that a run collected has one order only; one that the config names may have any.
    """
    if shown not in _told:
        _told.add(shown)
        message = "%s: its files have no digests: only their names, sizes and order are checked"
        logger.warning(message, shown)

    if not config.get("vocabulary") and (fault := vocab.order_fault()):
        raise UserError(f"{shown}: {VOCABULARY}/{fault}")


def _load_weights(
    model: Model, folder: Path, weights_file: str | None, shown: str, partial: bool
) -> None:
    candidates = (
        [local_path(weights_file)] if weights_file else [folder / name for name in WEIGHT_FILES]
    )
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UserError(f"{shown}: no weights, {' or '.join(p.name for p in candidates)}")

    name = f"{shown}: {weights_file or path.name}"
    # Memory-mapped, so that the weights of heads that are not loaded stay on disk.
    state = read_weights(path, name, mapped=True)
    check_weights(model, state, name, partial)
    try:
        model.load_weights(state)
    except (RuntimeError, TypeError) as error:
        message = f"{name} does not hold the weights of this model: {error}"
        raise UserError(message) from error
