"""Entity types of a file to evaluate beside those of the model."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.labels.type_counts import listed_counts, type_counts
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.inference.metrics import counted

logger = logging.getLogger(__name__)

FLAG = "--type-map"
TypeMap = Mapping[str, str | None]


@dataclass(frozen=True)
class EvaluatedFile:
    """A labelled file to evaluate.

    # Parameters

    dataset : name of the dataset as which it is evaluated.
    space : the types of the head.
    sentences : its sentences.
    """

    dataset: str
    space: LabelSpace
    sentences: InstanceTable

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.sentences.columns.source or self.dataset

    @property
    def counts(self) -> Counter[str]:
        """The number of its entities by type."""
        return type_counts([self.sentences.spans])

    def check(self) -> None:
        """Check that a type of the file is a type of the model.

        # Raises

        UserError : if the file has entities, but all are of other types.
        """
        counts, known = self.counts, self.space.types
        if not counts:
            message = "%s: not one entity in %d sentences"
            logger.warning(message, self.path, len(self.sentences))
        elif not counts.keys() & set(known):
            example = json.dumps(dict.fromkeys(sorted(counts), "..."), ensure_ascii=False)
            raise UserError(
                f'{self.path}: no entity is of a type that head "{self.space.head}" knows, so '
                f"every score would be 0. Types of the file: {listed_counts(counts)}. Types of "
                f"the head: {', '.join(known)}. Map them: {FLAG} '{example}'; null drops a type"
            )

    def warn(self, predicted: SpanTable) -> None:
        """Warn of the types that only the file or only the model has.

        # Parameters

        predicted : the predicted entities.
        """
        counts, space = self.counts, self.space
        unknown = Counter({name: counts[name] for name in counts if name not in space.types})
        if unknown:
            logger.warning(
                '%s: %d of %d entities are of types that head "%s" does not know, and count as '
                "missed: %s. %s renames or drops types",
                self.path,
                unknown.total(),
                counts.total(),
                space.head,
                listed_counts(unknown),
                FLAG,
            )

        annotated = space.annotated_types.get(self.dataset, space.types)
        absent = [name for name in space.types if name in annotated and name not in counts]
        if absent and counts:
            found = type_counts([counted(space, self.dataset, predicted)])
            logger.warning(
                '%s: no entity of %d types of head "%s"; what is predicted of them counts as '
                "wrong: %s",
                self.path,
                len(absent),
                space.head,
                listed_counts({name: found[name] for name in absent}),
            )


def parsed_type_map(text: str) -> TypeMap:
    """Parse the value of `--type-map`: a JSON object, or the path of a file with one.

    # Raises

    UserError : if it is not an object of new names and nulls.
    """
    source = text
    try:
        if not text.lstrip().startswith("{"):
            source = Path(text).read_text(encoding="utf-8-sig")
        type_map = json.loads(source)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{FLAG}: neither a JSON object nor a file of one: {error}") from error

    if not isinstance(type_map, dict) or not type_map:
        raise UserError(f'{FLAG}: expected an object such as {{"PERSON": "PER"}}, found {source}')
    for name, new_name in type_map.items():
        if new_name is not None and (not isinstance(new_name, str) or not new_name):
            raise UserError(f'{FLAG}: "{name}": expected a type or null, found {new_name!r}')
    return type_map


def with_types_mapped(
    files: Mapping[str, EvaluatedFile], type_map: TypeMap
) -> dict[str, EvaluatedFile]:
    """Rename and drop the types of the entities of files, after the `type_map` of their readers.

    # Parameters

    files : files with entities, by dataset.
    type_map : new names, null to drop a type; other types keep their names.

    # Raises

    UserError : if no file has a type that the map renames, or no head has the new name.
    """
    for name, new_name in type_map.items():
        holders = [file for file in files.values() if file.counts[name]]
        if not holders:
            counts: Counter[str] = sum((file.counts for file in files.values()), Counter())
            raise UserError(
                f'{FLAG}: no entity of type "{name}".{nearest(name, counts)} '
                f"Types: {listed_counts(counts)}."
            )
        known = list(dict.fromkeys(known for file in holders for known in file.space.types))
        if new_name is not None and new_name not in known:
            hint = nearest(new_name, known)
            raise UserError(
                f'{FLAG}: "{name}": the model knows no type "{new_name}".{hint} '
                f"Types: {', '.join(known)}."
            )

    mapped = {}
    for dataset, file in files.items():
        spans = file.sentences.columns.spans
        assert spans is not None
        table = SpanTable.of(_renamed(spans, type_map))
        mapped[dataset] = EvaluatedFile(
            dataset, file.space, file.sentences.with_columns(spans=table)
        )
    return mapped


def _renamed(spans: SpanTable, type_map: TypeMap) -> Iterator[list[Span] | None]:
    """Yield the renamed spans of each sentence; spans that become equal are one."""
    for sentence in spans:
        if sentence is None:
            yield None
            continue
        renamed = [(span, type_map.get(span.type, span.type)) for span in sentence]
        yield list({Span(span.start, span.end, name) for span, name in renamed if name is not None})
