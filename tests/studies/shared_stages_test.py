"""Runs that start with the same stages train them once, with the same result as alone."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.runs import shared_stages
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.shared_stages import SharedStages, first_stages
from ner_adv_plugin.runs.spent import Clock, Spent
from ner_adv_plugin.runs.train_job import open_run
from ner_adv_plugin.studies.compare import compare, print_plan
from ner_adv_plugin.studies.executors import LocalExecutor
from ner_adv_plugin.studies.study import Study, study_of
from ner_adv_plugin.studies.tuning import SearchSpace, TrialSettings, tune
from ner_adv_plugin.studies.worker import STAGES
from tests.tiny import ROOT, assert_same_weights, tiny_config, weights

# An arm with a source first, another one with other rates on the target, and one without stages.
RATES = {"slow": 0.001, "fast": 0.01}


def staged(rate: float, size: int | None = None, **overrides: Any) -> dict[str, Any]:
    """A config of a stage of MSRA and one of Weibo, whose learning rate and size are given."""
    settings = {"model__type": "hard_sharing", "data_loader__batch_size": 8}
    config = tiny_config(**{**settings, "trainer__num_epochs": 1, **overrides})
    pretrained = {
        "type": "pretrained_transformer",
        "model_name": str(ROOT / "fixtures" / "encoder"),
        "dropout": 0.1,
    }
    config["model"]["encoder"] = pretrained
    target: dict[str, Any] = {"trainer": {"optimizer": {"lr": rate}}}
    if size is not None:
        target["data_loader"] = {"subset": {"weibo": size}}
    config["stages"] = [
        {"name": "source", "datasets": ["msra", "msr"], "trainer": {"validation_metric": "-loss"}},
        {"name": "target", "datasets": ["weibo"], **target},
    ]
    ordered: dict[str, Any] = json.loads(json.dumps(config, sort_keys=True))
    return ordered


def train(config: dict[str, Any], folder: Path, stages: Path | None = None) -> None:
    """Train a config whole, with the stages of a folder."""
    folder.mkdir(parents=True)
    shared = None if stages is None else SharedStages(stages, Clock(folder))
    with open_run(checked_job(config), folder, shared=shared) as trainer:
        trainer.train()


def kept_in(folder: Path) -> list[Path]:
    """The stages that are kept."""
    return [path for path in folder.glob("*") if path.is_dir()]


@pytest.mark.parametrize("size", [None, 8])
def test_the_result_is_that_of_a_run_alone(tmp_path: Path, size: int | None) -> None:
    shared = tmp_path / "stages"
    train(staged(0.02), tmp_path / "first", shared)
    train(staged(0.01, size), tmp_path / "shared", shared)
    train(staged(0.01, size), tmp_path / "alone")

    assert len(kept_in(tmp_path / "stages")) == 1
    assert_same_weights(tmp_path / "shared" / "best.th", tmp_path / "alone" / "best.th")


def test_the_head_of_the_target_may_have_other_types(tmp_path: Path) -> None:
    def config(size: int | None) -> dict[str, Any]:
        # Two training sentences have fewer types than all; held-out data would have the others.
        found = staged(0.01, size, trainer__validation_metric="-loss", evaluate_on_test=False)
        return {key: found[key] for key in found if key[:4] not in ("vali", "test")}

    shared = tmp_path / "stages"
    train(config(None), tmp_path / "first", shared)
    train(config(2), tmp_path / "shared", shared)
    train(config(2), tmp_path / "alone")

    assert len(kept_in(tmp_path / "stages")) == 1
    assert_same_weights(tmp_path / "shared" / "best.th", tmp_path / "alone" / "best.th")
    name = "heads.weibo.crf.transitions"
    whole, part = (weights(tmp_path / run / "best.th") for run in ("first", "shared"))
    assert whole[name].shape != part[name].shape


@pytest.mark.parametrize(
    "overrides",
    [
        {"trainer__optimizer__lr": 0.03},
        {"random_seed": 2, "numpy_seed": 2, "pytorch_seed": 2},
        {"dataset_reader__readers__msra__max_instances": 10},
        {"model__tower__hidden_size": 8},
    ],
)
def test_another_stage_is_trained(tmp_path: Path, overrides: dict[str, Any]) -> None:
    shared = tmp_path / "stages"
    train(staged(0.02), tmp_path / "one", shared)
    train(staged(0.02, **overrides), tmp_path / "other", shared)
    assert len(kept_in(tmp_path / "stages")) == 2


def test_another_content_of_a_corpus_is_another_stage(tmp_path: Path) -> None:
    shared = tmp_path / "stages"
    config = staged(0.02)
    corpus = Path(config["train_data_path"]["msra"])
    copy = tmp_path / "train.bio"
    copy.write_bytes(corpus.read_bytes())
    config["train_data_path"]["msra"] = str(copy)

    train(config, tmp_path / "one", shared)
    copy.write_text(copy.read_text("utf-8") + "人\tO\n\n", "utf-8")
    train(config, tmp_path / "other", shared)
    assert len(kept_in(tmp_path / "stages")) == 2


def _train(folder: Path, stages: Path) -> None:
    train(staged(0.02), folder, stages)


def test_a_run_waits_for_one_that_trains_its_stage(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    folders = [tmp_path / "a", tmp_path / "b"]
    both = [context.Process(target=_train, args=(own, tmp_path / "stages")) for own in folders]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]

    assert len(kept_in(tmp_path / "stages")) == 1
    assert_same_weights(folders[0] / "best.th", folders[1] / "best.th")
    # The files of the stage are the same ones.
    first, second = (own / "stages" / "source" / "best.th" for own in folders)
    assert first.stat().st_ino == second.stat().st_ino


def test_a_disk_without_links_has_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: str, target: str) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(shared_stages.os, "link", link)
    shared = tmp_path / "stages"
    train(staged(0.02), tmp_path / "one", shared)
    train(staged(0.01), tmp_path / "other", shared)
    assert len(kept_in(tmp_path / "stages")) == 1
    first, second = (tmp_path / run / "stages" / "source" / "best.th" for run in ("one", "other"))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_ino != second.stat().st_ino


def test_a_run_counts_what_its_first_stage_cost(tmp_path: Path) -> None:
    shared = tmp_path / "stages"
    train(staged(0.02), tmp_path / "one", shared)
    (kept,) = kept_in(tmp_path / "stages")
    cost = Spent.read(kept)
    assert cost.cpu_seconds > 0 and 0 < cost.seconds < 60
    # The one that trained it has spent it itself, and has waited for nobody.
    assert -1 < Spent.read(tmp_path / "one").seconds < 60

    Spent(1000.0, 2000.0).write(kept)
    train(staged(0.01), tmp_path / "other", shared)
    # Noted at once: a run that is killed and resumed has it, too.
    noted = Spent.read(tmp_path / "other")
    assert 1000 <= noted.seconds < 1020 and 2000 <= noted.cpu_seconds < 2040
    assert Clock(tmp_path / "other").spent().seconds >= noted.seconds


def test_a_stage_that_was_not_finished_is_not_kept(tmp_path: Path) -> None:
    shared = SharedStages(tmp_path / "stages", Clock(tmp_path))
    job = checked_job(staged(0.02))
    own = tmp_path / "run" / "stages" / "source"
    own.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), shared.stage(job.earlier[0], own) as is_taken:
        assert not is_taken
        raise KeyboardInterrupt
    assert not kept_in(tmp_path / "stages")
    # Nor is the lock held, and what it cost counts when it is resumed.
    Spent(50.0, 70.0).write(own)
    with shared.stage(job.earlier[0], own) as is_taken:
        assert not is_taken
    cost = Spent.read(own)
    assert 50 < cost.seconds < 60 and 70 <= cost.cpu_seconds < 80


def _study(tmp_path: Path) -> Study:
    arms = {}
    for name, rate in RATES.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(staged(rate)))
        arms[name] = {"config": str(tmp_path / f"{name}.json")}
    settings = {"target": "weibo", "baseline": "slow", "arms": arms, "seeds": 2, "sizes": [8, None]}
    return study_of({**settings, "budget": {"type": "epochs", "epochs": 1}, "rounds": 50})


def test_a_study_trains_each_first_stage_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = _study(tmp_path)
    folder = tmp_path / "study"
    results = compare(study, folder)
    logs = [path.read_text("utf-8") for path in (folder / "runs").glob("*/worker.log")]
    taken = sum("trained by another run" in log for log in logs)
    # Two seeds, each with two arms and two sizes.
    assert (len(logs), taken) == (8, 6)
    assert results.families
    # They go when no run needs them any more.
    assert not (folder / STAGES).exists()

    print_plan(study)
    assert "8 runs" in capsys.readouterr().out


def test_the_trials_of_a_tuning_train_a_first_stage_once(tmp_path: Path) -> None:
    config = staged(0.02)
    config["stages"][1]["trainer"]["optimizer"]["lr"] = {"choices": [0.01, 0.02, 0.03]}
    best = tune(SearchSpace(config), tmp_path, TrialSettings(3), LocalExecutor())
    logs = [path.read_text("utf-8") for path in (tmp_path / "trials").glob("*/worker.log")]
    assert (len(logs), sum("trained by another run" in log for log in logs)) == (3, 2)
    assert best.trials == 3 and not (tmp_path / STAGES).exists()


def test_the_key_is_that_of_the_earlier_stages() -> None:
    assert first_stages(staged(0.02)) == first_stages(staged(0.01, size=8))
    assert first_stages(staged(0.02)) != first_stages(staged(0.02, trainer__num_epochs=2))
    assert first_stages(tiny_config()) is None
