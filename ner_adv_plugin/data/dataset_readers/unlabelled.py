"""Text without labels."""

from collections.abc import Iterator
from dataclasses import dataclass

from ner_adv_plugin.data.dataset_readers.dataset_reader import DatasetReader
from ner_adv_plugin.data.dataset_readers.lines import read_lines
from ner_adv_plugin.data.instance import Instance


@DatasetReader.register("unlabelled")
@dataclass(kw_only=True)
class UnlabelledReader(DatasetReader):
    """Reads one text a line, without tags. Registered as "unlabelled".

    Lines of nothing but their line break are skipped; a text keeps the spaces at its ends.

    # Parameters

    head : null: no head learns from these rows, only objectives such as a domain discriminator.
    """

    head: str | None = None

    def _read(self, file_path: str) -> Iterator[Instance]:
        for number, line in enumerate(read_lines(file_path), start=1):
            if line:
                instance = self.text_to_instance(line)
                instance.metadata["line"] = number
                yield instance
