"""Folders of BRAT's standoff annotations."""

import re
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, RawSpan
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, SpanFormat, refused
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.decoding import check_encoding, decode
from ner_adv_plugin.data.reading.lines import read_lines
from ner_adv_plugin.data.reading.text_encoding import canonical, resolve

# Identifier, tab, type with positions, and the surface, which old files lack.
_ENTITY = re.compile(r"(?P<type>\S+) (?P<start>\d+) (?P<end>\d+)")
_DISCONTINUOUS = re.compile(r"\S+ \d+ \d+(;\d+ \d+)+")
# Number of digits in the names of documents if their number is not known.
DIGITS = 9


@CorpusFormat.register("brat")
@dataclass(kw_only=True)
class BratFormat(SpanFormat):
    """Folder of BRAT: a text `NAME.txt` and its annotations `NAME.ann`. Registered as "brat".

    Subfolders are read, too; the order is that of the paths. A line of an `.ann` file is
    `T1<tab>TYPE START END<tab>SURFACE`; positions count the characters of the text, with its line
    breaks as they are. Relations, events, attributes and notes are left out and counted. A text
    without an `.ann` file is unlabelled. Each document is one sentence; the reader `annotations`
    splits it at line breaks.

    Source: https://brat.nlplab.org/standoff.html.

    # Parameters

    offsets : what positions count: "code_points", "utf-16", or "auto", which is "utf-16" if only
        that fits the surfaces of all entities.

    # Raises

    DataError : with the `.ann` file and the line, if an entity is discontinuous or does not fit.

    # Example

    ```jsonnet
    { type: 'brat' }
    ```
    """

    is_folder = True
    ending = ""

    offsets: AnyOffsets = "auto"

    def raw(self, file: CorpusFile) -> Iterator[RawSentence]:
        """See `SpanFormat.raw`."""
        root = local_path(file.path)
        texts = sorted(root.rglob("*.txt")) if root.is_dir() else [root.with_suffix(".txt")]
        if not texts:
            raise file.error(None, "no .txt file", "a folder with .txt and .ann files")
        for alone in sorted(root.rglob("*.ann")) if root.is_dir() else ():
            if not alone.with_suffix(".txt").is_file():
                raise DataError(alone, None, "no text beside it", alone.with_suffix(".txt").name)

        file.bad.total = len(texts)
        for path in texts:
            document = file.bad.attempt(_document, path, file)
            if document is not None:
                yield document

    def files_beside(self, path: str) -> Sequence[Path]:
        """See `CorpusFormat.files_beside`: the `.ann` file of a text, or the text of one."""
        named = Path(path)
        document = (named.with_suffix(ending) for ending in (".txt", ".ann"))
        return [file for file in document if file != named and file.is_file()]

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        digits = len(str(len(sentences))) if isinstance(sentences, Sized) else DIGITS
        for number, sentence in enumerate(sentences, 1):
            stem = path / f"{number:0{digits}d}"
            text = sentence.text
            # A first U+FEFF would be taken as a byte order mark.
            encoding = "utf-8-sig" if text.startswith("\ufeff") else "utf-8"
            try:
                stem.with_suffix(".txt").write_bytes(text.encode(encoding))
                if sentence.spans is not None:
                    lines = _lines(number, sentence)
                    content = "".join(f"{line}\n" for line in lines)
                    stem.with_suffix(".ann").write_bytes(content.encode("utf-8"))
            except UnicodeEncodeError:
                raise refused(number, sentence, "it holds half of a surrogate pair") from None

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        if head.local.is_dir():
            number = sum(1 for _ in head.local.rglob("*.ann"))
            return f"the folder has {number} .ann files" if number else None
        if head.local.suffix == ".ann":
            return "the file ends in .ann"
        return None


def _document(path: Path, file: CorpusFile) -> RawSentence:
    """Read a text and the entities of its `.ann` file."""
    text = _text(path, file)
    annotations = path.with_suffix(".ann")
    spans = list(_entities(annotations, file)) if annotations.is_file() else None
    return RawSentence(1, text, spans, str(path))


def _text(path: Path, file: CorpusFile) -> str:
    """Read a document with its line breaks as they are, which count."""
    if not path.is_file():
        raise DataError(path, None, "no such file", "the text of an .ann file")
    whole = path.read_bytes()
    codec, mark = resolve(canonical(file.encoding), whole)
    check_encoding(str(path), whole[mark:], codec)
    text, damaged = decode(whole[mark:], file.errors, path, encoding=codec)
    file.counts.add("damaged lines", None, len(damaged))
    return text


def _entities(path: Path, file: CorpusFile) -> Iterator[RawSpan]:
    """Yield the entities of an `.ann` file."""
    if not path.stat().st_size:
        return
    lines = read_lines(str(path), file.errors, file.encoding, file.counts)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not line.startswith("T"):
            note = " (relations, events, attributes and notes)"
            file.counts.add("lines that are no entities left out", number, note=note)
            continue
        _, _, rest = line.partition("\t")
        entity, tab, surface = rest.partition("\t")
        if _DISCONTINUOUS.fullmatch(entity):
            raise DataError(
                path, number, line, "an entity of one range: discontinuous entities are not read"
            )
        match = _ENTITY.fullmatch(entity)
        if match is None:
            raise DataError(path, number, line, "T1<tab>TYPE START END<tab>SURFACE")
        yield RawSpan(
            int(match["start"]),
            int(match["end"]),
            match["type"],
            surface if tab else None,
            number,
            str(path),
        )


def _lines(number: int, sentence: Instance) -> Iterator[str]:
    for index, (start, end, name) in enumerate(sentence.spans or (), 1):
        if not re.fullmatch(r"\S+", name):
            raise refused(number, sentence, f'the type "{name}" holds white space')
        surface = re.sub(r"[\r\n]", " ", sentence.text[start:end])
        yield f"T{index}\t{name} {start} {end}\t{surface}"
