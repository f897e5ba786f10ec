"""People's Daily named entities, as commonly circulated."""

from dataclasses import dataclass

from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader


@DatasetReader.register("people_daily")
@dataclass(kw_only=True)
class PeopleDailyReader(ConllReader):
    """Reads People's Daily NER: `character tag`, one space, BIO. Registered as "people_daily".

    Parameters as in `conll`.
    """

    separator: str | None = " "
