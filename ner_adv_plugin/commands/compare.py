"""`allennlp compare`."""

import argparse
from pathlib import Path

from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.signals import interrupt_on_terminate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study, its folder, and what to do about failed runs."""
    parser.add_argument("study", help="config of the study, in Jsonnet")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder of the study; studies/<name of the config>"
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet merged into the study")
    parser.add_argument("--retry", action="store_true", help="train failed runs again")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the grid, the time and the disk it takes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train what is missing of a study, and write its results and report."""
    from ner_adv_plugin.studies.compare import compare, print_plan
    from ner_adv_plugin.studies.compare_targets import compare_targets, print_plan_of_targets
    from ner_adv_plugin.studies.targets import TargetsStudy, load_studies

    log_to()
    study = load_studies(arguments.study, arguments.overrides)
    folder = Path(arguments.serialization_dir or Path("studies") / Path(arguments.study).stem)
    how = (arguments.include_package, arguments.retry, arguments.raw_arguments)
    if isinstance(study, TargetsStudy):
        if arguments.dry_run:
            print_plan_of_targets(study)
            return
        with interrupt_on_terminate():
            compare_targets(study, folder, *how)
        return

    if arguments.dry_run:
        print_plan(study)
        return
    with interrupt_on_terminate():
        compare(study, folder, *how)
