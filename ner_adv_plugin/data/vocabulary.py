"""Vocabulary: entity types, known words, domains and characters, and the task of each dataset."""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.alphabet import CODE_POINTS, code_points
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.label_spaces import (
    DatasetSpace,
    LabelSpace,
    agreed_task,
    dataset_spaces,
    heads_of,
)
from ner_adv_plugin.data.namespaces import (
    CHARACTERS,
    DOMAINS,
    PADDING,
    UNKNOWN,
    check_namespaces,
    datasets_of,
)
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary_files import (
    ENTRIES,
    TASKS_FILE,
    encoded_entries,
    entries_of,
    files_of,
)


class Vocabulary(Registrable):
    """Indices of the entity types, known words, domains and characters of a model.

    Registered with two constructors: "from_instances", the default, collects the vocabulary from
    the data of the run; "from_files" reads a saved one.

    The namespaces are `<head>_types`, `<head>_words` (known words of a segmentation head),
    `domains`, and `characters` with padding at index 0 and unknown characters at index 1.

    # Parameters

    datasets : task and domain of each dataset.
    namespaces : entries of each namespace in the order of their indices.
    directory : the folder from which it was read, if any.

    # Example

    ```jsonnet
    { type: 'from_files', directory: 'runs/weibo/vocabulary' }
    ```

    # Examples

    >>> from ner_adv_plugin.data.reading import MsraReader
    >>> reader = MsraReader(max_instances=20)
    >>> reader.bind("msra")
    >>> sentences = reader.read("fixtures/data/msra/train.bio")
    >>> vocab = Vocabulary.from_instances({"train": {"msra": sentences}}, {"msra": reader})
    >>> vocab.heads
    ['msra']
    >>> vocab.label_space("msra").types
    ('LOC', 'ORG', 'PER')
    """

    default_implementation = "from_instances"

    def __init__(
        self,
        datasets: Mapping[str, DatasetSpace],
        namespaces: Mapping[str, Iterable[str]],
        directory: Path | None = None,
    ) -> None:
        self.datasets = dict(datasets)
        self.directory = directory
        # In a training run, yields the training texts as the encoder sees them.
        self.training_texts: Callable[[], Iterator[str]] | None = None
        self._tokens = {name: list(entries) for name, entries in namespaces.items()}
        self._indices = {
            name: {token: index for index, token in enumerate(tokens)}
            for name, tokens in self._tokens.items()
        }

    @classmethod
    def from_instances(
        cls,
        instances: Mapping[str, Mapping[str, Sequence[Instance]]],
        readers: Mapping[str, DatasetReader],
    ) -> "Vocabulary":
        """Collect the vocabulary of a run.

        Registered as "from_instances".

        Types are collected from every split, so that a type that occurs only in validation data has
        an index. Characters, as the encoder sees them, and words are collected from "train" only.

        # Parameters

        instances : supplied; instances of each dataset, by split ("train", "validation", "test").
        readers : supplied; reader of each dataset.

        # Example

        ```jsonnet
        { type: 'from_instances' }
        ```
        """
        spaces = dataset_spaces(readers)
        tables = {
            split: {name: InstanceTable.of(sentences) for name, sentences in by_dataset.items()}
            for split, by_dataset in instances.items()
        }
        train = tables.get("train", {})

        namespaces: dict[str, list[str]] = {}
        for head in heads_of(spaces):
            members = {name for name, space in spaces.items() if space.head == head}
            if agreed_task(head, spaces) == "segmentation":
                namespaces[f"{head}_types"] = [""]
                namespaces[f"{head}_words"] = _words(_of(members, train))
            else:
                every = [table for split in tables.values() for table in _of(members, split)]
                namespaces[f"{head}_types"] = _types(every)
        namespaces[CHARACTERS] = [PADDING, UNKNOWN, *_characters(train, readers)]
        namespaces[DOMAINS] = list(dict.fromkeys(space.domain for space in spaces.values()))

        datasets = {
            name: replace(space, sentences=len(train.get(name, ())))
            for name, space in spaces.items()
        }
        return cls(datasets, namespaces)

    @classmethod
    def joined(cls, vocabularies: Sequence["Vocabulary"]) -> "Vocabulary":
        """Return a vocabulary with all entries of several ones.

        # Parameters

        vocabularies : those of one or more collections of the same datasets, such as of the stages
            of a run.
        """
        datasets = {
            name: replace(space, sentences=max(v.datasets[name].sentences for v in vocabularies))
            for name, space in vocabularies[0].datasets.items()
        }
        namespaces: dict[str, list[str]] = {}
        for name, entries in vocabularies[0]._tokens.items():
            if name == DOMAINS:
                namespaces[name] = entries
                continue
            first = entries[:2] if name == CHARACTERS else []
            found = {entry for v in vocabularies for entry in v._tokens[name][len(first) :]}
            namespaces[name] = [*first, *sorted(found)]
        return cls(datasets, namespaces)

    @property
    def heads(self) -> list[str]:
        """Names of the heads, in the order of the datasets."""
        return heads_of(self.datasets)

    @property
    def domains(self) -> list[str]:
        """Names of the domains, in the order of their indices."""
        return self._tokens[DOMAINS]

    def label_space(self, head: str) -> LabelSpace:
        """Return the span types that a head predicts.

        # Raises

        UserError : if there is no such head.
        """
        if head not in self.heads:
            raise UserError(f'no head "{head}".{nearest(head, self.heads)}')
        space = next(space for space in self.datasets.values() if space.head == head)
        partial = {
            name: dataset.annotated_types
            for name, dataset in self.datasets.items()
            if dataset.head == head and dataset.annotated_types is not None
        }
        return LabelSpace(
            head,
            tuple(self._tokens[f"{head}_types"]),
            segmentation=space.task == "segmentation",
            annotated_types=partial,
            raw_text=space.task == "raw_text",
        )

    def known_words(self, head: str) -> frozenset[str]:
        """Return the words in the training data of a segmentation head."""
        return frozenset(self._tokens.get(f"{head}_words", ()))

    def get_vocab_size(self, namespace: str) -> int:
        """Return the number of entries of a namespace."""
        return len(self._tokens.get(namespace, ()))

    def get_index_to_token_vocabulary(self, namespace: str) -> dict[int, str]:
        """Return the entries of a namespace by index."""
        return dict(enumerate(self._tokens.get(namespace, ())))

    def get_token_to_index_vocabulary(self, namespace: str) -> dict[str, int]:
        """Return the indices of a namespace by entry."""
        return self._indices.get(namespace, {})

    def order_fault(self) -> str | None:
        """Describe what is not in the order in which a run collects it; None if nothing is."""
        domains = list(dict.fromkeys(space.domain for space in self.datasets.values()))
        for namespace, entries in self._tokens.items():
            found = entries[2:] if namespace == CHARACTERS else entries
            expected = domains if namespace == DOMAINS else sorted(found)
            for entry, other in zip(found, expected, strict=False):
                if entry != other:
                    return f"{namespace}{ENTRIES} has another order: {entry!r} where {other!r} was"
        return None

    def save_to_files(self, directory: str | Path) -> None:
        """Write one file per namespace with one entry per line, and `datasets.json`.

        # Parameters

        directory : the folder, which is created if missing.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents().items():
            (folder / name).write_bytes(content)

    def contents(self) -> dict[str, bytes]:
        """Return the files that `save_to_files` writes."""
        spaces = {name: asdict(space) for name, space in self.datasets.items()}
        text = json.dumps(spaces, ensure_ascii=False, indent=2)
        entries = {
            f"{namespace}{ENTRIES}": encoded_entries(tokens)
            for namespace, tokens in self._tokens.items()
        }
        return {**entries, TASKS_FILE: f"{text}\n".encode()}

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """See `Registrable.files_read`: what "from_files" reads."""
        return {"directory": settings["directory"]} if "directory" in settings else {}

    @classmethod
    def from_files(cls, directory: str | Path) -> "Vocabulary":
        """Read a vocabulary written by `save_to_files`.

        Registered as "from_files".

        # Parameters

        directory : a folder, such as `vocabulary` in a run's folder, or a `.tar.gz` file written by
            `build-vocab` or that of a model.

        # Raises

        ConfigurationError : if there is no vocabulary, or it cannot be read.

        # Example

        ```jsonnet
        { type: 'from_files', directory: 'runs/weibo/vocabulary' }
        ```
        """
        source = Path(directory)
        files = files_of(source)
        if TASKS_FILE not in files:
            raise ConfigurationError(f"no vocabulary in {source}: {TASKS_FILE} is missing")

        try:
            datasets = datasets_of(files.pop(TASKS_FILE))
            namespaces = {
                name.removesuffix(ENTRIES): entries_of(name, files[name]) for name in sorted(files)
            }
            check_namespaces(datasets, namespaces)
        except (ConfigurationError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"cannot read the vocabulary in {source}: {error}") from error
        return cls(datasets, namespaces, source if source.is_dir() else None)


def _of(names: Container[str], split: Mapping[str, InstanceTable]) -> list[InstanceTable]:
    """Return the tables of some datasets in a split; some may have none."""
    return [table for name, table in split.items() if name in names]


def _types(tables: Iterable[InstanceTable]) -> list[str]:
    """Collect the types of the spans of tables."""
    spans = [table.spans for table in tables]
    return sorted({name for own in spans if own is not None for name in own.types_used()})


def _words(tables: Iterable[InstanceTable]) -> list[str]:
    """Collect the words of the sentences of tables."""
    words: set[str] = set()
    for part in (part for table in tables for part in table.parts()):
        spans = part.spans
        if spans is not None:
            text = "".join(part.texts())
            base_S = (np.cumsum(part.lengths) - part.lengths)[spans.sentences_S]
            bounds = zip(
                (base_S + spans.starts_S).tolist(), (base_S + spans.ends_S).tolist(), strict=True
            )
            words.update(text[start:end] for start, end in bounds)
    return sorted(words)


def _characters(
    tables: Mapping[str, InstanceTable], readers: Mapping[str, DatasetReader]
) -> list[str]:
    """Collect the characters of tables, in the form in which each reader's model sees them."""
    seen = np.zeros(CODE_POINTS, dtype=bool)
    for name, table in tables.items():
        for text in table.joined(readers[name].form()):
            seen[code_points(text)] = True
    return [chr(code) for code in np.flatnonzero(seen).tolist()]


Vocabulary.register("from_instances", constructor="from_instances")(Vocabulary)
Vocabulary.register("from_files", constructor="from_files")(Vocabulary)
