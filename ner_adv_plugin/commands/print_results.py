"""`allennlp print-results`."""

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `print-results`."""
    parser.add_argument("path", help="folder that is searched for runs")
    parser.add_argument("-k", "--keys", nargs="+", help="metrics to print; all by default")
    parser.add_argument(
        "-m",
        "--metrics-filename",
        default="metrics.json",
        help="name of the metrics file of a run (metrics.json)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print a comma-separated line for every run, with N/A for missing metrics."""
    files = sorted(
        file for file in Path(arguments.path).rglob("*") if file.name == arguments.metrics_filename
    )
    if not files:
        raise UserError(f"no {arguments.metrics_filename} below {arguments.path}")

    results = {file: _read(file) for file in files}
    keys = arguments.keys or dict.fromkeys(key for metrics in results.values() for key in metrics)
    print(_line(["model_run", *keys]))
    for file, metrics in results.items():
        print(_line([str(file), *(metrics.get(key, "N/A") for key in keys)]))


def _read(file: Path) -> dict[str, Any]:
    try:
        metrics = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is not valid JSON: {error}") from error

    if not isinstance(metrics, dict):
        raise UserError(f"{file} is not an object of metrics")
    # Version 0.1 called sentences "rows"; 0.2 still did so in the names of mean weights.
    return {
        re.sub(
            "_row_weight$", "_sentence_weight", re.sub("^leaked_rows_", "leaked_sentences_", key)
        ): value
        for key, value in metrics.items()
    }


def _line(values: Iterable[Any]) -> str:
    """Join values with commas and spaces; values are quoted as in CSV if necessary."""
    texts = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in values
    )
    return ", ".join(
        '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text for text in texts
    )
