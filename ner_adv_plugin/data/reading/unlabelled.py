"""Text without labels."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.mapped_lines import map_lines

# Number of sentences that are checked for JSON.
SAMPLED_SENTENCES = 20


@DatasetReader.register("unlabelled")
@dataclass(kw_only=True)
class UnlabelledReader(DatasetReader):
    """Reads text without labels, one or several lines per sentence. Registered as "unlabelled".

    An empty line ends a sentence and yields none. Spaces at the beginning and the end of a line are
    kept. The file may be larger than memory: it is memory-mapped, and each sentence is read on
    access. Only a file in UTF-16 or UTF-32 is read into memory. A file of JSON objects is refused,
    as their keys and labels are no text.

    # Parameters

    head : null if only objectives, such as a domain discriminator, are trained on these sentences;
        the name of a head "masked_lm" to train a masked language model on them.
    lines_per_sentence : number of consecutive lines that are joined to a sentence, without a
        separator; the last sentence before an empty line or the end of the file may have fewer.

    # Example

    ```jsonnet
    { type: 'unlabelled', domain: 'social', lines_per_sentence: 2 }
    ```

    # Examples

    >>> table = UnlabelledReader().read("fixtures/data/unlabelled/reviews.txt")
    >>> table[0].text, table[0].spans
    ('用了9天就坏了，高兴！！！', None)
    """

    moved_keys: ClassVar[Mapping[str, str]] = {
        **DatasetReader.moved_keys,
        "lines_per_row": "It was renamed to lines_per_sentence.",
    }

    head: str | None = None
    lines_per_sentence: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, self.lines_per_sentence, "lines_per_sentence")
        self.task: Task = "ner" if self.head is None else "raw_text"

    def _read(self, file_path: str) -> Iterable[Instance]:
        table = map_lines(
            file_path,
            self.lines_per_sentence,
            self.encoding_errors,
            self.encoding,
            self.counts_of(file_path),
        )
        if _begins_with_brace(file_path):
            self._check_not_json(file_path, table)
        return table

    def _check_not_json(self, file_path: str, table: InstanceTable) -> None:
        """Raise a `DataError` if the first sentences are JSON objects."""
        first = list(table[:SAMPLED_SENTENCES].texts())
        if first and all(map(_is_object, first)):
            expected = "raw text: for the texts of JSON objects set type: 'span_json', head: null"
            raise DataError(file_path, table.place(0)[1], first[0], expected)


def _begins_with_brace(file_path: str) -> bool:
    """Whether the first character of a file, in any encoding, is an opening brace."""
    with open(local_path(file_path), "rb") as file:
        # Byte order marks, and the zero bytes of UTF-16 and UTF-32.
        return file.read(8).lstrip(b"\xef\xbb\xbf\xff\xfe\x00").startswith(b"{")


def _is_object(text: str) -> bool:
    """Whether a text begins with a JSON object that is not empty."""
    if not text.startswith("{"):
        return False
    try:
        return bool(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, RecursionError):
        return False
