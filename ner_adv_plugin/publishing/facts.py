"""What a model card says of a trained model, read off its archive, its run and its corpora."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.archives.writing import CONFIG, META
from ner_adv_plugin.common.digests import digest, file_digest
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.corpora.audit import Audit
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.metrics import counted
from ner_adv_plugin.runs.audit_job import audit
from ner_adv_plugin.studies.statistics.scores import f1_of, precision_of, recall_of
from ner_adv_plugin.studies.statistics.sentences import f1_interval

logger = logging.getLogger(__name__)

METRICS, DATA = "metrics.json", "data.json"
TEST = "test"


@dataclass(frozen=True)
class HeadScores:
    """Strict scores of one head on its test corpora.

    # Parameters

    head : its name.
    datasets : names of the test corpora.
    precision, recall, f1 : between 0 and 1; NaN if undefined.
    sentences : number of test sentences; None if unknown.
    interval : ends of the 95 % interval of F1 over sentences; None if unknown.
    """

    head: str
    datasets: tuple[str, ...]
    precision: float
    recall: float
    f1: float
    sentences: int | None = None
    interval: tuple[float, float] | None = None


@dataclass
class Facts:
    """What is known of a trained model.

    # Parameters

    archive : the model, with all its heads.
    meta : content of `meta.json`.
    scores : of the heads with test corpora.
    audit : of the corpora of its run; None if they are not at hand.
    missing : why there is no audit.
    """

    archive: Archive
    meta: dict[str, Any]
    scores: list[HeadScores] = field(default_factory=list)
    audit: Audit | None = None
    missing: str = ""


def facts_of(path: str | Path, archive_file: Path, with_data: bool = True) -> Facts:
    """Collect what is known of a trained model.

    # Parameters

    path : the archive or run, as the user named it.
    archive_file : its `model.tar.gz`.
    with_data : audit the corpora of the run, and compute intervals of the test scores, if the
        corpora are at hand and have not changed.
    """
    archive = load_archive(archive_file)
    with opened(archive_file) as folder:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        config_digest = file_digest(folder / CONFIG)
    facts = Facts(archive, meta)

    run = _run_of(path, config_digest)
    if run is None:
        facts.missing = "the archive does not lie in the folder of its run"
        return facts
    facts.scores = _recorded_scores(_json(run / METRICS), archive)
    facts.missing = _changed(_json(run / DATA)) if with_data else "they were left out"
    if facts.missing:
        return facts

    logger.info("auditing the corpora and scoring the test sentences for the model card")
    facts.audit = audit({**archive.config, "model": None})
    facts.scores = _computed_scores(archive, facts.audit) or facts.scores
    return facts


def _run_of(path: str | Path, config_digest: str) -> Path | None:
    """Return the folder of the run that wrote an archive; None if it is not beside it."""
    source = local_path(path)
    folder = source if source.is_dir() else source.parent
    if not all((folder / name).is_file() for name in (METRICS, DATA, CONFIG)):
        return None
    return folder if digest((folder / CONFIG).read_bytes()) == config_digest else None


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid: {error}") from error
    return content


def _changed(data: Mapping[str, Any]) -> str:
    """Return which corpus of a run is missing or has changed; empty if none."""
    for key, entry in data.items():
        file = entry["file"]
        if not is_url(file) and not Path(file).exists():
            return f"there is no {file} ({key})"
        if file_digest(local_path(file)) != entry["sha256"]:
            return f"{file} ({key}) has changed since training"
    return ""


def _recorded_scores(metrics: Mapping[str, Any], archive: Archive) -> list[HeadScores]:
    """Return the test scores that a run has written."""
    found = []
    for head in archive.heads:
        names = [f"{TEST}_{head}_{score}" for score in ("precision", "recall", "f1")]
        if all(isinstance(metrics.get(name), (int, float)) for name in names):
            spaces = archive.model.vocab.datasets
            datasets = tuple(name for name, space in spaces.items() if space.head == head)
            precision, recall, f1 = (float(metrics[name]) for name in names)
            found.append(HeadScores(head, datasets, precision, recall, f1))
    return found


def _computed_scores(archive: Archive, audited: Audit) -> list[HeadScores]:
    """Score the test corpora of an audit again, with intervals."""
    model, datasets = archive.model, {}
    for name, splits in audited.summaries.items():
        is_labelled = name in model.vocab.datasets and model.vocab.datasets[name].head is not None
        if TEST not in splits or not is_labelled:
            continue
        table = archive.reader.readers[name].read(splits[TEST].file)
        if table.spans is not None:
            shown = archive.shown(name)
            datasets[name] = EncodedDataset(name, table, model.vocab, model.alphabet, shown)
            datasets[name].targets = model.targets(datasets[name], training=False)

    evaluator = Evaluator(model.vocab, datasets)
    predictions = evaluator.predict(model, "scoring")
    found = []
    for head, own in evaluator.by_head.items():
        space = model.vocab.label_space(head)
        counts = []
        for dataset in own:
            assert dataset.spans is not None
            predicted = counted(space, dataset.dataset, predictions[dataset.dataset].spans)
            for gold_spans, spans in zip(dataset.spans, predicted, strict=True):
                gold, answered = set(gold_spans or ()), set(spans or ())
                right = len(gold & answered)
                counts.append((right, len(answered) - right, len(gold) - right))
        counts_NC = np.array(counts, dtype=np.int64)
        sums_C = counts_NC.sum(axis=0)
        found.append(
            HeadScores(
                head,
                tuple(dataset.dataset for dataset in own),
                float(precision_of(sums_C)),
                float(recall_of(sums_C)),
                float(f1_of(sums_C)),
                len(counts_NC),
                f1_interval(counts_NC),
            )
        )
    return found
