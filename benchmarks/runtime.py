"""Prediction without torch: size, start, speed and scores, beside torch, in fp32 and int8."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.options import Options
from benchmarks.report import Figure, Report
from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.evaluation.entity_scores import entity_scores
from ner_adv_plugin.exporting import export_archive
from ner_adv_plugin.runs.train_job import train_model

ROOT = Path(__file__).resolve().parents[1]
THREADS = (1, 2)
# Overrides of the recipe for a test.
TINY = '{"trainer.num_epochs": 1, "dataset_reader.readers.weibo.max_instances": 16}'


def run(options: Options) -> Report:
    """Compare three predictors of one model, each in processes of its own.

    The model is that of `NER_ARCHIVE`, or `training_configs/single.jsonnet`, trained here.
    """
    with TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        archive_path = Path(os.environ.get("NER_ARCHIVE", folder / "run" / "model.tar.gz"))
        if "NER_ARCHIVE" not in os.environ:
            recipe = ROOT / "training_configs" / "single.jsonnet"
            train_model(load_config(recipe, TINY if options.tiny else ""), folder / "run")

        archive = load_archive(archive_path, only_heads=[])
        export_archive(archive, folder / "fp32")
        export_archive(archive, folder / "int8", precision="int8")
        gold = _validation(archive)[: 8 if options.tiny else 2000]
        predictors = {
            "torch": ("torch", archive_path),
            "fp32": ("runtime", folder / "fp32"),
            "int8": ("runtime", folder / "int8"),
        }
        # Weights are stored compressed in an archive: counted as they are in memory.
        bytes_of = {"torch": sum(p.nbytes for p in archive.model.state_dict().values())}
        for precision in ("fp32", "int8"):
            bytes_of[precision] = sum(
                file.stat().st_size for file in (folder / precision).rglob("*") if file.is_file()
            )

        figures = [Figure(f"{kind}: size", bytes_of[kind] / 1e6, "MB") for kind in predictors]
        for kind, (module, path) in predictors.items():
            starts = [_timed(module, path, 1, ["北京"], folder)[1] for _ in range(options.repeats)]
            figures.append(Figure(f"{kind}: start and a first sentence", median(starts), "s"))

        texts = [instance.text for instance in gold]
        answers = {}
        for kind, (module, path) in predictors.items():
            for threads in THREADS:
                result, _ = _timed(module, path, threads, texts, folder, options.repeats)
                answers[kind] = result["answers"]
                speed = len(texts) / result["seconds"]
                label = f"{kind}: sentences per second, {threads} thread{'s'[: threads - 1]}"
                figures.append(Figure(label, speed))

        scores = {kind: 100 * _f1(gold, own) for kind, own in answers.items()}
        figures += [Figure(f"{kind}: F1", score, "%") for kind, score in scores.items()]
        loss = scores["torch"] - scores["int8"]
        figures.append(Figure("F1 lost by int8", loss, "points", aim=0.5))
        same = [
            one["tags"] == other["tags"]
            for one, other in zip(answers["fp32"], answers["torch"], strict=True)
        ]
        figures.append(
            Figure("sentences with the tags of torch in fp32", sum(same) / len(same), at_least=1.0)
        )
    return Report(figures, [f"{len(texts)} validation sentences of the model's corpus"])


def _validation(archive: Archive) -> list[Instance]:
    """Read the validation sentences of the default head."""
    paths: Any = archive.config["validation_data_path"]
    for name, reader in archive.reader.readers.items():
        if reader.head == archive.default_head:
            return list(reader.read(paths if isinstance(paths, str) else paths[name]))
    raise AssertionError("no reader has the default head")


def _timed(
    kind: str, path: Path, threads: int, texts: Sequence[str], folder: Path, repeats: int = 0
) -> tuple[dict[str, Any], float]:
    """Predict in a new process; return its result, and the seconds from its start to its end."""
    (folder / "texts.json").write_text(json.dumps(list(texts)), encoding="utf-8")
    output = folder / "answers.json"
    arguments = [kind, path, threads, folder / "texts.json", output, repeats]
    command = [sys.executable, "-m", "benchmarks.runtime_child", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}

    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    return json.loads(output.read_text(encoding="utf-8")), seconds


def _f1(gold: Sequence[Instance], answers: Sequence[dict[str, Any]]) -> float:
    predicted = [
        [Span(entity["start"], entity["end"], entity["type"]) for entity in answer["entities"]]
        for answer in answers
    ]
    tables = SpanTable.of(predicted), SpanTable.of([instance.spans for instance in gold])
    return entity_scores(*tables, sorted({*tables[1].types_used()}))["f1"]
