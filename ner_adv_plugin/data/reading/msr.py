"""MSR word segmentation (SIGHAN 2005 bake-off)."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.sighan_cws import SighanCwsReader


@DatasetReader.register("msr")
@dataclass(kw_only=True)
class MsrReader(SighanCwsReader):
    """Reads MSR word segmentation: as `sighan_cws`, words parted by two spaces. Registered as "msr"."""
