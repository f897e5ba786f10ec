"""The explanation of a run: data, model, training, scores, warnings, and what to try next."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from ner_adv_plugin.common.progress import duration
from ner_adv_plugin.runs.documents import Block, Code, Heading, Items
from ner_adv_plugin.runs.explanation.advice import advice, ran_out_of_patience, updates
from ner_adv_plugin.runs.explanation.data import data
from ner_adv_plugin.runs.explanation.record import FAILED, FINISHED, INTERRUPTED, RunRecord
from ner_adv_plugin.runs.explanation.scores import scores
from ner_adv_plugin.runs.explanation.words import listed, named, number


def explanation(run: RunRecord) -> list[Block]:
    """Explain a run.

    # Parameters

    run : what its folder holds, from `read_run`.

    # Returns

    A document, for `runs.documents`.
    """
    blocks: list[Block] = [Heading(str(run.folder), 1)]
    if run.planned is not None:
        blocks.append(_place_in_study(run))
    for title, found in (
        ("Data", data(run)),
        ("Model", _model(run)),
        ("Training", _training(run)),
        ("Scores", scores(run)),
        ("Warnings", _warnings(run)),
        ("Next", advice(run)),
    ):
        if items := list(found):
            blocks += [Heading(title), Items(items)]
    if run.failure:
        blocks += ["The end of its log:", Code("\n".join(run.failure))]
    return blocks


def _place_in_study(run: RunRecord) -> str:
    """Say which run of its study this is."""
    planned = run.planned or {}
    size = planned.get("size")
    shown = "all training sentences" if size is None else number(size, "training sentence")
    arm, seed, target = (planned.get(key) for key in ("arm", "seed", "target"))
    return f'A run of a study: arm "{arm}", seed {seed}, {shown} of {target}.'


def _model(run: RunRecord) -> Iterator[str]:
    """Describe model, tasks and optimizer."""
    model = run.model
    yield f"Architecture: {model.get('type', 'unknown')}, encoder {named(model.get('encoder'))}."
    heads, default = model.get("heads") or {}, model.get("head", "the default")
    tasks_of: dict[str, list[str]] = {}
    for task in run.tasks:
        tasks_of.setdefault(named(heads.get(task, default)), []).append(task)
    shown = [f"{listed(tasks)}: {head}" for head, tasks in tasks_of.items()]
    yield f"{number(len(run.tasks), 'task')}, each with its own head. {'; '.join(shown)}."
    towers = [named(model["tower"])] if "tower" in model else []
    towers += [f"{name}: {named(own)}" for name, own in (model.get("towers") or {}).items()]
    if towers:
        yield f"Towers: {'; '.join(towers)}."
    if objectives := model.get("objectives"):
        yield f"Objectives beside the tasks: {'; '.join(map(named, objectives))}."
    optimizer = named(run.trainer.get("optimizer", "the default"))
    schedule = run.trainer.get("learning_rate_scheduler")
    yield f"Optimizer: {optimizer}" + (f", rate {named(schedule)}." if schedule else ".")


def _training(run: RunRecord) -> Iterator[str]:
    """Say how long the run trained, why it ended, and which epoch was kept."""
    for name, stage in run.stages.items():
        yield f'Stage "{name}": {_how_it_went(stage)}{_kept(stage)}'
    own = "Last stage: " if run.stages else ""
    yield f"{own}{_how_it_went(run)}"
    if kept := _kept(run).strip():
        yield kept
    seconds = run.metrics.get("training_duration")
    if seconds is not None and run.epochs_done:
        # Of several datasets, a step need not have every one.
        least = "" if len(run.datasets) == 1 else "at least "
        count = number(updates(run), "optimizer step")
        yield f"It trained for {duration(seconds)}, {least}{count}."
    for name in run.datasets:
        sentences, steps = (
            run.metrics.get(f"total_{name}_{key}") for key in ("sentences", "updates")
        )
        if sentences is not None and steps is not None:
            yield (
                f"{name}: {number(steps, 'update')} with {number(sentences, 'sentence')}"
                f"{_passes(run, name, sentences)}."
            )


def _passes(run: RunRecord, name: str, drawn: int) -> str:
    """Say how often each sentence of a dataset was drawn, on average."""
    size = run.datasets[name].get("sentences")
    return f", each drawn {drawn / size:.1f} times" if size else ""


def _how_it_went(run: RunRecord) -> str:
    """Say how many epochs a run has done, and why it ended."""
    planned = run.trainer.get("num_epochs", "?")
    done = f"{run.epochs_done} of {planned} epochs"
    if run.state == FAILED:
        return "It failed; the end of its log is below."
    if run.state == INTERRUPTED:
        return f"Interrupted after {done}: `{_resume(run.folder)}` resumes it."
    if run.state != FINISHED:
        command = "allennlp compare" if run.planned is not None else _resume(run.folder)
        return (
            f"It has not ended: {done} are done. It is still running, or was killed; then"
            f" `{command}` resumes it."
        )
    if run.epochs_done == planned:
        return "Its only epoch is done." if planned == 1 else f"All {planned} epochs are done."
    if ran_out_of_patience(run):
        patience = run.trainer["patience"]
        return (
            f"Stopped early after {done}: no better score in {number(patience, 'epoch')} "
            "(trainer.patience)."
        )
    if run.trainer.get("max_steps") is not None:
        return f"Stopped after {done}: trainer.max_steps, {run.trainer['max_steps']}, was reached."
    return f"It ended after {done}."


def _resume(folder: Path) -> str:
    config = shlex.quote(str(folder / "config.json"))
    return f"allennlp train {config} -s {shlex.quote(str(folder))} --recover"


def _kept(run: RunRecord) -> str:
    """Name the epoch whose weights were kept, and its score."""
    best = run.metrics.get("best_epoch")
    if best is None:
        return ""
    value = run.metrics.get(f"best_validation_{run.validation_metric}")
    if value is None:
        return " Nothing was validated: the weights of the last epoch were kept."
    return f" Epoch {best + 1} was kept, with the best {run.validation_metric}, {value:.4f}."


def _warnings(run: RunRecord) -> Iterator[str]:
    for message, count in run.warnings.items():
        yield message + (f" ({count} times)" if count > 1 else "")
