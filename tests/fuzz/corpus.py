"""Corpora: every character and label of a file that is read is accounted for, by another parser."""

import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading import DatasetReader
from tests.fuzz.harness import Case, expect
from tests.fuzz.text import damaged, sentence

TYPES = ("PER", "LOC", "X-Y")
# What a file holds: its text without separators, and the number of characters, or of spans, that
# have each label.
Count = tuple[str, Counter[str], Counter[str]]


def lines_of(content: bytes) -> list[str]:
    return content.removeprefix(b"\xef\xbb\xbf").decode().replace("\r\n", "\n").split("\n")


def tags(chance: random.Random, length: int) -> list[str]:
    """Return BIO tags, some of which do not follow each other."""
    found = ["O"]
    while len(found) <= length:
        kind = chance.choice(TYPES)
        inside = found[-1][1:] if found[-1] != "O" and chance.random() < 0.8 else f"-{kind}"
        found.append(chance.choice(("O", f"B-{kind}", f"I{inside}")))
    return found[1:]


def columns(chance: random.Random, write: Callable[[str, str], str]) -> str:
    """Return sentences of a character and a tag a line."""
    blocks = []
    for _ in range(chance.randint(1, 4)):
        text = sentence(chance)
        pairs = zip(text, tags(chance, len(text)), strict=True)
        blocks.append("".join(write(*pair) for pair in pairs))
    return "\n".join(blocks)


def count_columns(content: bytes, separator: str = "[ \t]+") -> Count:
    """Count tags as conlleval does: an entity begins if a tag does not continue one."""
    text, characters, spans = "", Counter[str](), Counter[str]()
    before = "O"
    for line in lines_of(content):
        # A line of white space parts sentences, like an empty one.
        if not line.strip():
            before = "O"
            continue
        text += line[0]
        rest = line[1:] if len(separator) == 1 else line[1:].rstrip(" \t")
        tag = re.split(separator, rest)[-1]
        expect(re.fullmatch(r"O|[BI]-\S+", tag) is not None, f"{tag!r} is read as a tag")
        kind = tag[2:]
        if tag != "O":
            characters[kind] += 1
            spans[kind] += tag[0] == "B" or before == "O" or before[2:] != kind
        before = tag
    return text, characters, spans


def words(chance: random.Random) -> str:
    lines = [
        "  ".join(sentence(chance, 4) for _ in range(chance.randint(1, 6)))
        for _ in range(chance.randint(1, 5))
    ]
    return "\n".join(lines) + "\n"


def count_words(content: bytes) -> Count:
    found = [word for line in lines_of(content) for word in re.findall("[^ ]+", line)]
    text = "".join(found)
    return text, Counter({"": len(text)}), Counter({"": len(found)})


def records(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(1, 4)):
        text = sentence(chance)
        label: dict[str, dict[str, list[list[int]]]] = {}
        for _ in range(chance.randint(0, 3)):
            start = chance.randrange(len(text))
            last = min(len(text) - 1, start + chance.randrange(3))
            surfaces = label.setdefault(chance.choice(TYPES), {})
            surfaces.setdefault(text[start : last + 1], []).append([start, last])
        lines.append(json.dumps({"text": text, "label": label}, ensure_ascii=chance.random() < 0.3))
    return "\n".join(lines) + "\n"


def count_records(content: bytes) -> Count:
    text, characters, spans = "", Counter[str](), Counter[str]()
    for line in lines_of(content):
        if not line.strip():
            continue
        record = json.loads(line)
        text += record["text"]
        found = {
            (kind, *ends)
            for kind, surfaces in (record.get("label") or {}).items()
            for ranges in surfaces.values()
            for ends in ranges
        }
        for kind, start, last in found:
            characters[kind] += last - start + 1
            spans[kind] += 1
    return text, characters, spans


def raw(chance: random.Random) -> str:
    return "".join(sentence(chance) + "\n" for _ in range(chance.randint(1, 5)))


def count_raw(content: bytes) -> Count:
    return "".join(lines_of(content)), Counter(), Counter()


FORMATS: dict[str, tuple[dict[str, Any], Callable[[random.Random], str], Callable[..., Count]]] = {
    "conll": (
        {"type": "conll"},
        lambda chance: columns(chance, lambda c, t: f"{c} {t}\n"),
        count_columns,
    ),
    "people_daily": (
        {"type": "people_daily"},
        lambda chance: columns(chance, lambda c, t: f"{c} {t}\n"),
        lambda content: count_columns(content, " "),
    ),
    "weibo": (
        {"type": "weibo"},
        lambda chance: columns(chance, lambda c, t: f"{c}{chance.randrange(3)}\t{t}\n"),
        lambda content: count_columns(content, "\t"),
    ),
    "sighan_cws": ({"type": "sighan_cws"}, words, count_words),
    "span_json": ({"type": "span_json"}, records, count_records),
    "unlabelled": ({"type": "unlabelled"}, raw, count_raw),
}


def _continues(line: str) -> bool:
    """Return whether a line of columns belongs to the sentence before it."""
    return bool(line.strip()) and not line.startswith("-DOCSTART-")


class Corpus:
    """Draws corpus files of all readers and compares what is read with an own count."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=folder))

    def draw(self, chance: random.Random) -> Case:
        kind = chance.choice(list(FORMATS))
        text = FORMATS[kind][1](chance)
        encoding = chance.choice(("utf-8",) * 18 + ("gb18030", "utf-16"))
        content = damaged(text.encode(encoding, "surrogatepass"), chance)
        return Case(kind, {"corpus.txt": content})

    def check(self, case: Case) -> str:
        path = self.folder / "corpus.txt"
        path.write_bytes(case.files["corpus.txt"])
        settings, _, count = FORMATS[case.kind]
        reader = DatasetReader.from_params(dict(settings))
        reader.bind("fuzz")
        try:
            table = reader.read(path)
        except UserError as error:
            expect(str(error).startswith(str(path)), f"the error does not name the file: {error}")
            return self._skip(case, path)

        characters, spans = Counter[str](), Counter[str]()
        for instance in table:
            for span in instance.spans or ():
                expect(0 <= span.start < span.end <= len(instance.text), f"{span} is outside")
                characters[span.type] += span.end - span.start
                spans[span.type] += 1
        found = "".join(instance.text for instance in table), characters, spans
        self._compare(found, count(case.files["corpus.txt"]))
        return "read"

    def _skip(self, case: Case, path: Path) -> str:
        """Read a refused file without its bad records: as a file of the other records alone."""
        settings = FORMATS[case.kind][0]
        if case.kind in ("sighan_cws", "unlabelled"):
            return "refused"
        skipping = {**settings, "on_bad_record": "skip", "max_bad_records": 1.0}
        reader = DatasetReader.from_params(skipping)
        try:
            table = reader.read(path)
        except UserError:
            return "refused"

        counted = reader.counts[str(path)].metrics()
        expect(counted.get("bad_records_skipped", 0) > 0, f"skipped without a count: {counted}")
        lines = lines_of(case.files["corpus.txt"])
        records = []
        for instance in table:
            first = instance.metadata["line"] - 1
            last = first + 1
            if case.kind != "span_json":
                last += len(list(takewhile(_continues, lines[last:])))
            records.append("\n".join(lines[first:last]))
        # With a byte order mark, a first U+FEFF is a character.
        path.write_text("\n\n".join(records) + "\n", encoding="utf-8-sig", newline="\n")
        alone = DatasetReader.from_params(dict(settings)).read(path)
        both = [[(one.text, one.spans) for one in own] for own in (table, alone)]
        expect(both[0] == both[1], f"read with bad records {both[0]!r}, without {both[1]!r}")
        return "read without bad records"

    def _compare(self, found: Count, expected: Count) -> None:
        for name, ours, theirs in zip(("text", "labels", "spans"), found, expected, strict=True):
            expect(ours == theirs, f"{name}: read {ours!r}, the file has {theirs!r}")
