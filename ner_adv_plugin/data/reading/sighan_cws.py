"""Word segmentation corpora of the SIGHAN bake-offs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task


@DatasetReader.register("sighan_cws")
@dataclass(kw_only=True)
class SighanCwsReader(DatasetReader):
    """Reads one segmented sentence per line, with words separated by one or more ASCII spaces.

    Registered as "sighan_cws". The text consists of the words without the spaces between them; a
    full-width space is an ordinary character. Lines without words are skipped. Has the parameters
    of the base class.

    # Example

    ```jsonnet
    { type: 'sighan_cws', head: 'words', domain: 'news' }
    ```

    # Examples

    >>> table = SighanCwsReader().read("fixtures/data/pku/pku_test_gold.utf8")
    >>> [table[0].text[word.start : word.end] for word in table[0].spans[:3]]
    ['两国', '法官', '还']
    """

    task: Task = field(default="segmentation", init=False)

    def _read(self, file_path: str) -> Iterator[Instance]:
        for number, line in enumerate(self.lines(file_path), start=1):
            words = [word for word in line.split(" ") if word]
            if words:
                yield self.text_to_instance("".join(words), tiling(map(len, words)), number)
