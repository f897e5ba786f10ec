"""Word segmentation corpora of the SIGHAN bake-offs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.lines import read_lines


@DatasetReader.register("sighan_cws")
@dataclass(kw_only=True)
class SighanCwsReader(DatasetReader):
    """Reads one segmented text a line, words parted by runs of ASCII spaces. Registered as "sighan_cws".

    The text is its words joined; a full-width space is a character. Lines without a word are skipped.
    Parameters as in the base.
    """

    task: Task = field(default="segmentation", init=False)

    def _read(self, file_path: str) -> Iterator[Instance]:
        for number, line in enumerate(read_lines(file_path, self.encoding_errors), start=1):
            words = [word for word in line.split(" ") if word]
            if words:
                yield self.text_to_instance("".join(words), tiling(map(len, words)), number)
