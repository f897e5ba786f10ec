"""`allennlp build-vocab`."""

import argparse
import tempfile
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of AllenNLP's `build-vocab`."""
    parser.add_argument("param_path", help="Jsonnet config")
    parser.add_argument("output_path", help="archive to write, ending in .tar.gz")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite an existing archive")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")


def run(arguments: argparse.Namespace) -> None:
    """Build the vocabulary of a config and write it to an archive."""
    from ner_adv_plugin.archives.writing import pack
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import collect_vocabulary, read_data

    output = Path(arguments.output_path)
    if not output.name.endswith(".tar.gz"):
        raise UserError(f"output_path: expected a path ending in .tar.gz, found {output}")
    if output.exists() and not arguments.force:
        raise UserError(f"{output} exists: use --force to overwrite it")

    log_to()
    job = checked_job(load_config(arguments.param_path, arguments.overrides))
    job.check_paths()
    vocab = collect_vocabulary(job, read_data(job))
    with tempfile.TemporaryDirectory() as folder:
        vocab.save_to_files(folder)
        pack(output, [(path, path.name) for path in sorted(Path(folder).iterdir())])
    print(f"vocabulary: {output}")
