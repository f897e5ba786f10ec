"""`allennlp quickstart`: `init`, `audit`, `train` and a report in one."""

import argparse
import json
import shutil
from pathlib import Path

from ner_adv_plugin.commands import init, train
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_text
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config

REPLACES = "its config, splits and report, and the trained model in run/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `allennlp init`."""
    init.add_arguments(parser, REPLACES)


def run(arguments: argparse.Namespace) -> None:
    """Write splits and config, audit, train, score, and write a report."""
    from ner_adv_plugin.data.corpora.audit_table import table
    from ner_adv_plugin.runs.audit_job import audit
    from ner_adv_plugin.runs.documents import markdown, page
    from ner_adv_plugin.runs.quickstart import prepare
    from ner_adv_plugin.runs.quickstart_report import report

    log_to()
    request = init.request_of(arguments, REPLACES)
    is_new = not request.folder.exists()
    try:
        prepared = prepare(request, arguments.force)
        init.show(prepared)
        shown = table(audit(load_config(str(prepared.config))))
        _train(prepared.config, request.folder / "run", arguments)
    except UserError:
        # Nothing was trained. An empty folder needs no --force at the next try.
        if is_new and not (request.folder / "run").exists():
            shutil.rmtree(request.folder, ignore_errors=True)
        raise

    metrics = json.loads((request.folder / "run/metrics.json").read_text(encoding="utf-8"))
    archive = request.folder / "run/model.tar.gz"
    blocks = report(request, prepared, metrics, archive, shown)
    write_text(request.folder / "report.md", markdown(blocks))
    write_text(request.folder / "report.html", page(f"Report: {request.folder}", blocks))
    print(f"report: {request.folder / 'report.html'}")


def _train(config: Path, folder: Path, arguments: argparse.Namespace) -> None:
    """Train as `allennlp train` does, in an empty folder."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = [str(config), "-s", str(folder)]
    parsed = parser.parse_args([*words, *(["--force"] if folder.exists() else [])])
    parsed.include_package = arguments.include_package
    parsed.raw_arguments = ["train", *words]
    train.run(parsed)
