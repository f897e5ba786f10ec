"""Hints on lines that do not have the format of their reader: what the file may be instead."""

import re
from collections.abc import Iterator
from itertools import islice

from ner_adv_plugin.data.reading.conll_columns import (
    ANY_WHITE_SPACE,
    DOCUMENT,
    WHITE_SPACE,
    LineColumns,
    is_tag,
)
from ner_adv_plugin.data.reading.lines import blocks
from ner_adv_plugin.data.reading.tag_guesses import is_bare, likely_scheme, respelled

# Number of sentences from which the tag scheme of a file is guessed.
SAMPLE_SENTENCES = 1000
_JSON = re.compile(r"\s*[\[{]\s*[\[{\"]")


class LineHints:
    """Guesses what a line, or its file, is.

    Each hint is the end of an error message, empty if nothing is likely.

    # Parameters

    columns : divides the lines.
    text : the content of the file.
    """

    def __init__(self, columns: LineColumns, text: str) -> None:
        self.columns = columns
        self.reader = columns.reader
        self.text = text
        self._on_scheme: str | None = None

    def on_scheme(self) -> str:
        """Return a hint if the tags of the first sentences fit another scheme than the reader's."""
        if self._on_scheme is None:
            self._on_scheme = self._scheme()
        return self._on_scheme

    def _scheme(self) -> str:
        tags = [list(own) for own in islice(self._sampled_tags(), SAMPLE_SENTENCES)]
        segmentation = self.reader.task == "segmentation"
        found = likely_scheme(tags, segmentation)
        if found is not None and found != self.reader.file_scheme.name:
            return f": tags look like {found}, set tag_scheme: '{found}'"

        found = likely_scheme(tags, not segmentation)
        if found is not None and not segmentation:
            also = "" if found == self.reader.file_scheme.name else f", tag_scheme: '{found}'"
            return f": tags look like those of words, set task: 'segmentation'{also}"
        return ""

    def _sampled_tags(self) -> Iterator[Iterator[str]]:
        """Yield the tags of the sentences of the file, as far as they can be read."""
        for _, lines in blocks(self.text):
            yield self._readable_tags(lines)

    def _readable_tags(self, lines: list[str]) -> Iterator[str]:
        for line in lines:
            if line.isspace() or line.startswith(DOCUMENT):
                continue
            raw = self.columns.raw_tag(self.columns.split(line)[1])
            if raw is not None:
                bare = self.reader.untyped is not None and is_bare(raw)
                yield f"{raw}-{self.reader.untyped}" if bare else respelled(raw) or raw

    def on_tag(self, raw: str) -> str:
        """Return a hint on a tag that is none of the reader's scheme."""
        scheme = self.reader.file_scheme
        meant = respelled(raw) or (raw.upper() if is_bare(raw.upper()) else None)
        if "\r" in raw:
            return ": line breaks are LF or CRLF, not CR"
        if ANY_WHITE_SPACE.search(raw):
            parted = self.reader.separator is not None and self.columns.meaning(raw.strip(" \t"))[0]
            return ": it holds white space" + (", set separator: null" if parted else "")
        if meant is not None and is_tag(scheme, meant) and meant != raw:
            return f": probably {meant}, set tag_spelling: 'lenient'"

        hint = self.on_scheme()
        if not hint and is_bare(raw.upper()) and not scheme.segmentation:
            return ": it has no type, set untyped: 'TYPE' for a type to give it"
        return hint

    def on_file(self, line: str) -> str:
        """Return a hint if the file is none of lines that begin with a character."""
        if _JSON.match(self.text):
            return ": the file looks like JSON, set type: 'annotations' or 'span_json'"
        first, *others = line.split()
        if len(others) == 1 and len(others[0]) == 1 and self.columns.meaning(first)[0] is not None:
            return ": the tag stands before the character, swap the columns of the file"
        return ""

    def on_comment(self, line: str) -> str:
        """Return a hint on a line that may be a comment."""
        if line.startswith("#") and "#" not in self.reader.comments:
            return ", or a comment: set comments: ['#']"
        return ""

    def on_unit(self, line: str) -> str:
        """Return a hint on a line that does not begin with a unit and a separator."""
        reader = self.reader
        if line.startswith(DOCUMENT):
            return f": it marks a document, set comments: ['{DOCUMENT}']"
        if hint := self.on_file(line) or self.on_comment(line):
            return hint
        if is_tag(reader.file_scheme, line.strip()):
            return ": it holds a tag alone, and its character, perhaps a space, is lost"

        separator = reader.separator
        if separator is not None and separator not in line and WHITE_SPACE.search(line, 1):
            return ": columns look parted by other white space, set separator: null"
        if self.columns.split(line, "graphemes")[1]:
            return ": it begins with a character of several code points, set units: 'graphemes'"
        if self.columns.split(line, "words")[1]:
            return ": the first column holds several characters, set units: 'words'"
        return ""
