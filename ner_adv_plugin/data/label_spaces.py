"""What datasets have labels of, and what heads predict."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader


@dataclass(frozen=True)
class DatasetSpace:
    """The task and the domain to which a dataset belongs.

    # Parameters

    head : name of the head of its task; None if the dataset is unlabelled.
    domain : name of its domain.
    task : what its spans are, "ner" or "segmentation"; "raw_text" if it has none, but a head.
    annotated_types : the entity types that its annotators marked; None for all types of the head.
    sentences : number of training sentences; 0 if unknown.
    """

    head: str | None
    domain: str
    task: str
    annotated_types: list[str] | None = None
    sentences: int = 0


@dataclass(frozen=True)
class LabelSpace:
    """The span types that a head predicts.

    # Parameters

    head : name of the head.
    types : entity types in the order of their indices; a single empty name for words.
    segmentation : whether spans are words that tile the text.
    raw_text : whether the sentences have no spans, for a head such as "masked_lm".
    annotated_types : the marked types of every dataset of the head that marks only some of them;
        characters that such a dataset leaves unmarked may be an entity of any other type.
    """

    head: str
    types: tuple[str, ...]
    segmentation: bool = False
    annotated_types: Mapping[str, Collection[str]] = field(default_factory=dict, compare=False)
    raw_text: bool = False

    @property
    def task(self) -> str:
        """What the spans are: "ner", "segmentation" or "raw_text"."""
        if self.raw_text:
            return "raw_text"
        return "segmentation" if self.segmentation else "ner"

    def unannotated(self, dataset: str) -> list[int]:
        """Return the indices of the types that a dataset does not mark."""
        marked = self.annotated_types.get(dataset)
        return (
            [] if marked is None else [i for i, name in enumerate(self.types) if name not in marked]
        )


def dataset_spaces(readers: Mapping[str, DatasetReader]) -> dict[str, DatasetSpace]:
    """Return the task and domain of the dataset of each reader."""
    return {
        name: DatasetSpace(reader.head, reader.domain, reader.task, reader.annotated_types)
        for name, reader in readers.items()
    }


def heads_of(datasets: Mapping[str, DatasetSpace]) -> list[str]:
    """Return the names of the heads of datasets, in the order of the datasets."""
    return list(dict.fromkeys(space.head for space in datasets.values() if space.head is not None))


def agreed_task(head: str, datasets: Mapping[str, DatasetSpace]) -> str:
    """Return the task of all datasets of a head.

    # Raises

    ConfigurationError : if the datasets disagree on it.
    """
    members = [name for name, space in datasets.items() if space.head == head]
    # A dataset with the name of the head determines its task; the error names another one.
    members.sort(key=lambda name: name != head)

    first = datasets[members[0]].task
    for name in members[1:]:
        if datasets[name].task != first:
            raise ConfigurationError(
                f'datasets "{members[0]}" ({first}) and "{name}" ({datasets[name].task}) share '
                f'head "{head}" but have different tasks: one of them needs another head',
                f"dataset_reader.readers.{name}.head",
                absolute=True,
            )
    return first
