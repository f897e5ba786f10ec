"""MSRA named entities (SIGHAN 2006 bake-off)."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader


@DatasetReader.register("msra")
@dataclass(kw_only=True)
class MsraReader(ConllReader):
    """Reads MSRA NER: `character<TAB>tag`, BIO. Registered as "msra"; parameters as in `conll`."""

    separator: str | None = "\t"
