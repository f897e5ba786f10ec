"""The types of the corpora of a config, to join them on one head."""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.keys import check_keys
from ner_adv_plugin.common.schema import parameters
from ner_adv_plugin.data.joining import DatasetTypes
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.runs.audit_job import AuditJob
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.sources import check_files, sources_of

logger = logging.getLogger(__name__)
TRAIN = "train"


def config_of_files(paths: Sequence[str]) -> dict[str, Any]:
    """Return a config that reads annotated files, whose formats are recognised.

    # Parameters

    paths : the files. A dataset has the name of its file; if several have one name, that of the
        folder is in front of it.
    """
    names = [Path(path).stem for path in paths]
    if len(set(names)) < len(names):
        names = [f"{Path(path).parent.name}_{Path(path).stem}" for path in paths]
    # Names of heads are names of files and modules, too.
    names = [re.sub(r"[^\w-]", "_", name) for name in names]
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(f'{count} files would have the name "{name}": use a config')
    return {
        "dataset_reader": {
            "type": "multitask",
            "readers": {name: {"type": "annotations"} for name in names},
        },
        "train_data_path": dict(zip(names, paths, strict=True)),
    }


def types_of(config: Mapping[str, Any]) -> dict[str, DatasetTypes]:
    """Read the corpora of a config, and return the entity types of each dataset that has some.

    # Parameters

    config : a config with `dataset_reader` and paths; of a training config nothing else is used.

    # Raises

    ConfigurationError : if readers and paths do not match.
    DataError : if a sentence cannot be read.
    """
    known = [parameter.name for parameter in parameters(TrainJob)]
    check_keys(config, known, known, "")
    kept = {own.name for own in parameters(AuditJob)} - {"vocabulary"}
    job = construct(AuditJob, {key: value for key, value in config.items() if key in kept})
    sources = sources_of(job, config)
    if not sources.paths:
        raise ConfigurationError(
            "nothing to read: expected train_data_path, validation_data_path or test_data_path"
        )
    for split in sources.paths:
        check_files(getattr(job, f"{split}_data_path"), f"{split}_data_path", folders=True)

    found = {}
    for name, reader in sources.reader.readers.items():
        if not isinstance(reader, EntityReader) or reader.task != "ner":
            continue
        types: set[str] = set()
        for split, paths in sources.paths.items():
            own = (sources.reader if split == TRAIN else sources.held_out_reader).readers[name]
            if name in paths and isinstance(own, EntityReader):
                # It would stop at types that are still to be joined.
                own.annotated_types = None
                own.read(paths[name])
                types |= own.types_met
        _warn_of_unused(name, reader, types)
        if types:
            found[name] = DatasetTypes(
                name, sorted(types), reader.type_map, reader.type_descriptions, reader.head
            )
    return found


def _warn_of_unused(dataset: str, reader: EntityReader, types: set[str]) -> None:
    """Warn of descriptions of types that a dataset does not have."""
    known = types | {new for new in reader.type_map.values() if new is not None}
    for name in sorted(reader.type_descriptions.keys() - known):
        logger.warning(
            'dataset_reader.readers.%s.type_descriptions: no type "%s".%s Types: %s.',
            dataset,
            name,
            nearest(name, known),
            ", ".join(sorted(types)) or "none",
        )


def target_among(
    types: Mapping[str, DatasetTypes], config: Mapping[str, Any], target: str | None
) -> str:
    """Return the dataset whose types the head has: by default the only one that is validated.

    # Parameters

    types : what `types_of` returns.
    config : the config.
    target : the dataset that a user names, or None.

    # Raises

    UserError : if there is no such dataset, or more than one that is validated.
    """
    names = list(types)
    if len(names) < 2:
        shown = ", ".join(names) or "none"
        raise UserError(f"expected two datasets with entities or more, found {shown}")
    if target is not None:
        if target not in types:
            raise UserError(
                f'--target: no dataset with entities "{target}".{nearest(target, names)} Datasets:'
                f" {', '.join(names)}."
            )
        return target

    validated = config.get("validation_data_path")
    held_out = [name for name in names if isinstance(validated, Mapping) and name in validated]
    if len(held_out) != 1:
        raise UserError(f"which dataset is the target? Name it by --target: {', '.join(names)}")
    return held_out[0]
