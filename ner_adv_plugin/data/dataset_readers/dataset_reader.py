"""The base of all dataset readers."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.tag_schemes import TagScheme, get_scheme

logger = logging.getLogger(__name__)

SAME_AS_DATASET = "<dataset>"
Task = Literal["ner", "segmentation"]


@dataclass(kw_only=True)
class DatasetReader(Registrable):
    """Turns a corpus file into instances.

    A subclass is a keyword-only dataclass (or any class) that overrides `_read`; its fields are its
    config keys.

    # Parameters

    head : label space that this dataset's tags belong to; the dataset's name by default, null for text
        without labels.
    domain : what a domain discriminator predicts for its rows; the dataset's name by default.
    training_scheme : tag scheme the model is trained in; null takes BIO for entities, BMES for words.
    illegal_tags : what to do with gold such as `I-X` after `O`: "repair" reads it as conlleval does (`B-X`)
        and counts it, "error" stops.
    max_instances : read at most so many rows.
    """

    task: ClassVar[Task] = "ner"

    head: str | None = SAME_AS_DATASET
    domain: str = SAME_AS_DATASET
    training_scheme: str | None = None
    illegal_tags: Literal["repair", "error"] = "repair"
    max_instances: int | None = None
    repaired: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        _ = self.scheme  # an unknown training scheme stops here, not at the first row

    def bind(self, dataset: str) -> None:
        """Tell the reader which dataset it reads; `head` and `domain` left open take its name."""
        self.dataset = dataset
        if self.head == SAME_AS_DATASET:
            self.head = dataset
        if self.domain == SAME_AS_DATASET:
            self.domain = dataset

    @property
    def scheme(self) -> TagScheme:
        """The scheme of the tags that this reader's instances carry."""
        words = self.task == "segmentation"
        name = self.training_scheme or ("BMES" if words else "BIO")
        return get_scheme(name, segmentation=words, path="training_scheme")

    def read(self, file_path: str | Path) -> list[Instance]:
        """All rows of a file, in file order.

        Raises `DataError` with file and line where a row cannot be read, or where the file holds no row.
        """
        if not Path(file_path).is_file():
            raise DataError(file_path, None, "no such file", "a corpus file that exists")
        instances = []
        for instance in self._read(str(file_path)):
            instance.dataset = getattr(self, "dataset", "")
            instances.append(instance)
            if len(instances) == self.max_instances:
                break
        if not instances:
            raise DataError(file_path, None, "no rows", "at least one row")
        if count := self.repaired.get(str(file_path)):
            logger.warning("%s: %d illegal tags repaired as conlleval reads them", file_path, count)
        return instances

    def _read(self, file_path: str) -> Iterator[Instance]:
        raise NotImplementedError

    def text_to_instance(self, text: str, tags: list[str] | None = None) -> Instance:
        """An instance from a text, and its tags in the training scheme where they are known."""
        return Instance(text, tags, getattr(self, "dataset", ""))
