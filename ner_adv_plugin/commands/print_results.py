"""`allennlp print-results`."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError, nearest

# Decimals of the numbers in a table, which is read rather than parsed.
TABLE_DIGITS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `print-results`, and more folders, formats and orders."""
    parser.add_argument(
        "paths", nargs="+", metavar="path", help="folders that are searched for runs at any depth"
    )
    parser.add_argument("-k", "--keys", nargs="+", help="metrics to print; all by default")
    parser.add_argument(
        "-m",
        "--metrics-filename",
        default="metrics.json",
        help="name of the metrics file of a run (metrics.json)",
    )
    parser.add_argument("--default", default="N/A", help="printed for a missing metric (N/A)")
    parser.add_argument(
        "--sort", metavar="KEY", help="best value of this metric first; by default sorted by name"
    )
    parser.add_argument(
        "--format",
        choices=("csv", "table", "json"),
        default="csv",
        help="comma-separated (csv), aligned columns, or JSON lines without missing metrics",
    )
    parser.add_argument(
        "--digits",
        type=int,
        metavar="N",
        help="decimals that numbers are rounded to; by default 4 in a table, otherwise all",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the metrics of every run."""
    digits = TABLE_DIGITS if arguments.format == "table" else None
    if arguments.digits is not None:
        digits = arguments.digits
    if digits is not None and digits < 0:
        raise UserError(f"--digits: expected 0 or more, found {digits}")
    results = _sorted(_results(arguments.paths, arguments.metrics_filename), arguments.sort)
    found = list(dict.fromkeys(key for metrics in results.values() for key in metrics))
    keys = arguments.keys or found
    for key in keys:
        if key not in found:
            print(f'--keys: no run has "{key}".{nearest(key, found)}', file=sys.stderr)

    if arguments.format == "json":
        for file, metrics in results.items():
            own = {key: _rounded(metrics[key], digits) for key in keys if key in metrics}
            print(json.dumps({"model_run": str(file), **own}, ensure_ascii=False))
        return

    rows = [["model_run", *keys]]
    for file, metrics in results.items():
        cells = [_rounded(metrics.get(key, arguments.default), digits) for key in keys]
        rows.append([str(file), *map(_text, cells)])
    if arguments.format == "table":
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
            print("  ".join(padded).rstrip())
    else:
        for row in rows:
            print(_line(row))


def _results(paths: Sequence[str], name: str) -> dict[Path, dict[str, Any]]:
    """Read the metrics files below folders, each once; sorted by name, numbers by value."""
    files: set[Path] = set()
    for path in paths:
        found = [file for file in Path(path).rglob("*") if file.name == name and file.is_file()]
        if not found:
            raise UserError(f"no {name} below {path}")
        files.update(found)
    return {file: _read(file) for file in sorted(files, key=_natural)}


def _natural(file: Path) -> list[tuple[int, str]]:
    """Return a key that sorts `round_10` behind `round_9`."""
    words = re.split(r"(\d+)", str(file))
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words]


def _sorted(results: dict[Path, dict[str, Any]], key: str | None) -> dict[Path, dict[str, Any]]:
    """Sort by a metric, the best first and runs without it last; a lower loss is better."""
    if key is None:
        return results
    if not any(key in metrics for metrics in results.values()):
        known = dict.fromkeys(name for metrics in results.values() for name in metrics)
        raise UserError(f'--sort: no run has "{key}".{nearest(key, known)}')

    sign = 1.0 if key.endswith("loss") else -1.0

    def rank(item: tuple[Path, dict[str, Any]]) -> tuple[bool, float]:
        value = item[1].get(key)
        is_number = isinstance(value, int | float) and value == value
        return (False, sign * float(value or 0)) if is_number else (True, 0.0)

    return dict(sorted(results.items(), key=rank))


def _rounded(value: Any, digits: int | None) -> Any:
    """Round a number to decimals, or to a significant digit if none would remain."""
    if digits is None or not isinstance(value, float):
        return value
    return round(value, digits) or float(f"{value:.0e}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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


def _line(texts: Iterable[str]) -> str:
    """Join texts with commas and spaces; they are quoted as in CSV if necessary."""
    return ", ".join(
        '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text for text in texts
    )
