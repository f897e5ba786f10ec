"""Dataset reader of the exports of annotation tools."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.data.formats.auto import AutoFormat, recognised
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat
from ner_adv_plugin.data.formats.split_lines import split_lines
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.record_reader import RecordReader

logger = logging.getLogger(__name__)


def readable_as(path: str, encoding: str) -> tuple[str, str] | None:
    """Return the format in which a whole file can be read, and why it was recognised.

    # Parameters

    path : a file that another reader cannot read.
    encoding : its encoding.

    # Returns

    Name and reason; None if no format fits, or if the file has no labels in it.
    """
    try:
        found = recognised(path)
        sentences = list(CorpusFormat.by_name(found[0])().read(CorpusFile(path, encoding)))
    except UserError:
        return None
    return found if any(sentence.spans is not None for sentence in sentences) else None


@DatasetReader.register("annotations")
@dataclass(kw_only=True)
class AnnotationsReader(EntityReader, RecordReader):
    """Reads what annotation tools export, in the format that the file has.

    Registered as "annotations". A path is a file, or a folder of BRAT or of `datasets`.

    # Parameters

    format : the format, such as "doccano", "label_studio", "brat" or "conll"; "auto" recognises it
        by the content and logs it. `allennlp components` lists all below CorpusFormat.
    split_lines : whether each line of a text of several lines is a sentence of its own; a line
        break inside an entity does not split.
    unlabelled : what to do with texts that nobody has annotated in a file of which others are:
        "drop" leaves them out and counts them, "error" raises an error.

    # Raises

    DataError : with file, line, span and the text around it, if a span does not fit its text; with
        what the file holds, if no format fits.

    # Example

    ```jsonnet
    { type: 'annotations', format: { type: 'doccano', offsets: 'utf-16' } }
    ```

    # Examples

    >>> table = AnnotationsReader().read("fixtures/data/cluener/dev.json")
    >>> [(span.type, table[1].text[span.start : span.end]) for span in table[1].spans]
    [('organization', '雅致能源公司'), ('name', '孟才')]
    """

    format: CorpusFormat = field(default_factory=AutoFormat)
    split_lines: bool = True
    unlabelled: Literal["drop", "error"] = "drop"

    def read(self, file_path: str | Path) -> InstanceTable:
        """See `DatasetReader.read`; the path may be a folder."""
        if not Path(file_path).is_dir():
            return super().read(file_path)
        return InstanceTable.of(self._read_all(str(file_path)), getattr(self, "dataset", ""))

    def files_beside(self, file_path: str) -> Sequence[Path]:
        """See `DatasetReader.files_beside`: those of the format."""
        if is_url(file_path) or Path(file_path).is_dir():
            return ()
        return self.format.files_beside(file_path)

    def _read(self, file_path: str) -> Iterator[Instance]:
        file = CorpusFile(
            file_path,
            self.encoding,
            self.encoding_errors,
            self.illegal_tags,
            self.counts_of(file_path),
            self.on_bad_record,
            self.max_bad_records,
        )
        self.repaired[file_path] = 0
        for sentence in self._labelled(file, self.format.read(file)):
            for part in split_lines(sentence) if self.split_lines else (sentence,):
                spans = None if part.spans is None else self.map_types(part.spans)
                yield self.text_to_instance(part.text, spans, part.metadata.get("line"))
        self.repaired[file_path] = file.repaired
        self.illegal_sentences[file_path] = file.illegal_sentences

    def _labelled(self, file: CorpusFile, sentences: Iterable[Instance]) -> Iterator[Instance]:
        """Yield the labelled sentences; all of them if none is labelled."""
        waiting: list[Instance] = []
        has_labels = False
        for sentence in sentences:
            if sentence.spans is not None:
                has_labels = True
                yield sentence
            else:
                waiting.append(sentence)
        if not has_labels:
            yield from waiting
        elif waiting:
            line = waiting[0].metadata.get("line")
            if self.unlabelled == "error":
                expected = "labels as in other records. Leave it out: unlabelled: 'drop'"
                raise DataError(file.path, line, "no labels", expected)
            file.counts.add("unlabelled sentences left out", line, len(waiting))
