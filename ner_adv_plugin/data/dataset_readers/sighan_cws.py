"""Word segmentation corpora of the SIGHAN bake-offs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ner_adv_plugin.data.dataset_readers.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.dataset_readers.lines import read_lines
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.tag_schemes import Span


@DatasetReader.register("sighan_cws")
@dataclass(kw_only=True)
class SighanCwsReader(DatasetReader):
    """Reads one segmented text a line, words parted by runs of ASCII spaces. Registered as "sighan_cws".

    The text is its words joined; a full-width space is a character. Lines without a word are skipped.
    Parameters as in the base.
    """

    task: ClassVar[Task] = "segmentation"

    def _read(self, file_path: str) -> Iterator[Instance]:
        scheme = self.scheme
        tags_of_length: dict[int, list[str]] = {}
        for number, line in enumerate(read_lines(file_path), start=1):
            words = [word for word in line.split(" ") if word]
            tags: list[str] = []
            for word in words:
                length = len(word)
                if length not in tags_of_length:
                    tags_of_length[length] = scheme.tags([Span(0, length, "")], length)
                tags += tags_of_length[length]
            if words:
                instance = self.text_to_instance("".join(words), tags)
                instance.metadata["line"] = number
                yield instance
