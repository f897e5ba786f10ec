"""Base class of predictors."""

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
    """Base class of predictors, which map JSON inputs to the predictions of a model as JSON.

    A custom predictor overrides `json_to_instance` and `predict_batch_instance`.

    # Parameters

    archive : supplied; the trained model.
    head : supplied; name of the head to use, by default the head of the archive's
        `validation_metric`.

    # Examples

    Train a small model, then load its archive:

    >>> import tempfile
    >>> from ner_adv_plugin.common.params import load_config
    >>> from ner_adv_plugin.inference import Predictor
    >>> from ner_adv_plugin.runs.train_job import train_model
    >>> folder = tempfile.TemporaryDirectory()
    >>> run = Path(folder.name) / "run"
    >>> metrics = train_model(load_config("fixtures/configs/crf_tagger.jsonnet"), run)

    >>> predictor = Predictor.from_path(run / "model.tar.gz")
    >>> answer = predictor.predict_json({"sentence": "魏勇在深圳"})
    >>> answer["sentence"], len(answer["tags"])
    ('魏勇在深圳', 5)
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
        """Load an archive and build a predictor for it; only what its head needs is loaded.

        # Parameters

        archive_path : path or URL of a `model.tar.gz`, or the folder of a run.
        predictor_name : registered name of the predictor; "tagger" by default.
        cuda_device : index of the GPU, or -1 for the CPU.
        overrides : Jsonnet that overrides the config of the archive.
        head : see `Predictor`.
        """
        archive = load_archive(
            archive_path, cuda_device, overrides, only_heads=[head] if head else []
        )
        name = predictor_name or Predictor.default_implementation
        return Predictor.from_params({"type": name}, archive=archive, head=head)

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        """Return the prediction for one input."""
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: Sequence[JsonDict]) -> list[JsonDict]:
        """Return the predictions for several inputs, in order."""
        return self.predict_batch_instance([self.json_to_instance(item) for item in inputs])

    def predict_instance(self, instance: Instance) -> JsonDict:
        """Return the prediction for one instance."""
        return self.predict_batch_instance([instance])[0]

    def predict_batch_instance(self, instances: Sequence[Instance]) -> list[JsonDict]:
        """Return the predictions for several instances, in order."""
        raise NotImplementedError

    def json_to_instance(self, inputs: JsonDict) -> Instance:
        """Convert an input to an instance.

        # Raises

        ValueError : if the input is invalid.
        """
        raise NotImplementedError

    def predict_all(self, instances: Iterable[Instance], chunk: int = 4096) -> Iterator[JsonDict]:
        """Yield the predictions for any number of instances, in order.

        # Parameters

        instances : the instances, read lazily.
        chunk : number of instances held in memory at a time.
        """
        rest = iter(instances)
        while group := list(islice(rest, chunk)):
            yield from self.predict_batch_instance(group)

    def read_json_lines(self, path: str | Path) -> Iterator[Instance]:
        """Yield the instances of a JSON Lines file; blank lines are skipped.

        # Raises

        DataError : if the file cannot be read or a line is not a valid input.
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
