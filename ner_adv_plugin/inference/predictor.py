"""Base class of predictors."""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from ner_adv_plugin.archives.archive import Archive, load_archive
from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.answers import Answer, Answers
from ner_adv_plugin.inference.input_lines import EXAMPLE, RawInput, named
from ner_adv_plugin.inference.inputs import InputFormat, InputLine, read_inputs

logger = logging.getLogger(__name__)

# Number of inputs that are held in memory and predicted together.
CHUNK = 4096
JsonDict = dict[str, Any]
T = TypeVar("T", bound="Predictor")


class Predictor(Registrable):
    """Base class of predictors, which map JSON inputs to the predictions of a model as JSON.

    A custom predictor overrides `json_to_instance` and `predict_batch_instance`, and `consumed`
    unless answers shall repeat all keys of their inputs.

    The answer to an input has the keys of the prediction, followed by the other keys of the input,
    such as an `id`. If a key is in both, the answer has that of the prediction, which is warned of
    once.

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
        self._replaced: set[str] = set()

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

    def predict(self, texts: Iterable[str]) -> Answers:
        """Return the answers to texts, in order.

        # Parameters

        texts : the texts. In a notebook, the answers show themselves in colours.

        # Raises

        UserError : if a text is not a string, or if `texts` is a single one.
        """
        if isinstance(texts, str):
            raise UserError("texts: expected a list of strings, found a string: predict([text])")
        held = list(texts)
        for index, text in enumerate(held):
            if not isinstance(text, str):
                found = type(text).__name__
                raise UserError(f"texts[{index}]: expected a string, found {found}")
        inputs = [self.text_to_json(text) for text in held]
        return Answers(map(Answer, self.predict_batch_json(inputs)))

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        """Return the answer to one input."""
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: Sequence[JsonDict]) -> list[JsonDict]:
        """Return the answers to several inputs, in order."""
        predictions = self.predict_batch_instance([self.json_to_instance(item) for item in inputs])
        return list(map(self._answer, inputs, predictions))

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

    def consumed(self, inputs: JsonDict) -> Collection[str]:
        """Return the keys of an input that its answer does not repeat, such as that of the text."""
        return ()

    def text_to_json(self, text: str) -> JsonDict:
        """Convert a line of plain text to an input."""
        return {"sentence": text}

    @property
    def chunk(self) -> int:
        """Number of inputs that are held in memory and predicted together."""
        return CHUNK

    def predict_all(
        self, instances: Iterable[Instance], chunk: int | None = None
    ) -> Iterator[JsonDict]:
        """Yield the predictions for any number of instances, in order.

        # Parameters

        instances : the instances, read lazily.
        chunk : number of instances held in memory at a time; by default that of the predictor.
        """
        rest = iter(instances)
        while group := list(islice(rest, chunk or self.chunk)):
            yield from self.predict_batch_instance(group)

    def predict_file(
        self,
        path: str | Path,
        on_error: Literal["stop", "skip"] = "stop",
        input_format: InputFormat | None = None,
    ) -> Iterator[JsonDict]:
        """Yield an answer for every input of a file, in order, blank lines included.

        A blank line is answered as an empty text. Lines and rows are read lazily.

        # Parameters

        path : a file of JSON Lines, of plain text if its name ends in `.txt`, a table if it ends in
            `.csv` or `.tsv`, an annotated file, or `-` for stdin.
        on_error : "stop" answers all lines before the first invalid one, then raises its error;
            "skip" answers an invalid line with `{"error": ..., "line": ...}` and the keys that it
            has, and logs the number of such lines at the end.
        input_format : how to read the file; None tells it from the ending.

        # Raises

        DataError : if the file cannot be read, or with "stop", if a line is invalid.
        """
        yield from self.predict_lines(self.read_lines(path, input_format), path, on_error)

    def predict_lines(
        self,
        lines: Iterator[InputLine],
        path: str | Path,
        on_error: Literal["stop", "skip"] = "stop",
    ) -> Iterator[JsonDict]:
        """Yield an answer for each of some lines of a file, in order.

        # Parameters

        lines : from `read_lines`.
        path, on_error : see `predict_file`.

        # Raises

        DataError : with "stop", if a line is invalid.
        """
        number, invalid = 0, []
        while group := list(islice(lines, self.chunk)):
            first = next((line for line in group if line.error is not None), None)
            stopped_by = first if on_error == "stop" else None
            if stopped_by is not None:
                group = group[: group.index(stopped_by)]

            instances = [line.instance for line in group if line.instance is not None]
            predictions = iter(self.predict_batch_instance(instances) if instances else ())
            for line in group:
                if line.error is None:
                    yield self._answer(line.inputs, next(predictions))
                else:
                    invalid.append(line.number)
                    failure = {"error": str(line.error), "line": line.number}
                    yield {**self._others(line.inputs), **failure}

            if stopped_by is not None and stopped_by.error is not None:
                raise stopped_by.error
            number = group[-1].number

        if invalid:
            message = '%s: %d of %d lines have no answer but an "error", the first is line %d'
            logger.warning(message, named(path), len(invalid), number, invalid[0])

    def read_lines(
        self, path: str | Path, input_format: InputFormat | None = None
    ) -> Iterator[InputLine]:
        """Yield the instances of a file of inputs, with the errors of invalid lines.

        # Parameters

        path, input_format : see `predict_file`.

        # Raises

        DataError : if the file cannot be read.
        """
        for raw in read_inputs(path, input_format or InputFormat()):
            if isinstance(raw.value, DataError):
                yield InputLine(raw.number, error=raw.value)
            elif raw.value is None:
                yield InputLine(raw.number, instance=Instance(""))
            elif isinstance(raw.value, str):
                yield self._input_line(path, raw, self.text_to_json(raw.value))
            else:
                yield self._input_line(path, raw, raw.value)

    def _input_line(self, path: str | Path, raw: RawInput, inputs: JsonDict) -> InputLine:
        try:
            return InputLine(raw.number, inputs, self.json_to_instance(inputs))
        except ValueError as error:
            expected = f"{EXAMPLE}: {error}"
            invalid = DataError(named(path), raw.number, raw.shown, expected)
            return InputLine(raw.number, inputs, error=invalid)
        except UserError as error:
            place = f"{named(path)}:{raw.number}"
            return InputLine(raw.number, inputs, error=UserError(f"{place}: {error}"))

    def _others(self, inputs: JsonDict) -> JsonDict:
        """Return the keys of an input that its answer repeats."""
        consumed = self.consumed(inputs)
        return {key: value for key, value in inputs.items() if key not in consumed}

    def _answer(self, inputs: JsonDict, prediction: JsonDict) -> JsonDict:
        """Add the other keys of an input to its prediction."""
        others = self._others(inputs)
        replaced = others.keys() & prediction.keys()
        for key in sorted(replaced - self._replaced):
            self._replaced.add(key)
            logger.warning('answers have a "%s" of their own, which replaces that of inputs', key)
        return prediction | {key: others[key] for key in others if key not in replaced}
