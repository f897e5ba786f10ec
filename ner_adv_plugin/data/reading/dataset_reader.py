"""The base of all dataset readers."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import TagScheme, get_scheme
from ner_adv_plugin.data.reading.cache import cached
from ner_adv_plugin.data.reading.instance_table import RowTable
from ner_adv_plugin.data.reading.normalisers import Normaliser

logger = logging.getLogger(__name__)

SAME_AS_DATASET = "<dataset>"
Task = Literal["ner", "segmentation"]
# Python's handlers that decode; not "surrogatepass": two halves of a pair would become one character in JSON.
EncodingErrors = Literal["strict", "replace", "ignore", "backslashreplace", "surrogateescape"]


@dataclass(kw_only=True)
class DatasetReader(Registrable):
    """Turns a corpus file into instances.

    A subclass is a keyword-only dataclass (or any class) that overrides `_read`; its fields are its
    config keys. `task` says what the tags mean; a subclass that reads words, too, declares it anew as a key, and so
    does one of entities `annotated_types`. One whose rows depend on more than file, settings and code says
    `cacheable = False`.

    # Parameters

    head : label space that this dataset's tags belong to; the dataset's name by default, null for text
        without labels.
    domain : what a domain discriminator predicts for its rows; the dataset's name by default.
    training_scheme : tag scheme the model is trained in; null takes BIO for entities, BMES for words.
    illegal_tags : what to do with gold such as `I-X` after `O`: "repair" reads it as conlleval does (`B-X`)
        and counts it, "error" stops.
    max_instances : read at most so many rows.
    encoding_errors : what to do with bytes that are not UTF-8: Python's name of an error handler; "strict"
        stops, any other says how many lines it touched, and which was the first.
    normalisers : how the encoder is shown the text, each on top of the one before; tags, offsets, answers and scores
        are of the original.
    """

    cacheable: ClassVar[bool] = True
    task: Task = field(default="ner", init=False)
    annotated_types: list[str] | None = field(default=None, init=False)

    head: str | None = SAME_AS_DATASET
    domain: str = SAME_AS_DATASET
    training_scheme: str | None = None
    illegal_tags: Literal["repair", "error"] = "repair"
    max_instances: int | None = None
    encoding_errors: EncodingErrors = "strict"
    normalisers: list[Normaliser] = field(default_factory=list)
    repaired: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    # For every file the rows with illegal tags, by their first line: how many tags cannot follow the one before.
    illegal_rows: dict[str, dict[int, int]] = field(default_factory=dict, init=False, repr=False)

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

    def read(self, file_path: str | Path) -> RowTable:
        """All rows of a file, in file order; of a large file that was read before, from the cache.

        # Parameters

        file_path : a path or a URL.

        Raises `DataError` with file and line where a row cannot be read, or where the file holds no row.
        """
        if not is_url(file_path) and not Path(file_path).is_file():
            raise DataError(file_path, None, "no such file", "a corpus file that exists")
        path = str(file_path)
        return RowTable.of(cached(self, path, lambda: self._read_all(path)), getattr(self, "dataset", ""))

    def _read_all(self, file_path: str) -> RowTable:
        """The rows of a file that is there, without the cache; what it warns of the cache says again."""
        rows = RowTable.of(self._read(file_path), at_most=self.max_instances)
        if not rows:
            raise DataError(file_path, None, "no rows", "at least one row")
        if count := self.repaired.get(file_path):
            words = self.task == "segmentation"
            done = "positions read as inside their word" if words else "tags repaired as conlleval reads them"
            logger.warning("%s: %d illegal %s", file_path, count, done)
        return rows

    def _read(self, file_path: str) -> Iterable[Instance]:
        """The rows of a file; `read_lines` or `local_path` open it, whether it is a path or a URL."""
        raise NotImplementedError

    def shown(self, text: str) -> str:
        """A text as the encoder is shown it, one character for each of the original."""
        for normaliser in self.normalisers:
            form = normaliser.normalise(text)
            if len(form) != len(text):
                found = f"{len(form)} characters of a text of {len(text)}"
                raise UserError(f"{type(normaliser).__name__} makes {found}: expected one for each")
            text = form
        return text

    def text_to_instance(self, text: str, tags: list[str] | None = None) -> Instance:
        """An instance from a text, and its tags in the training scheme where they are known."""
        return Instance(text, tags, getattr(self, "dataset", ""))
