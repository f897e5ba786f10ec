"""Conversion of corpora from one format to another."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ner_adv_plugin.common.errors import DataError, UserError, nearest
from ner_adv_plugin.common.files import write_file, write_folder
from ner_adv_plugin.common.params import parse_overrides
from ner_adv_plugin.data.formats.auto import AUTO, recognised
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat
from ner_adv_plugin.data.formats.split_lines import split_lines
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.overlaps import Flattener, Overlaps
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts

# Other names of formats with the settings that they imply.
ALIASES: Mapping[str, Mapping[str, Any]] = {
    "bio": {"type": "conll", "tag_scheme": "BIO"},
    "bioes": {"type": "conll", "tag_scheme": "BIOES"},
    "bmes": {"type": "conll", "tag_scheme": "BMES"},
    "bilou": {"type": "conll", "tag_scheme": "BILOU"},
    "iob1": {"type": "conll", "tag_scheme": "IOB1"},
    "conll_words": {"type": "conll", "units": "words"},
    "label_studio_conll": {"type": "conll", "label_studio": True},
    "parquet": {"type": "huggingface"},
}
# Names of formats by the ending of a file, for those that have one.
ENDINGS = {
    ".bio": "bio",
    ".bioes": "bioes",
    ".bmes": "bmes",
    ".bilou": "bilou",
    ".iob1": "iob1",
    ".conll": "conll",
    ".spacy": "spacy",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
}


@dataclass(kw_only=True)
class Choices:
    """What to do with sentences that the new format may not be able to represent.

    # Parameters

    split_lines : whether each line of a text becomes a sentence.
    unlabelled : "keep" or "drop" texts that nobody has annotated.
    overlaps : see `DatasetReader`.
    type_map : new names of types; null drops a type.
    """

    split_lines: bool = False
    unlabelled: Literal["keep", "drop"] = "keep"
    overlaps: Overlaps = "keep"
    type_map: Mapping[str, str | None] = field(default_factory=dict)


def named(name: str | Mapping[str, Any], flag: str) -> CorpusFormat:
    """Return a format by name, alias or settings.

    # Parameters

    name : such as "doccano", "bioes" or `{"type": "conll", "separator": " "}`.
    flag : the flag that names it, for error messages.

    # Raises

    UserError : if there is none.
    """
    settings: Any = ALIASES.get(name, name) if isinstance(name, str) else name
    if isinstance(settings, str) and settings not in CorpusFormat.list_available():
        known = sorted([*CorpusFormat.list_available(), *ALIASES])
        hint = nearest(settings, known)
        raise UserError(f'{flag}: no format "{settings}".{hint} Formats: {", ".join(known)}.')
    return CorpusFormat.from_params(settings)


def read(file: CorpusFile, source: CorpusFormat, choices: Choices) -> list[Instance]:
    """Read the sentences of a file; what is left out is in `file.counts`.

    # Raises

    DataError : if the file is not in the format, or holds no sentence.
    """
    sentences = list(chosen(source.read(file), choices, file.counts))
    if not sentences:
        left_out = "; ".join(file.counts.messages())
        found = f"no sentences ({left_out})" if left_out else "no sentences"
        raise DataError(file.path, None, found, "at least one sentence")
    return sentences


def chosen(
    sentences: Iterable[Instance], choices: Choices, counts: ReadingCounts
) -> Iterator[Instance]:
    """Yield sentences as the new format needs them.

    # Parameters

    sentences : the sentences, read lazily.
    choices : what to do with them.
    counts : receives the counts of what is left out.
    """
    flattener = Flattener(choices.overlaps, counts)
    for sentence in _parts(sentences, choices.split_lines):
        if sentence.spans is None and choices.unlabelled == "drop":
            counts.add("unlabelled sentences left out", sentence.metadata.get("line"))
            continue
        if sentence.spans is not None:
            sentence.spans = _mapped(sentence.spans, choices.type_map)
        yield flattener(sentence) if flattener.needed else sentence


def write(sentences: Iterable[Instance], target: CorpusFormat, path: Path, force: bool) -> None:
    """Write a file or folder at once, or nothing at all.

    # Parameters

    sentences : the sentences, read lazily.
    target : the format.
    path : the file or folder.
    force : replace what is there.

    # Raises

    UserError : if something is there, or a sentence cannot be represented.
    """
    if (path.is_file() or (path.is_dir() and any(path.iterdir()))) and not force:
        raise UserError(f"{path} exists: --force replaces it")
    if target.is_folder:
        if path.is_file():
            raise UserError(f"{path} is a file: expected a folder")
        if path.is_dir() and any(one.suffix not in (".txt", ".ann") for one in path.iterdir()):
            raise UserError(f"{path} holds more than .txt and .ann files: it is not replaced")
        write_folder(path, lambda partial: target.write(sentences, partial))
    else:
        if path.is_dir():
            raise UserError(f"{path} is a folder: expected a file")
        write_file(path, lambda partial: target.write(sentences, partial))


def source_of(
    path: str, name: str | Mapping[str, Any], flag: str = "--from"
) -> tuple[CorpusFormat, str, str]:
    """Return the format of a file, its name and why it was recognised (empty if it was named).

    # Parameters

    path : the file.
    name : name or settings of its format, "auto" to recognise it.
    flag : the flag that names it, for error messages.
    """
    if name != AUTO:
        shown = name if isinstance(name, str) else str(name.get("type"))
        return named(name, flag), shown, ""
    found, reason = recognised(path)
    return named(found, flag), found, reason


def described(sentences: Sequence[Instance]) -> str:
    """Return numbers of sentences and of entities by type.

    # Examples

    >>> described([Instance("王明", [Span(0, 2, "PER")]), Instance("你好")])
    '2 sentences (1 unlabelled), 1 entities (PER 1)'
    """
    unlabelled = sum(sentence.spans is None for sentence in sentences)
    types = Counter(span.type for sentence in sentences for span in sentence.spans or ())
    shown = ", ".join(f"{name} {count}" for name, count in sorted(types.items()))
    without = f" ({unlabelled} unlabelled)" if unlabelled else ""
    return f"{len(sentences)} sentences{without}, {types.total()} entities" + (
        f" ({shown})" if shown else ""
    )


def parsed_name(text: str) -> str | Mapping[str, Any]:
    """Return the value of `--from` or `--to`: a name, or settings in Jsonnet."""
    return parse_overrides(text) if text.lstrip().startswith("{") else text


def _parts(sentences: Iterable[Instance], split: bool) -> Iterator[Instance]:
    for sentence in sentences:
        yield from split_lines(sentence) if split else (sentence,)


def _mapped(spans: Sequence[Span], type_map: Mapping[str, str | None]) -> list[Span]:
    mapped = [(span, type_map.get(span.type, span.type)) for span in spans]
    return [Span(span.start, span.end, name) for span, name in mapped if name is not None]
