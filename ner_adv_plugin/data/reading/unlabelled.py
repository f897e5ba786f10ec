"""Text without labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.mapped_lines import map_lines


@DatasetReader.register("unlabelled")
@dataclass(kw_only=True)
class UnlabelledReader(DatasetReader):
    """Reads text without tags, one or several lines a sentence. Registered as "unlabelled".

    A line of nothing but its line break ends a sentence and gives none; a line keeps the spaces at its ends. The file may
    be larger than memory: it is mapped, and a sentence is read when it is asked for.

    # Parameters

    head : null: no head learns from these sentences, only objectives such as a domain discriminator.
    lines_per_sentence : a sentence is so many lines on end, joined with nothing between them; fewer before an empty line
        and at the end of the file.
    """

    moved_keys: ClassVar[Mapping[str, str]] = {
        **DatasetReader.moved_keys,
        "lines_per_row": "It is called lines_per_sentence now.",
    }

    head: str | None = None
    lines_per_sentence: int = 1

    def __post_init__(self) -> None:
        if self.lines_per_sentence < 1:
            raise ConfigurationError(
                f"expected 1 or more, found {self.lines_per_sentence}", "lines_per_sentence"
            )

    def _read(self, file_path: str) -> Iterable[Instance]:
        return map_lines(file_path, self.lines_per_sentence, self.encoding_errors)
