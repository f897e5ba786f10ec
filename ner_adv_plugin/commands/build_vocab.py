"""`allennlp build-vocab`."""

import argparse
import tempfile
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of AllenNLP's command."""
    parser.add_argument("param_path", help="config, in Jsonnet")
    parser.add_argument("output_path", help="archive to write, ending in .tar.gz")
    parser.add_argument("-f", "--force", action="store_true", help="write over an older one")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the config")


def run(arguments: argparse.Namespace) -> None:
    """Collect the vocabulary of a run, without training."""
    from ner_adv_plugin.archives.writing import pack
    from ner_adv_plugin.runs.config_checks import checked_job
    from ner_adv_plugin.runs.data import collect_vocabulary, read_data

    output = Path(arguments.output_path)
    if not output.name.endswith(".tar.gz"):
        raise UserError(f"output_path: expected a path ending in .tar.gz, found {output}")
    if output.exists() and not arguments.force:
        raise UserError(f"{output} exists: --force writes over it")
    log_to()
    config = load_config(arguments.param_path, arguments.overrides)
    job = checked_job(config)
    job.check_paths()
    vocab = collect_vocabulary(job, read_data(job))
    with tempfile.TemporaryDirectory() as folder:
        vocab.save_to_files(folder)
        pack(output, [(path, path.name) for path in sorted(Path(folder).iterdir())])
    print(f"vocabulary: {output}")
