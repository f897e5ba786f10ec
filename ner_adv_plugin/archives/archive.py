"""Loading of archives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.archives.extraction import opened, versions
from ner_adv_plugin.archives.writing import BEST, CONFIG, VOCABULARY, WEIGHTS
from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.params import parse_overrides, with_overrides
from ner_adv_plugin.data.reading import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.reading.held_out import held_out_reader_of
from ner_adv_plugin.data.reading.multitask import as_multitask
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel


@dataclass
class Archive:
    """A trained model with its config and readers.

    # Parameters

    model : the model, in evaluation mode.
    config : the config of the run.
    reader : reads corpora as the run read its validation sets.
    train_reader : reads corpora as the run read its training sets.
    """

    model: Model
    config: dict[str, Any]
    reader: MultiTaskDatasetReader
    train_reader: MultiTaskDatasetReader

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
        config = with_overrides(_read_config(folder, shown), parse_overrides(overrides))
        vocab = _read_vocabulary(folder, shown)
        heads = _heads_of(vocab, only_datasets) if only_datasets else only_heads
        try:
            model = _build_model(config, vocab, heads, shown)
            train_reader = as_multitask(_reader(config, "dataset_reader"), config["dataset_reader"])
            held_out = (
                _reader(config, "validation_dataset_reader")
                if config.get("validation_dataset_reader")
                else None
            )
            reader = held_out_reader_of(held_out, train_reader)
        except ConfigurationError as error:
            raise UserError(f"{shown}: {CONFIG}: {error} ({versions(folder)})") from error
        _load_weights(model, folder, weights_file, shown)

    return Archive(model.to(device).eval(), config, reader, train_reader)


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

    lazy = construct(LazyModel, config["model"], "model")
    try:
        model = lazy.construct(vocab=vocab, only_heads=heads)
    except (RuntimeError, MemoryError) as error:  # raised by torch if sizes are absurd
        raise ConfigurationError(str(error), "model") from error
    if not isinstance(model, Model):
        raise ConfigurationError(f'"{config["model"]["type"]}" is not a Model', "model.type")
    return model


def _reader(config: dict[str, Any], key: str) -> DatasetReader:
    return construct(DatasetReader, config[key], key)


def _read_config(folder: Path, shown: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{shown}: {CONFIG} is missing or not valid: {error}") from error

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


def _load_weights(model: Model, folder: Path, weights_file: str | None, shown: str) -> None:
    candidates = [local_path(weights_file)] if weights_file else [folder / WEIGHTS, folder / BEST]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UserError(f"{shown}: no weights, {' or '.join(p.name for p in candidates)}")

    name = weights_file or path.name
    try:
        # Memory-mapped, so that the weights of heads that are not loaded stay on disk.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        message = f"{shown}: {name} is not a file of weights only: {_reason(error)}"
        raise UserError(message) from error
    try:
        model.load_weights(state)
    except (RuntimeError, TypeError) as error:
        message = f"{shown}: {name} does not hold the weights of this model: {error}"
        raise UserError(message) from error


def _reason(error: Exception) -> str:
    """Return the reason in an error of torch, without its advice to load the file unsafely."""
    paragraphs = [text.strip() for text in str(error).split("\n\n") if text.strip()]
    return paragraphs[1] if len(paragraphs) > 1 else str(error)
