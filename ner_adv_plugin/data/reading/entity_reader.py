"""Base class of readers of named entities."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from ner_adv_plugin.common.errors import ConfigurationError, DataError, nearest
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class EntityReader(DatasetReader):
    """Base class of readers of named entities, which may rename or drop entity types.

    # Parameters

    type_map : new names of entity types, such as `{ 'PER.NAM': 'PER', 'GPE.NAM': null }`; null
        drops the entities of a type; types that are not listed keep their names.
    annotated_types : the types, after `type_map`, that are annotated in this corpus; null for all.
        With a list, an unmarked character may be outside of entities or belong to any other type of
        the head, both in training (marginal likelihood) and in scores.
    type_descriptions : what types of the file mean, such as `{ PRO: '产品名' }`, for types whose
        names `allennlp join-types` does not know or misunderstands; training does not use them.
    """

    type_map: dict[str, str | None] = field(default_factory=dict)
    annotated_types: list[str] | None = None
    type_descriptions: dict[str, str] = field(default_factory=dict)
    types_met: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.type_map and self.task == "segmentation":
            raise ConfigurationError("words have no types: expected no such key", "type_map")

        for name, new_name in self.type_map.items():
            if new_name == "":
                raise ConfigurationError('found "": expected a type or null', f"type_map.{name}")

        for name, description in self.type_descriptions.items():
            if not description.strip():
                path = f"type_descriptions.{name}"
                raise ConfigurationError(f'found "{description}": expected a description', path)

        if self.annotated_types is not None:
            if self.task == "segmentation":
                raise ConfigurationError("words have no types: expected null", "annotated_types")
            if not self.annotated_types:
                raise ConfigurationError(
                    "found an empty list: expected types or null", "annotated_types"
                )

    def _read_all(self, file_path: str) -> InstanceTable:
        """See `DatasetReader._read_all`; warn about types of `type_map` that do not occur."""
        self.types_met = set()
        table = super()._read_all(file_path)

        if len(table) != self.max_instances:
            for name in sorted(self.type_map.keys() - self.types_met):
                hint = nearest(name, sorted(self.types_met - self.type_map.keys()))
                message = '%s: no entity of type "%s", which type_map names.%s Types: %s.'
                logger.warning(
                    message, file_path, name, hint, ", ".join(sorted(self.types_met)) or "none"
                )
        self._check_annotated(file_path, table)
        return table

    def map_types(self, spans: Iterable[Span]) -> list[Span]:
        """Rename and drop the types of entities according to `type_map`."""
        spans = list(spans)
        self.types_met.update([span.type for span in spans])
        if not self.type_map:
            return spans

        renamed = [(span, self.type_map.get(span.type, span.type)) for span in spans]
        return [Span(span.start, span.end, name) for span, name in renamed if name is not None]

    def _check_annotated(self, file_path: str, table: InstanceTable) -> None:
        """Check the types of a file against `annotated_types`.

        Raise a `DataError` if a type occurs that is not listed; warn if a listed type does not
        occur.
        """
        if self.annotated_types is None:
            return

        found = set(table.spans.types_used()) if table.spans is not None else set()
        for name in sorted(found - set(self.annotated_types)):
            hint = nearest(name, self.annotated_types)
            expected = f"types listed in annotated_types, or null for it in type_map.{hint}"
            raise DataError(file_path, None, f"entities of type {name}", expected)

        for name in sorted(set(self.annotated_types) - found):
            if len(table) != self.max_instances:
                logger.warning(
                    '%s: no entity of type "%s", which annotated_types names', file_path, name
                )
