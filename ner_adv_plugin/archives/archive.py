"""Loading archives: a trained model in one file."""

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
    """A trained model and what it takes to use it.

    # Parameters

    model : in evaluation mode.
    config : the run's config.
    reader : reads corpora as the run did for validation.
    train_reader : reads corpora as the run did for training.
    """

    model: Model
    config: dict[str, Any]
    reader: MultiTaskDatasetReader
    train_reader: MultiTaskDatasetReader

    @property
    def heads(self) -> list[str]:
        """All heads of the run, whether loaded or not."""
        return self.model.vocab.heads

    @property
    def default_head(self) -> str:
        """The head of `validation_metric`, else the first."""
        return target_head(self.config, self.heads)


def target_head(config: dict[str, Any], heads: Sequence[str]) -> str:
    """The head that `trainer.validation_metric` names; the longest match where one name begins another."""
    trainer = config.get("trainer")
    metric = str(trainer.get("validation_metric", ""))[1:] if isinstance(trainer, dict) else ""
    named = [head for head in heads if metric.startswith(f"{head}_")]
    return max(named, key=len) if named else heads[0]


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

    path : `model.tar.gz`, its URL, or a folder that holds what it would.
    cuda_device : -1 for the CPU.
    overrides : Jsonnet laid over the config.
    weights_file : other weights than the archive's, a path or a URL.
    only_heads : build and load only what these heads read; that of `validation_metric` where empty, all where
        None.
    only_datasets : instead of `only_heads`, the heads that the run's datasets of these names feed.

    Raises `UserError` where it is no sound archive of this version's format.
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
    """The heads that datasets of these names feed."""
    spaces = vocab.datasets
    for name in datasets:
        if name not in spaces or spaces[name].head is None:
            raise UserError(
                f'no labelled dataset "{name}".{nearest(name, spaces)} Datasets: {", ".join(spaces)}.'
            )
    return list(dict.fromkeys(str(spaces[name].head) for name in datasets))


def _build_model(
    config: dict[str, Any], vocab: Vocabulary, heads: Sequence[str] | None, shown: str
) -> Model:
    """The model, or the part that these heads read, without its weights."""
    if heads is not None:
        heads = list(heads) or [target_head(config, vocab.heads)]
        for head in heads:
            if head not in vocab.heads:
                raise UserError(
                    f'{shown} has no head "{head}"; its heads: {", ".join(vocab.heads)}'
                )
    lazy = construct(LazyModel, config["model"], "model")
    try:
        model = lazy.construct(vocab=vocab, only_heads=heads)
    except (RuntimeError, MemoryError) as error:  # of torch, where sizes are absurd
        raise ConfigurationError(str(error), "model") from error
    if not isinstance(model, Model):
        raise ConfigurationError(f'"{config["model"]["type"]}" is no Model', "model.type")
    return model


def _reader(config: dict[str, Any], key: str) -> DatasetReader:
    return construct(DatasetReader, config[key], key)


def _read_config(folder: Path, shown: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{shown}: {CONFIG} is missing or unsound: {error}") from error
    if not isinstance(config, dict) or not {"model", "dataset_reader"} <= set(config):
        raise UserError(f"{shown}: {CONFIG} is not the config of a run")
    return config


def _read_vocabulary(folder: Path, shown: str) -> Vocabulary:
    try:
        vocab = Vocabulary.from_files(folder / VOCABULARY)
    except (OSError, ConfigurationError) as error:
        raise UserError(f"{shown}: {str(error).replace(str(folder / VOCABULARY), 'it')}") from error
    if not vocab.heads:
        raise UserError(f"{shown}: {VOCABULARY} names no head")
    return vocab


def _load_weights(model: Model, folder: Path, weights_file: str | None, shown: str) -> None:
    candidates = [local_path(weights_file)] if weights_file else [folder / WEIGHTS, folder / BEST]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UserError(f"{shown}: no weights, {' or '.join(p.name for p in candidates)}")
    name = weights_file or path.name
    try:
        # Memory-mapped: weights of heads that are not asked for stay on disk.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise UserError(f"{shown}: {name} does not hold weights alone: {_reason(error)}") from error
    try:
        model.load_weights(state)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"{shown}: {name} does not hold the weights of this model: {error}"
        ) from error


def _reason(error: Exception) -> str:
    """What torch says is wrong, without its advice to load the file all the same."""
    paragraphs = [text.strip() for text in str(error).split("\n\n") if text.strip()]
    return paragraphs[1] if len(paragraphs) > 1 else str(error)
