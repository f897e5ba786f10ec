"""Vocabulary: label spaces of heads, domains, characters and known words, and which dataset uses which."""

import gzip
import json
import tarfile
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.alphabet import CODE_POINTS, code_points
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable

TASKS_FILE = "datasets.json"
ENTRIES = ".txt"
DOMAINS = "domains"
CHARACTERS = "characters"
PADDING, UNKNOWN = "@@PADDING@@", "@@UNKNOWN@@"
# JSON corpora may hold half a surrogate pair, which is no UTF-8 otherwise.
HALF_PAIRS = "surrogatepass"
# Bytes of a file in an archive: no vocabulary has more.
LARGEST = 2**28


@dataclass(frozen=True)
class DatasetSpace:
    """What a dataset belongs to: a task, by the name of its head (None without labels), and a domain.

    `annotated_types` are the entity types that its annotators marked, None for all of the head's; `sentences` its
    training sentences, 0 if not known.
    """

    head: str | None
    domain: str
    task: str
    annotated_types: list[str] | None = None
    sentences: int = 0


@dataclass(frozen=True)
class LabelSpace:
    """What one head finds.

    # Parameters

    head : its name.
    types : entity types, in the order of their indices; one empty name for words.
    segmentation : whether spans are words that tile the text.
    annotated_types : those of every dataset of this head that marks only some: what it leaves unmarked may be an
        entity of any other type.
    """

    head: str
    types: tuple[str, ...]
    segmentation: bool = False
    annotated_types: Mapping[str, Collection[str]] = field(default_factory=dict, compare=False)

    def unannotated(self, dataset: str) -> list[int]:
        """Indices of the types that a dataset does not mark; none if it marks all."""
        marked = self.annotated_types.get(dataset)
        return (
            [] if marked is None else [i for i, name in enumerate(self.types) if name not in marked]
        )


class Vocabulary(Registrable):
    """Indices of everything that a model names.

    Namespaces: `<head>_types`, `<head>_words` (known words of a segmentation head), `domains` and `characters`
    (the last with padding at 0 and unknown at 1).

    # Parameters

    datasets : the spaces of every dataset, by its name.
    namespaces : for every namespace its entries, in the order of their indices.
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

        Labels come from every split, so that a type seen only in validation has its label; characters, as the
        encoder is shown them, and words from `train` alone.

        # Parameters

        instances : supplied; for each split ("train", "validation", "test") the instances of each dataset.
        readers : supplied; the reader of each dataset.
        """
        datasets = dataset_spaces(readers)
        namespaces: dict[str, list[str]] = {}
        tables = {
            split: {name: InstanceTable.of(given) for name, given in own.items()}
            for split, own in instances.items()
        }
        train = tables.get("train", {})
        for head in heads_of(datasets):
            members = [name for name, space in datasets.items() if space.head == head]
            if agreed_task(head, datasets) == "segmentation":
                namespaces[f"{head}_types"] = [""]
                words = {word for name in members if name in train for word in _words(train[name])}
                namespaces[f"{head}_words"] = sorted(words)
            else:
                own = [
                    split[name].spans
                    for split in tables.values()
                    for name in members
                    if name in split
                ]
                types = {name for spans in own if spans is not None for name in spans.types_used()}
                namespaces[f"{head}_types"] = sorted(types)
        met = np.zeros(CODE_POINTS, dtype=bool)
        for name, table in train.items():
            for part in table.parts():
                met[code_points("".join(map(readers[name].shown, part.texts())))] = True
        namespaces[CHARACTERS] = [PADDING, UNKNOWN, *map(chr, np.flatnonzero(met).tolist())]
        namespaces[DOMAINS] = list(dict.fromkeys(space.domain for space in datasets.values()))
        sizes = {name: len(table) for name, table in train.items()}
        datasets = {
            name: replace(space, sentences=sizes.get(name, 0)) for name, space in datasets.items()
        }
        return cls(datasets, namespaces)

    @property
    def heads(self) -> list[str]:
        """Names of the heads, in the order in which the datasets name them."""
        return heads_of(self.datasets)

    @property
    def domains(self) -> list[str]:
        """Names of the domains, in the order of their indices."""
        return self._tokens[DOMAINS]

    def label_space(self, head: str) -> LabelSpace:
        """What a head finds."""
        space = next(space for space in self.datasets.values() if space.head == head)
        members = {
            name: own.annotated_types for name, own in self.datasets.items() if own.head == head
        }
        partial = {name: types for name, types in members.items() if types is not None}
        return LabelSpace(
            head, tuple(self._tokens[f"{head}_types"]), space.task == "segmentation", partial
        )

    def known_words(self, head: str) -> frozenset[str]:
        """Words of a segmentation head's training data."""
        return frozenset(self._tokens.get(f"{head}_words", ()))

    def get_vocab_size(self, namespace: str) -> int:
        """Number of entries of a namespace."""
        return len(self._tokens.get(namespace, ()))

    def get_index_to_token_vocabulary(self, namespace: str) -> dict[int, str]:
        """Entries of a namespace by index."""
        return dict(enumerate(self._tokens.get(namespace, ())))

    def get_token_to_index_vocabulary(self, namespace: str) -> dict[str, int]:
        """Indices of a namespace by entry."""
        return self._indices.get(namespace, {})

    def save_to_files(self, directory: str | Path) -> None:
        """Write one file a namespace, one entry a line, and `datasets.json`."""
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        for namespace, tokens in self._tokens.items():
            # An entry may be any character, a line break too: each line is a JSON string.
            lines = "".join(json.dumps(token, ensure_ascii=False) + "\n" for token in tokens)
            (folder / f"{namespace}{ENTRIES}").write_text(
                lines, encoding="utf-8", errors=HALF_PAIRS
            )
        spaces = {name: asdict(space) for name, space in self.datasets.items()}
        text = json.dumps(spaces, ensure_ascii=False, indent=2)
        (folder / TASKS_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def from_files(cls, directory: str | Path) -> "Vocabulary":
        """Read what `save_to_files` wrote.

        # Parameters

        directory : the folder, such as a run's `vocabulary`; or a `.tar.gz`, of `build-vocab` or of a model.

        Raises `ConfigurationError` if it holds no vocabulary, or one that cannot be read.
        """
        source = Path(directory)
        files = _files_in_archive(source) if source.is_file() else _files_in_folder(source)
        if TASKS_FILE not in files:
            raise ConfigurationError(f"no vocabulary in {source}: {TASKS_FILE} is missing")

        try:
            datasets = _datasets(files.pop(TASKS_FILE))
            namespaces = {
                name.removesuffix(ENTRIES): _entries(name, files[name]) for name in sorted(files)
            }
            types = [f"{head}_types" for head in heads_of(datasets)]
            for namespace in (CHARACTERS, DOMAINS, *types) if types else ():
                if namespace not in namespaces:
                    raise ValueError(f"{namespace}{ENTRIES} is missing")
        except (ConfigurationError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"cannot read the vocabulary in {source}: {error}") from error
        return cls(datasets, namespaces, source if source.is_dir() else None)


def _datasets(content: bytes) -> dict[str, DatasetSpace]:
    spaces = json.loads(content)
    settings = spaces.values() if isinstance(spaces, dict) else ()
    if any(isinstance(space, dict) and "scheme" in space for space in settings):
        raise ValueError(
            f"{TASKS_FILE} was written by ner_adv_plugin 0.1, which kept tags instead of types: collect"
            " it again with `allennlp build-vocab`, or leave `vocabulary` out of the config"
        )
    datasets: dict[str, DatasetSpace] = construct(dict[str, DatasetSpace], spaces, TASKS_FILE)
    return datasets


def _entries(name: str, content: bytes) -> list[str]:
    entries = [json.loads(line) for line in content.decode("utf-8", HALF_PAIRS).split("\n") if line]
    if not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"{name} holds other entries than strings")
    return entries


def _words(table: InstanceTable) -> set[str]:
    """The words of a dataset's sentences."""
    words: set[str] = set()
    for part in table.parts():
        spans, starts = part.spans, np.cumsum(part.lengths) - part.lengths
        if spans is not None:
            text, base_S = "".join(part.texts()), starts[spans.sentences_S]
            bounds = zip(
                (base_S + spans.starts_S).tolist(), (base_S + spans.ends_S).tolist(), strict=True
            )
            words.update(text[start:end] for start, end in bounds)
    return words


def _files_in_folder(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (*folder.glob(f"*{ENTRIES}"), *folder.glob(TASKS_FILE))
    }


def _files_in_archive(archive: Path) -> dict[str, bytes]:
    """The vocabulary's files, read without extracting anything; a model's archive holds them in a folder."""
    files: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for member in tar:
                name = member.name.removeprefix("./").removeprefix("vocabulary/")
                if (
                    member.isreg()
                    and "/" not in name
                    and (name == TASKS_FILE or name.endswith(ENTRIES))
                ):
                    if member.size > LARGEST:
                        raise tarfile.ReadError(
                            f"{name} has {member.size} bytes, {LARGEST} are allowed"
                        )
                    content = tar.extractfile(member)
                    files[name] = content.read() if content else b""
            # The checksum stands at the end, beyond what tarfile reads.
            while packed.read(1 << 20):
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ConfigurationError(f"{archive} is no sound archive: {error}") from error
    return files


Vocabulary.register("from_instances", constructor="from_instances")(Vocabulary)
Vocabulary.register("from_files", constructor="from_files")(Vocabulary)


def dataset_spaces(readers: Mapping[str, DatasetReader]) -> dict[str, DatasetSpace]:
    """What each reader's dataset belongs to."""
    return {
        name: DatasetSpace(reader.head, reader.domain, reader.task, reader.annotated_types)
        for name, reader in readers.items()
    }


def heads_of(datasets: Mapping[str, DatasetSpace]) -> list[str]:
    """The heads that datasets belong to, in the order in which these name them."""
    return list(dict.fromkeys(space.head for space in datasets.values() if space.head is not None))


def agreed_task(head: str, datasets: Mapping[str, DatasetSpace]) -> str:
    """The task of all datasets of one head; `ConfigurationError` if they disagree on it."""
    members = [name for name, space in datasets.items() if space.head == head]
    # The head's namesake is right, whoever else names it is not.
    members.sort(key=lambda name: name != head)
    first = datasets[members[0]].task
    for name in members[1:]:
        if datasets[name].task != first:
            raise ConfigurationError(
                f'datasets "{members[0]}" ({first}) and "{name}" ({datasets[name].task}) share head "{head}" and'
                " disagree on its labels: one of them needs another head",
                f"dataset_reader.readers.{name}.head",
                absolute=True,
            )
    return first
