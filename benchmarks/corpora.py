"""Corpora of the benchmarks: real ones under NER_DATA if it is set, otherwise the fixtures."""

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
PEOPLE_DAILY = "people_daily/example.test"
WEIBO = "weibo/weiboNER_2nd_conll.train"
MSRA = "msra/train.bio"
# In characters; see `split_corpus`.
LONGEST = 148


@dataclass
class Corpus:
    """Sentences of one or several datasets with their vocabulary.

    # Parameters

    instances, readers : instances and reader by dataset.
    vocab : the vocabulary of all datasets.
    """

    instances: Mapping[str, Sequence[Instance]]
    readers: dict[str, DatasetReader]
    vocab: Vocabulary

    def encoded(self, alphabet: Alphabet) -> dict[str, EncodedDataset]:
        """Return the sentences as arrays, by dataset."""
        return {
            name: EncodedDataset(name, sentences, self.vocab, alphabet)
            for name, sentences in self.instances.items()
        }


def data_file(name: str) -> Path:
    """Return the path of a corpus file: under NER_DATA if it exists there, else in the fixtures."""
    path = Path(os.environ.get("NER_DATA") or FIXTURES) / name
    return path if path.is_file() else FIXTURES / name


def provenance(*names: str) -> str:
    """Return the names of corpus files for a report's notes, with a mark if they are fixtures."""
    return ", ".join(
        f"{name}{' (fixture)' if FIXTURES in data_file(name).parents else ''}" for name in names
    )


def read(name: str) -> Sequence[Instance]:
    """Read the sentences of a corpus file."""
    return reader_of(name, dataset_of(name)).read(data_file(name))


def dataset_of(name: str) -> str:
    """Return the dataset of a corpus file, which is the name of its folder."""
    return name.partition("/")[0]


def corpus_of(*names: str) -> Corpus:
    """Read whole corpora, each as a task of its own."""
    instances = {dataset_of(name): read(name) for name in names}
    readers = {dataset_of(name): reader_of(name, dataset_of(name)) for name in names}
    return Corpus(instances, readers, _vocabulary(instances, readers))


def split_corpus(name: str, tasks: int, sentences: int | None = None) -> Corpus:
    """Distribute the sentences of one corpus over several tasks, in turn.

    Each task has its own dataset, head and domain. The few sentences longer than `LONGEST` are left
    out, as the plain port would pad all others of their batches to the same length.

    # Parameters

    name : the corpus file.
    tasks : the number of tasks.
    sentences : the number of sentences of all tasks together, taken at even distances; all by
        default.
    """
    readers = {f"task{i}": reader_of(name, f"task{i}") for i in range(tasks)}
    usable = [sentence for sentence in read(name) if len(sentence.text) <= LONGEST]
    chosen = every(usable, sentences)

    instances = {
        task: [Instance(s.text, s.spans, dataset=task) for s in chosen[i::tasks]]
        for i, task in enumerate(readers)
    }
    return Corpus(instances, readers, _vocabulary(instances, readers))


def every(items: Sequence[Any], count: int | None) -> list[Any]:
    """Return `count` items at even distances; all items if there are fewer or `count` is None."""
    if count is None or count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def reader_of(name: str, dataset: str) -> DatasetReader:
    """Return a reader of a corpus file, chosen by the name of its folder and bound to `dataset`."""
    reader = DatasetReader.by_name(name.partition("/")[0])()
    reader.bind(dataset)
    return reader


def _vocabulary(
    instances: Mapping[str, Sequence[Instance]], readers: Mapping[str, DatasetReader]
) -> Vocabulary:
    return Vocabulary.from_instances({"train": instances}, readers)
