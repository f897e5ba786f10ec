"""MSRA named entities (SIGHAN 2006 bake-off)."""

from dataclasses import dataclass, field

from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task


@DatasetReader.register("msra")
@dataclass(kw_only=True)
class MsraReader(ConllReader):
    """Reads MSRA NER: per line a character, a tab and a BIO tag. Registered as "msra".

    Has the parameters of `conll` except `task`.

    # Example

    ```jsonnet
    { type: 'msra', domain: 'news', type_map: { ORG: null } }
    ```

    # Examples

    >>> table = MsraReader().read("fixtures/data/msra/test.bio")
    >>> table[0].spans[0]
    Span(start=2, end=4, type='LOC')
    """

    task: Task = field(default="ner", init=False)
    separator: str | None = "\t"
