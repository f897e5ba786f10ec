"""Loading archives: a trained model in one file."""

import contextlib
import gzip
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.params import parse_overrides, with_overrides
from ner_adv_plugin.data.dataset_readers import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.dataset_readers.multitask import as_multitask
from ner_adv_plugin.data.vocabulary import CHARACTERS, DOMAINS, Vocabulary
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.training.accelerator import device_of
from ner_adv_plugin.training.archive_writer import BEST, CONFIG, VOCABULARY, WEIGHTS


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
    metric = str(config.get("trainer", {}).get("validation_metric", ""))[1:]
    named = [head for head in heads if metric.startswith(f"{head}_")]
    return max(named, key=len) if named else heads[0]


def load_archive(
    path: str | Path,
    cuda_device: int = -1,
    overrides: str = "",
    weights_file: str | None = None,
    only_heads: Sequence[str] | None = None,
) -> Archive:
    """Load a model from an archive or a serialization directory.

    # Parameters

    path : `model.tar.gz`, or a folder that holds what it would.
    cuda_device : -1 for the CPU.
    overrides : Jsonnet laid over the config.
    weights_file : other weights than the archive's.
    only_heads : build and load only what these heads read; that of `validation_metric` where empty, all where
        None.

    Raises `UserError` where it is no archive of this package.
    """
    with _opened(path) as folder:
        return _load_folder(folder, str(path), cuda_device, overrides, weights_file, only_heads)


def _load_folder(
    folder: Path,
    shown: str,
    cuda_device: int,
    overrides: str,
    weights_file: str | None,
    only_heads: Sequence[str] | None,
) -> Archive:
    device = device_of(cuda_device)
    config = with_overrides(_read_config(folder, shown), parse_overrides(overrides))
    vocab = _read_vocabulary(folder, shown)
    if only_heads is not None:
        only_heads = list(only_heads) or [target_head(config, vocab.heads)]
        for head in only_heads:
            if head not in vocab.heads:
                raise UserError(f'{shown} has no head "{head}"; its heads: {", ".join(vocab.heads)}')
    lazy = bind(LazyModel, config["model"], "model").build({})
    model: Model = lazy.construct(vocab=vocab, only_heads=only_heads)
    _load_weights(model, folder, weights_file, shown)
    train_reader = _reader(config, "dataset_reader")
    reader = _reader(config, "validation_dataset_reader") if "validation_dataset_reader" in config else train_reader
    return Archive(model.to(device).eval(), config, reader, train_reader)


def heads_of_datasets(path: str | Path, datasets: Sequence[str]) -> list[str]:
    """The heads that an archive's datasets of these names feed; `UserError` for a name it does not know."""
    with _opened(path) as folder:
        spaces = _read_vocabulary(folder, str(path)).datasets
    for name in datasets:
        if name not in spaces or spaces[name].head is None:
            raise UserError(f'no labelled dataset "{name}".{nearest(name, spaces)} Datasets: {", ".join(spaces)}.')
    return list(dict.fromkeys(str(spaces[name].head) for name in datasets))


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[Path]:
    """The folder of an archive, extracted for as long as it is used, or the folder itself."""
    source = Path(path)
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise UserError(f"no archive at {source}")
    with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as folder:
        try:
            with gzip.open(source) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
                archive.extractall(folder, filter="data")
                # The checksum stands at the end, beyond what tarfile reads; it ends early, too, at a damaged header.
                while packed.read(1 << 20):
                    pass
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise UserError(f"{source} is no sound archive: {error}") from error
        yield Path(folder)


def _reader(config: dict[str, Any], key: str) -> MultiTaskDatasetReader:
    return as_multitask(bind(DatasetReader, config[key], key).build({}), config[key])


def _read_config(folder: Path, shown: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{shown}: {CONFIG} is missing or unsound: {error}") from error
    if not isinstance(config, dict) or not {"model", "dataset_reader"} <= set(config):
        raise UserError(f"{shown}: {CONFIG} is not the config of a run")
    return config


def _read_vocabulary(folder: Path, shown: str) -> Vocabulary:
    try:
        vocab = Vocabulary.from_files(folder / VOCABULARY)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{shown}: {VOCABULARY} is unsound: {error}") from error
    for namespace in (CHARACTERS, DOMAINS, *(f"{head}_labels" for head in vocab.heads)):
        if not vocab.get_vocab_size(namespace):
            raise UserError(f"{shown}: {VOCABULARY}/{namespace}.txt is missing")
    return vocab


def _load_weights(model: Model, folder: Path, weights_file: str | None, shown: str) -> None:
    candidates = [Path(weights_file)] if weights_file else [folder / WEIGHTS, folder / BEST]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UserError(f"{shown}: no weights, {' or '.join(p.name for p in candidates)}")
    try:
        # Memory-mapped: weights of heads that are not asked for stay on disk.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise UserError(f"{shown}: {path.name} does not hold weights alone: {error}") from error
    try:
        model.load_weights(state)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"{shown}: {path.name} does not hold the weights of this model: {error}") from error
