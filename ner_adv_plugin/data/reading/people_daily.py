"""People's Daily named entities, as commonly circulated."""

from dataclasses import dataclass, field

from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task


@DatasetReader.register("people_daily")
@dataclass(kw_only=True)
class PeopleDailyReader(ConllReader):
    """Reads People's Daily NER: per line a character, a space and a BIO tag.

    Registered as "people_daily". Has the parameters of `conll` except `task`.

    # Example

    ```jsonnet
    { type: 'people_daily', domain: 'news' }
    ```

    # Examples

    >>> table = PeopleDailyReader().read("fixtures/data/people_daily/example.dev")
    >>> table[0].spans[0]
    Span(start=0, end=2, type='LOC')
    """

    task: Task = field(default="ner", init=False)
    separator: str | None = " "
