"""Text to measure on: real corpora under NER_DATA, where that is set, else the fixtures."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "data"
PEOPLE_DAILY, WEIBO, MSRA = (
    "people_daily/example.test",
    "weibo/weiboNER_2nd_conll.train",
    "msra/train.bio",
)
LONGEST = 148


@dataclass
class Corpus:
    """Sentences of some datasets and their vocabulary.

    # Parameters

    instances, readers : by dataset.
    vocab : of them all.
    """

    instances: Mapping[str, Sequence[Instance]]
    readers: dict[str, DatasetReader]
    vocab: Vocabulary

    def encoded(self, alphabet: Alphabet) -> dict[str, EncodedDataset]:
        """The sentences as arrays."""
        return {
            name: EncodedDataset(name, sentences, self.vocab, alphabet)
            for name, sentences in self.instances.items()
        }


def data_file(name: str) -> Path:
    """A corpus file: under NER_DATA, else among the fixtures."""
    path = Path(os.environ.get("NER_DATA") or FIXTURES) / name
    return path if path.is_file() else FIXTURES / name


def provenance(*names: str) -> str:
    """Whether corpus files are real ones, for a report's notes."""
    return ", ".join(
        f"{name}{' of the fixtures' if FIXTURES in data_file(name).parents else ''}"
        for name in names
    )


def read(name: str) -> Sequence[Instance]:
    """The sentences of a corpus file."""
    return reader_of(name, dataset_of(name)).read(data_file(name))


def dataset_of(name: str) -> str:
    """The dataset that a corpus file is of: its folder."""
    return name.partition("/")[0]


def corpus_of(*names: str) -> Corpus:
    """Whole corpora, each a task."""
    instances = {dataset_of(name): read(name) for name in names}
    readers = {dataset_of(name): reader_of(name, dataset_of(name)) for name in names}
    return Corpus(instances, readers, _vocabulary(instances, readers))


def split_corpus(name: str, tasks: int, sentences: int | None = None) -> Corpus:
    """One corpus dealt out to several tasks, each a dataset, a head and a domain of its own.

    # Parameters

    name : of the file.
    tasks : how many.
    sentences : of all tasks together, taken at even distances; all by default.

    Longer sentences than `LONGEST` are left out: few, and a plain port pads all others of their batch to them.
    """
    readers = {f"task{i}": reader_of(name, f"task{i}") for i in range(tasks)}
    chosen = every(
        [sentence for sentence in read(name) if len(sentence.text) <= LONGEST], sentences
    )
    instances = {
        task: [Instance(r.text, r.spans, dataset=task) for r in chosen[i::tasks]]
        for i, task in enumerate(readers)
    }
    return Corpus(instances, readers, _vocabulary(instances, readers))


def every(items: Sequence[Any], count: int | None) -> list[Any]:
    """So many items at even distances; all where None or where there are fewer."""
    if count is None or count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def reader_of(name: str, dataset: str) -> DatasetReader:
    """The reader of a corpus file, as a dataset of this name; the folder's name says which it is."""
    reader = DatasetReader.by_name(name.partition("/")[0])()
    reader.bind(dataset)
    return reader


def _vocabulary(
    instances: Mapping[str, Sequence[Instance]], readers: Mapping[str, DatasetReader]
) -> Vocabulary:
    return Vocabulary.from_instances({"train": instances}, readers)
