"""`allennlp quickstart`: `init`, `audit`, `train` and a report in one."""

import argparse
import json

from ner_adv_plugin.commands import init, train
from ner_adv_plugin.common.files import write_text
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.params import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `allennlp init`."""
    init.add_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write splits and config, audit, train, score, and write a report."""
    from ner_adv_plugin.data.corpora.audit_table import table
    from ner_adv_plugin.runs.audit_job import audit
    from ner_adv_plugin.runs.documents import markdown, page
    from ner_adv_plugin.runs.quickstart import prepare
    from ner_adv_plugin.runs.quickstart_report import report

    log_to()
    request = init.request_of(arguments)
    prepared = prepare(request, arguments.force)
    init.show(prepared)
    shown = table(audit(load_config(str(prepared.config))))

    folder = request.folder / "run"
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = [str(prepared.config), "-s", str(folder), "--file-friendly-logging"]
    parsed = parser.parse_args([*words, *(["--force"] if folder.exists() else [])])
    parsed.include_package = arguments.include_package
    parsed.raw_arguments = ["train", *words]
    train.run(parsed)

    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    archive = folder / "model.tar.gz"
    blocks = report(request, prepared, metrics, archive, shown)
    write_text(request.folder / "report.md", markdown(blocks))
    write_text(request.folder / "report.html", page(f"Report: {request.folder}", blocks))
    print(f"report: {request.folder / 'report.html'}")
