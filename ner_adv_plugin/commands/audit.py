"""`allennlp audit`."""

import argparse
from pathlib import Path

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A config, where to write, and overrides."""
    parser.add_argument("param_path", help="config, in Jsonnet; readers and paths are enough")
    parser.add_argument("--output-file", help="where to write all that was found, as JSON")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")


def run(arguments: argparse.Namespace) -> None:
    """Print what every corpus of a config holds, and which sentences stand in several splits."""
    from ner_adv_plugin.data.corpora.audit_table import table
    from ner_adv_plugin.runs.audit_job import audit

    log_to()
    found = audit(load_config(arguments.param_path, arguments.overrides))
    if arguments.output_file:
        write_json(Path(arguments.output_file), found.as_json())
    print(table(found))
