"""MSR word segmentation (SIGHAN 2005 bake-off)."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.sighan_cws import SighanCwsReader


@DatasetReader.register("msr")
@dataclass(kw_only=True)
class MsrReader(SighanCwsReader):
    """Reads MSR word segmentation, with words separated by two spaces. Registered as "msr".

    Has the format and the parameters of `sighan_cws`.

    # Example

    ```jsonnet
    { type: 'msr', domain: 'news' }
    ```

    # Examples

    >>> table = MsrReader().read("fixtures/data/msr/msr_test_gold.utf8")
    >>> [table[0].text[word.start : word.end] for word in table[0].spans[:3]]
    ['福建省文化厅', '负责', '同志']
    """
