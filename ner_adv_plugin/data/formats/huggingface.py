"""Data sets of the Hugging Face library `datasets`: tokens and tags."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, flat
from ner_adv_plugin.data.formats.json_file import objects, write_lines
from ner_adv_plugin.data.formats.tokens import decoded, scheme_of
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import TagScheme, get_scheme

HUB = "datasets://"
# What describes a data set, in its folder.
INFO = "dataset_info.json"
_TAGS = ("ner_tags", "tags", "labels", "label", "ner", "ner_tag")
_PARQUET = b"PAR1"
_USER = 'format "huggingface"'


@CorpusFormat.register("huggingface")
@dataclass(kw_only=True)
class HuggingFaceFormat(CorpusFormat):
    """Tokens and tags of the library `datasets`. Registered as "huggingface".

    A path is a file of JSON (lines or an array) or Parquet, a folder of `save_to_disk`, or, for
    `allennlp convert`, a name on the hub: `datasets://org/name?split=train&config=zh`. A record has
    "tokens" and "ner_tags" (also "tags", "labels"), names or indices of a ClassLabel, whose names
    are those of the Parquet file, the folder, `dataset_info.json` beside a JSON file, or
    `label_names`. Tokens are joined without spaces. The tag scheme is recognised and logged.
    Parquet, folders and names need `pip install "ner_adv_plugin[datasets]"`.

    Source: Lhoest et al. 2021.

    # Parameters

    label_names : names of the tags by index, such as `['O', 'B-PER', 'I-PER']`; null if the data
        hold them.
    tokens, tags : keys of tokens and tags; null to recognise them.
    tag_scheme : "BIO", "BIOES", "BMES", "IOB1" or "BILOU"; null recognises it, and writes BIO.

    # Raises

    DataError : if tokens and tags differ in number, or if an index has no name.

    # Example

    ```jsonnet
    { type: 'huggingface', label_names: ['O', 'B-PER', 'I-PER'] }
    ```
    """

    label_names: list[str] | None = None
    tokens: str | None = None
    tags: str | None = None
    tag_scheme: str | None = None

    def __post_init__(self) -> None:
        if self.tag_scheme is not None:
            get_scheme(self.tag_scheme, path="tag_scheme")

    def read(self, file: CorpusFile) -> Iterator[Instance]:
        """See `CorpusFormat.read`."""
        rows, names_of = self._rows(file)
        if file.bad.skips:
            held = list(rows)
            file.bad.total = file.bad.total or len(held)
            rows = iter(held)
        attempted = [
            file.bad.attempt(self._parsed, file, line, row, names_of) for line, row in rows
        ]
        parsed = [record for record in attempted if record is not None]
        if self.tag_scheme is None:
            scheme = scheme_of(file, (tags for _, _, tags in parsed), "tag_scheme")
        else:
            scheme = get_scheme(self.tag_scheme)
        for line, tokens, tags in parsed:
            sentence = file.bad.attempt(decoded, file, scheme, tokens, tags, line)
            if sentence is not None and sentence[0]:
                yield Instance(*sentence, {"line": line})
            elif sentence is not None:
                file.counts.add("empty texts skipped", line)

    def _rows(
        self, file: CorpusFile
    ) -> tuple[Iterator[tuple[int, dict[str, Any]]], Mapping[str, Sequence[str]]]:
        """Return the numbered records, and the names of the labels of each column."""
        if file.path.startswith(HUB):
            return _of_dataset(_from_hub(file.path))
        path = local_path(file.path)
        if path.is_dir():
            return _of_dataset(require_extra("datasets", _USER).load_from_disk(str(path)))
        with path.open("rb") as opened:
            if opened.read(4) == _PARQUET:
                return _of_parquet(path)
        names: Mapping[str, Sequence[str]] = {}
        for info in self.files_beside(file.path):
            names = _names(json.loads(info.read_text(encoding="utf-8")).get("features") or {})
        return objects(file), names

    def _parsed(
        self,
        file: CorpusFile,
        line: int,
        row: Mapping[str, Any],
        names_of: Mapping[str, Sequence[str]],
    ) -> tuple[int, list[str], list[str]]:
        """Return tokens and named tags of a record."""
        tokens_key = self.tokens or "tokens"
        tags_key = self.tags or next((key for key in _TAGS if key in row), "ner_tags")
        tokens, tags = row.get(tokens_key), row.get(tags_key)
        for key, value in ((tokens_key, tokens), (tags_key, tags)):
            if not isinstance(value, list):
                raise file.error(line, {key: value}, f'a list as "{key}"')
        assert isinstance(tokens, list) and isinstance(tags, list)
        if len(tokens) != len(tags):
            found = f"{len(tokens)} tokens and {len(tags)} tags"
            raise file.error(line, found, f"as many tags as tokens: {''.join(map(str, tokens))}")
        if not all(isinstance(token, str) for token in tokens):
            raise file.error(line, tokens, f'strings in "{tokens_key}"')
        names = self.label_names or names_of.get(tags_key)
        return line, tokens, [_name(file, line, tag, names) for tag in tags]

    def files_beside(self, path: str) -> Sequence[Path]:
        """See `CorpusFormat.files_beside`: the names of the labels of a JSON file."""
        info = local_path(path).with_name(INFO)
        return [info] if info.is_file() else []

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """Write JSON lines of characters and names of tags, or Parquet if the path ends so."""
        scheme = get_scheme(self.tag_scheme or "BIO")
        types: set[str] = set()
        rows = _tagged(sentences, scheme, types)
        # A temporary file has the name of the final one, with `.partial` behind it.
        if ".parquet" in path.suffixes:
            held = list(rows)
            _write_parquet(held, scheme.labels(types), path)
        else:
            write_lines(path, rows)

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        if head.data.startswith(_PARQUET):
            return "the file is Parquet"
        if head.local.is_dir() and (head.local / INFO).is_file():
            return f"the folder has a {INFO}"
        for record in head.objects:
            if isinstance(record.get("tokens"), list):
                for key in _TAGS:
                    value = record.get(key)
                    if isinstance(value, list) and all(type(tag) in (int, str) for tag in value):
                        return f'records have "tokens" and "{key}"'
        return None


def _name(file: CorpusFile, line: int, tag: Any, names: Sequence[str] | None) -> str:
    if isinstance(tag, str):
        return tag
    if type(tag) is int and names is not None and 0 <= tag < len(names):
        return names[tag]
    if names is None:
        expected = "the name of a tag. Set label_names to the names by index"
    else:
        expected = f"an index from 0 to {len(names) - 1} of the label names"
    raise file.error(line, tag, expected)


def _from_hub(path: str) -> Any:
    """Load a data set by its name on the hub."""
    name, _, query = path.removeprefix(HUB).partition("?")
    options = dict(parse_qsl(query))
    unknown = options.keys() - {"split", "config", "revision"}
    if unknown or "split" not in options:
        raise UserError(f"{path}: expected {HUB}NAME?split=SPLIT, and config or revision")
    datasets = require_extra("datasets", f"{_USER} with a name on the hub")
    try:
        return datasets.load_dataset(
            name, options.get("config"), split=options["split"], revision=options.get("revision")
        )
    except Exception as error:  # the library raises many kinds of errors
        raise UserError(f"cannot load {path}: {error}") from error


def _of_dataset(
    dataset: Any,
) -> tuple[Iterator[tuple[int, dict[str, Any]]], Mapping[str, Sequence[str]]]:
    if not hasattr(dataset, "features"):
        raise UserError(f"expected one split, found {', '.join(dataset)}: name its folder")
    return enumerate(iter(dataset), 1), _names(dataset.features.to_dict())


def _of_parquet(
    path: Path,
) -> tuple[Iterator[tuple[int, dict[str, Any]]], Mapping[str, Sequence[str]]]:
    parquet = require_extra("pyarrow.parquet", f"{_USER} of Parquet")
    table = parquet.read_table(path)
    metadata = (table.schema.metadata or {}).get(b"huggingface", b"{}")
    features = json.loads(metadata).get("info", {}).get("features") or {}
    return enumerate(table.to_pylist(), 1), _names(features)


def _names(features: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return the names of the ClassLabels in the lists of a data set, by column."""
    found = {}
    for key, feature in features.items():
        while isinstance(feature, Mapping) and isinstance(feature.get("feature"), Mapping):
            feature = feature["feature"]
        if isinstance(feature, list) and feature:
            feature = feature[0]
        if isinstance(feature, Mapping) and isinstance(feature.get("names"), list):
            found[key] = feature["names"]
    return found


def _tagged(
    sentences: Iterable[Instance], scheme: TagScheme, types: set[str]
) -> Iterator[dict[str, list[str]]]:
    """Yield the record of each sentence, and add its types to a set."""
    for number, sentence in enumerate(sentences, 1):
        spans = flat(number, sentence)
        types.update(span.type for span in spans)
        tags = scheme.tags(spans, len(sentence.text))
        yield {"tokens": list(sentence.text), "ner_tags": tags}


def _write_parquet(rows: Sequence[Mapping[str, Any]], names: list[str], path: Path) -> None:
    datasets = require_extra("datasets", f"{_USER} of Parquet")
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=names)),
        }
    )
    columns = {key: [row[key] for row in rows] for key in features}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(str(path))
