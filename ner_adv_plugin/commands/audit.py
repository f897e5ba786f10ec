"""`allennlp audit`."""

import argparse
from pathlib import Path

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument("param_path", help="Jsonnet config; readers and paths are sufficient")
    parser.add_argument("--output-file", help="JSON file to write the full results to")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")


def run(arguments: argparse.Namespace) -> None:
    """Print a summary of every corpus of a config, and sentences that occur in several splits."""
    from ner_adv_plugin.data.corpora.audit_table import table
    from ner_adv_plugin.runs.audit_job import audit

    log_to()
    result = audit(load_config(arguments.param_path, arguments.overrides))

    if arguments.output_file:
        write_json(Path(arguments.output_file), result.as_json())
    # A type may hold half of a surrogate pair, which cannot be printed.
    print(table(result).encode("utf-8", "backslashreplace").decode("utf-8"))
