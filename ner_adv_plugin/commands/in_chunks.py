"""`allennlp predict` in chunks: with `--chunk-size`, and with several processes."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.localisation import error_line
from ner_adv_plugin.common.processes import launched, launched_processes, use_cpu
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.answers import line_of
from ner_adv_plugin.inference.chunks import Chunks
from ner_adv_plugin.inference.inputs import InputFormat

DEFAULT_SIZE = 10_000
# Arguments that the answers do not depend on, or that are files, whose content is compared.
NOT_SETTINGS = (
    *("run", "raw_arguments", "threads", "include_package", "install_completion"),
    *("output_file", "silent", "file_friendly_logging", "cuda_device", "chunk_size"),
    *("archive_file", "input_file", "weights_file", "lexicon", "ensemble"),
)


def add_chunk_size(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--chunk-size`."""
    parser.add_argument(
        "--chunk-size",
        type=_positive,
        metavar="N",
        help="predict N inputs at a time and keep them in <output file>.parts, so that the same "
        f"command resumes after a kill; with several processes {DEFAULT_SIZE:,} by default",
    )


def chunks_of(arguments: argparse.Namespace) -> Chunks | None:
    """Return the chunks of a prediction; None if it is one process without `--chunk-size`.

    Of several processes, each gets the GPU of its rank, unless there is none.

    # Raises

    UserError : if the input or the output cannot be in chunks.
    """
    if arguments.chunk_size is None and not launched():
        return None
    why = "--chunk-size" if arguments.chunk_size is not None else "predict with several processes"
    if arguments.output_file is None:
        raise UserError(f"{why} needs --output-file")
    if arguments.input_file == "-":
        raise UserError(f"{why} needs a file: stdin cannot be read again")
    if arguments.use_dataset_reader:
        raise UserError(f"{why} is for lines, not for --use-dataset-reader")

    if launched() and arguments.cuda_device == -1 and not use_cpu(None):
        arguments.cuda_device = int(os.environ.get("LOCAL_RANK", "0"))
    settings = {key: value for key, value in vars(arguments).items() if key not in NOT_SETTINGS}
    files = {"input": arguments.input_file, "model": arguments.archive_file}
    if arguments.weights_file:
        files["weights"] = arguments.weights_file
    files |= {f"model {i}": path for i, path in enumerate(arguments.ensemble, 2)}
    files |= {f"lexicon {i}": path for i, path in enumerate(arguments.lexicon or (), 1)}
    size = arguments.chunk_size or DEFAULT_SIZE
    return Chunks(Path(arguments.output_file), size, settings, files, _rank(), launched_processes())


@contextlib.contextmanager
def predict_in_chunks(
    chunks: Chunks,
    predictor: Predictor,
    arguments: argparse.Namespace,
    input_format: InputFormat,
) -> Iterator[Iterator[dict[str, Any]] | None]:
    """Predict the chunks of this process; yield all answers if it writes the output.

    # Parameters

    chunks : from `chunks_of`.
    predictor : the predictor.
    arguments : those of `allennlp predict`.
    input_format : how to read the input.

    # Returns

    A context manager that yields the answers to all inputs, in order, or None if another process
    writes the output.
    """
    path = arguments.input_file
    chunks.open()
    try:
        count = chunks.predict(
            predictor.read_lines(path, input_format),
            lambda lines: predictor.predict_lines(lines, path, arguments.on_error),
            lambda answers: map(line_of, answers),
        )
    except UserError as error:
        if _rank():
            # Others do not meet it, and the command line prints only that of the first process.
            print(error_line(str(error)), file=sys.stderr)
        raise
    except KeyboardInterrupt:
        message = f"interrupted: {chunks.folder} holds what is done, the same command resumes"
        raise KeyboardInterrupt(message) from None
    with chunks.assembled(count) as answers:
        yield answers


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found {text}")
    return int(text)
