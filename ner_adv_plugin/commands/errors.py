"""`allennlp errors`."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two runs, what is scored, and where the analysis is written."""
    for name in ("run_a", "run_b"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help="folder of a run of a study, or archive or folder of allennlp train",
        )
    parser.add_argument(
        "--split",
        choices=("validation", "test"),
        help="what is scored; test if both runs have a test set",
    )
    parser.add_argument(
        "--dataset", help="what is scored; the study's target, or that of validation_metric"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write it as .html, .md or .json instead"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print or write the error analysis."""
    from ner_adv_plugin.studies.report import print_errors, write_errors
    from ner_adv_plugin.studies.report.writing import check_format
    from ner_adv_plugin.studies.two_runs import compare_runs

    if arguments.output:
        check_format(arguments.output)
    analysis = compare_runs(arguments.run_a, arguments.run_b, arguments.split, arguments.dataset)
    names = _names(arguments.run_a, arguments.run_b)
    if arguments.output:
        write_errors(analysis, *names, arguments.output)
    else:
        print_errors(analysis, *names)


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Return names of the runs: those of their folders, or their paths if these are the same."""
    first, second = _name(a), _name(b)
    return (first, second) if first != second else (str(a), str(b))


def _name(path: Path) -> str:
    """Return the name of a run's folder, without the hash that a study adds."""
    if path.is_file():
        return path.resolve().parent.name
    name = path.resolve().name
    return name.rpartition("-")[0] if (path / "run.json").is_file() else name
