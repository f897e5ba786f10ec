"""The base of all predictors."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ner_adv_plugin.archives.archive import Archive, load_archive
from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance

JsonDict = dict[str, Any]
T = TypeVar("T", bound="Predictor")


class Predictor(Registrable):
    """From inputs to a model's answers, as JSON.

    # Parameters

    archive : supplied; the trained model.
    head : supplied; which head answers, that of the archive's `validation_metric` by default.
    """

    default_implementation = "tagger"

    def __init__(self, archive: Archive, head: str | None = None) -> None:
        self.archive = archive
        self.head = head or archive.default_head

    @classmethod
    def from_path(
        cls: type[T],
        archive_path: str | Path,
        predictor_name: str | None = None,
        cuda_device: int = -1,
        overrides: str = "",
        head: str | None = None,
    ) -> "Predictor":
        """Load the predictor of an archive; only what its head reads is loaded."""
        archive = load_archive(
            archive_path, cuda_device, overrides, only_heads=[head] if head else []
        )
        name = predictor_name or Predictor.default_implementation
        return Predictor.from_params({"type": name}, archive=archive, head=head)

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        """The answer to one input."""
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: Sequence[JsonDict]) -> list[JsonDict]:
        """The answers to several inputs, in their order."""
        return self.predict_batch_instance([self.json_to_instance(item) for item in inputs])

    def predict_instance(self, instance: Instance) -> JsonDict:
        """The answer for one instance."""
        return self.predict_batch_instance([instance])[0]

    def predict_batch_instance(self, instances: Sequence[Instance]) -> list[JsonDict]:
        """The answers for several instances, in their order."""
        raise NotImplementedError

    def json_to_instance(self, inputs: JsonDict) -> Instance:
        """An instance from an input; `ValueError` where it is none."""
        raise NotImplementedError

    def predict_all(self, instances: Iterable[Instance], chunk: int = 4096) -> Iterator[JsonDict]:
        """The answers for any number of instances, in their order; `chunk` of them are held at a time."""
        rest = iter(instances)
        while group := list(islice(rest, chunk)):
            yield from self.predict_batch_instance(group)

    def read_json_lines(self, path: str | Path) -> Iterator[Instance]:
        """The instances of a JSON lines file, blank lines skipped; `DataError` with file and line where a line is
        none.
        """
        try:
            with open(path, encoding="utf-8-sig", newline="\n") as lines:
                for number, line in enumerate(lines, 1):
                    if line.isspace():
                        continue
                    try:
                        yield self.json_to_instance(json.loads(line))
                    except (ValueError, RecursionError):
                        expected = 'an object such as {"sentence": "..."}'
                        raise DataError(path, number, line.rstrip("\r\n"), expected) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(path, None, str(error), "a readable UTF-8 file") from error
