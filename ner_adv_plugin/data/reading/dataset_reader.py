"""Base class of dataset readers.

Shape suffixes: R sentences, S spans.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.lines import read_lines, read_text
from ner_adv_plugin.data.reading.normalisers import Normaliser
from ner_adv_plugin.data.reading.overlaps import (
    DUPLICATES,
    DUPLICATES_NOTE,
    Flattener,
    Overlaps,
)
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.span_checks import check_tiling, overlap_error, tiles
from ner_adv_plugin.data.reading.text_encoding import canonical

SAME_AS_DATASET = "<dataset>"
Task = Literal["ner", "segmentation", "raw_text"]
# Python's error handlers for decoding, except "surrogatepass", with which the two halves of a
# surrogate pair would become one character in JSON.
EncodingErrors = Literal["strict", "replace", "ignore", "backslashreplace", "surrogateescape"]


@dataclass(kw_only=True)
class DatasetReader(Registrable):
    """Base class of dataset readers, which convert a corpus file to instances.

    A subclass is a keyword-only dataclass (or any class) that overrides `_read`; its fields are its
    config keys. `task` is what the spans are: a subclass that can also read words redeclares it as
    a config key, and a reader of entities redeclares `annotated_types`.

    # Parameters

    head : the task that this dataset belongs to, given by the name of its head; by default the name
        of the dataset, null for unlabelled text.
    domain : the domain of the sentences, which a domain discriminator predicts; by default the name
        of the dataset.
    illegal_tags : how to treat gold tags that violate the tag scheme, such as `I-X` after `O`:
        "repair" decodes them as conlleval does (here as `B-X`) and counts them, "error" raises an
        error.
    overlaps : how to treat entities that nest or overlap: "keep" keeps them (a head that cannot
        represent them raises an error), "error" raises an error, "outermost" prefers the longest,
        "innermost" the shortest and "first" the first in the file. Of several types of the same
        range, these three keep the first in the file. The number of dropped entities is logged. The
        same entity twice is one entity.
    max_instances : maximum number of sentences to read.
    encoding : encoding of the file: "utf-8", "gb18030" (which includes GBK and GB2312), "big5",
        "utf-16" or any other of Python's names; "auto" detects it. A byte order mark is skipped.
    encoding_errors : how to treat bytes that are not in the encoding, as the name of one of
        Python's error handlers: "strict" raises an error, all others count the damaged lines. More
        than 2 lines and 1 % of the file are an error all the same, as is a file that looks like
        one in another encoding.
    normalisers : normalisers of the text that the encoder receives, applied in order; spans,
        offsets, predictions and scores refer to the original text.

    # Examples

    >>> from ner_adv_plugin.data.reading import MsraReader
    >>> table = MsraReader(max_instances=10).read("fixtures/data/msra/test.bio")
    >>> len(table)
    10
    >>> [(span.type, table[0].text[span.start : span.end]) for span in table[0].spans]
    [('LOC', '瑞士'), ('PER', '崔兴'), ('PER', '廖峰心'), ('LOC', '汕头')]
    """

    moved_keys: ClassVar[Mapping[str, str]] = {
        "training_scheme": "The scheme is now a key of the head: model.head.scheme, "
        "or model.heads.<head>.scheme."
    }
    # Whether a table depends on one file and on the settings alone, so that it may be cached.
    cacheable: ClassVar[bool] = False
    task: Task = field(default="ner", init=False)
    annotated_types: list[str] | None = field(default=None, init=False)

    head: str | None = SAME_AS_DATASET
    domain: str = SAME_AS_DATASET
    illegal_tags: Literal["repair", "error"] = "repair"
    overlaps: Overlaps = "keep"
    max_instances: int | None = None
    encoding: str = "utf-8"
    encoding_errors: EncodingErrors = "strict"
    normalisers: list[Normaliser] = field(default_factory=list)
    # For every file, the number of tags that were repaired.
    repaired: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    # For every file, the number of tags that may not follow the previous one in each sentence with
    # illegal tags, by the sentence's first line.
    illegal_sentences: dict[str, dict[int, int]] = field(
        default_factory=dict, init=False, repr=False
    )
    # For every file, what was changed or skipped when it was last read.
    counts: dict[str, ReadingCounts] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        canonical(self.encoding, "encoding")

    def bind(self, dataset: str) -> None:
        """Set the name of the dataset, which is the default of `head` and `domain`."""
        self.dataset = dataset
        if self.head == SAME_AS_DATASET:
            self.head = dataset
        if self.domain == SAME_AS_DATASET:
            self.domain = dataset

    def read(self, file_path: str | Path) -> InstanceTable:
        """Read all sentences of a file, in file order.

        # Parameters

        file_path : a path or a URL.

        # Raises

        DataError : with file and line, if a sentence cannot be read; without a line, if the file
            does not exist or has no sentences.
        """
        if not is_url(file_path) and not Path(file_path).is_file():
            raise DataError(file_path, None, "no such file", "an existing corpus file")
        path = str(file_path)
        return InstanceTable.of(self._read_all(path), getattr(self, "dataset", ""))

    def files_beside(self, file_path: str) -> Sequence[Path]:
        """Return the other files that are read with a file, such as annotations beside a text.

        # Parameters

        file_path : a file, a folder, whose own files do not count, or a URL, which has none.
        """
        return ()

    def count(
        self, file_path: str, what: str, line: int | None = None, n: int = 1, note: str = ""
    ) -> None:
        """Count something that was changed or skipped in a file.

        After reading, each thing is logged once with its number and first line, and becomes a
        metric of the run: `reading_<dataset>_<split>_<what>`.

        # Parameters

        file_path : the file, as given to `_read`.
        what : its name, a plural such as `comments skipped`.
        line : number of the line.
        n : how often it was done.
        note : text for the warning only, which follows `what`; the last one is reported.
        """
        self.counts_of(file_path).add(what, line, n, note)

    def counts_of(self, file_path: str) -> ReadingCounts:
        """Return the counts of a file."""
        return self.counts.setdefault(file_path, ReadingCounts())

    def why_unlabelled(self, file_path: str) -> str:
        """Say why no sentence of a file that was read has labels, for error messages.

        # Returns

        Sentences that start with a space; empty if nothing more is known.
        """
        return ""

    def text(self, file_path: str) -> str:
        """Read a file in the reader's encoding, with LF as line breaks."""
        counts = self.counts_of(file_path)
        return read_text(file_path, self.encoding_errors, self.encoding, counts)

    def lines(self, file_path: str) -> list[str]:
        """Read the lines of a file in the reader's encoding; only LF and CRLF end a line."""
        counts = self.counts_of(file_path)
        return read_lines(file_path, self.encoding_errors, self.encoding, counts)

    def shown(self, text: str) -> str:
        """Apply the normalisers to a text.

        # Returns

        The text for the encoder, with one character for each character of the original.

        # Raises

        UserError : if a normaliser changes the length of the text.
        """
        for normaliser in self.normalisers:
            form = normaliser.normalise(text)
            if len(form) != len(text):
                raise UserError(
                    f"{type(normaliser).__name__} returned {len(form)} characters for a text of "
                    f"{len(text)}: expected the same number"
                )
            text = form
        return text

    def form(self) -> Callable[[str], str]:
        """Return `shown`, or `str` if it leaves every text as it is."""
        is_plain = type(self).shown is DatasetReader.shown and not self.normalisers
        return str if is_plain else self.shown

    def text_to_instance(
        self, text: str, spans: list[Span] | None = None, line: int | None = None
    ) -> Instance:
        """Create an instance of this dataset.

        # Parameters

        text : the sentence.
        spans : its entities or words; None if it is unlabelled.
        line : number of the line on which it begins.
        """
        if spans and isinstance(spans[0], str):
            raise UserError(
                f"{type(self).__name__} passes tags as spans: "
                "expected spans, such as `TagScheme.spans(tags)` returns"
            )
        metadata = {} if line is None else {"line": line}
        return Instance(text, spans, metadata, getattr(self, "dataset", ""))

    def sentences(self, file_path: str, counts: ReadingCounts) -> Iterable[Instance]:
        """Yield the sentences of a file without checking them; what is changed is not logged.

        # Parameters

        file_path : a path or a URL.
        counts : receives the counts of what is changed or skipped.
        """
        self.counts[file_path] = counts
        return self._read(file_path)

    def _read(self, file_path: str) -> Iterable[Instance]:
        """Yield the sentences of a file.

        # Parameters

        file_path : a path or a URL; `lines`, `text` and `local_path` accept both.
        """
        raise NotImplementedError

    def _read_all(self, file_path: str) -> InstanceTable:
        """Read and check the sentences of an existing file; log what was changed or skipped."""
        counts = self.counts[file_path] = ReadingCounts()
        flattener = Flattener(self.overlaps, counts)
        instances = self._read(file_path)
        if flattener.needed:
            instances = map(flattener, instances)
        table = InstanceTable.of(instances, at_most=self.max_instances)
        if not table:
            skipped = "; ".join(counts.messages())
            expected = "at least one sentence" + (f": {skipped}" if skipped else "")
            raise DataError(file_path, None, "no sentences", expected)

        table = table.with_columns(source=file_path)
        if table.spans is not None:
            self._check_spans(table)
            table = self._check_overlaps(table)

        counts.log(file_path)
        return table

    def _check_spans(self, table: InstanceTable) -> None:
        """Raise a `DataError` if a span exceeds its text, or if words do not tile theirs."""
        spans = table.spans
        lengths_R = table.lengths
        assert spans is not None
        invalid_S = (
            (spans.starts_S < 0)
            | (spans.starts_S >= spans.ends_S)
            | (spans.ends_S > lengths_R[spans.sentences_S])
        )
        if invalid_S.any():
            first = int(np.flatnonzero(invalid_S)[0])
            sentence = int(spans.sentences_S[first])
            span_type = spans.types[spans.types_S[first]]
            found = f"{span_type} [{spans.starts_S[first]}, {spans.ends_S[first]})"
            expected = f"a non-empty span within the text of {lengths_R[sentence]} characters"
            raise DataError(*table.place(sentence), found, expected)

        if self.task == "segmentation" and not tiles(spans, lengths_R):
            for sentence, words in enumerate(spans):
                check_tiling(table, sentence, words)

    def _check_overlaps(self, table: InstanceTable) -> InstanceTable:
        """Drop duplicate spans; raise a `DataError` if others overlap and `overlaps` is "error"."""
        all_spans = table.columns.spans
        spans = table.spans
        assert all_spans is not None and spans is not None
        duplicates_S = spans.duplicates_S()
        if duplicates_S.any():
            path, line = table.place(int(spans.sentences_S[duplicates_S.argmax()]))
            self.count(path, DUPLICATES, line, int(duplicates_S.sum()), DUPLICATES_NOTE)
            table = table.with_columns(spans=all_spans.distinct())

        found = spans.distinct().first_overlap() if self.overlaps == "error" else None
        if found is not None:
            raise overlap_error(table, found, "entities that do not overlap")
        return table
