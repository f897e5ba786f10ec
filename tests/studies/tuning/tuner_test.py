"""Trials, with an executor that writes what a run would have written."""

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.studies.executors import Executor, Handle
from ner_adv_plugin.studies.tuning import SearchSpace, TrialSettings, trials, tune
from tests.studies.in_process import Ended
from tests.tiny import single_task_config

LR, DROPOUT = "trainer.optimizer.lr", "model.head.dropout"
EPOCHS = 4


class Stop(Exception):
    """The call is killed."""


class Pretended(Executor):
    """Writes the scores of a run at once."""

    def __init__(self, scores: Callable[[dict[str, Any]], list[float]], jobs: int = 1) -> None:
        self.scores, self.jobs = scores, jobs
        self.started: list[str] = []
        self.stop_at = 0
        self.most = 0

    def start(self, folder: Path, packages: Sequence[str]) -> Handle:
        self.started.append(folder.name)
        if len(self.started) == self.stop_at:
            raise Stop
        planned = json.loads((folder / "run.json").read_text("utf-8"))
        assert planned["config"]["evaluate_on_test"] is False and "target" not in planned
        scores = self.scores(planned["config"])
        for epoch, score in enumerate(scores):
            write_json(folder / f"metrics_epoch_{epoch}.json", {"validation_weibo_f1": score})
        if scores:
            best = max(scores)
            metrics = {"best_validation_weibo_f1": best}
            write_json(folder / "result.json", {"seconds": 1.0, "metrics": metrics})
        else:
            (folder / "worker.log").write_text("it broke\n", "utf-8")
        return Ended()


def rate(config: dict[str, Any]) -> float:
    return float(config["trainer"]["optimizer"]["lr"])


def near(config: dict[str, Any]) -> list[float]:
    """Scores that are best at a rate of 0.01 and without dropout."""
    distance = abs(math.log10(rate(config)) + 2) / 2 + config["model"]["head"]["dropout"] / 2
    return [(1 - distance) * (epoch + 1) / EPOCHS for epoch in range(EPOCHS)]


def space(**more: Any) -> SearchSpace:
    return SearchSpace(
        single_task_config(
            trainer__optimizer__lr={"lo": 1e-4, "hi": 1.0, "log": True},
            model__head__dropout={"choices": [0.0, 0.1, 0.5]},
            **more,
        )
    )


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "POLL_SECONDS", 0.0)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("jobs", [1, 3])
def test_choices_are_tried_whole_if_the_trials_suffice(tmp_path: Path, jobs: int) -> None:
    rates, dropouts = [0.001, 0.01], [0.0, 0.1, 0.5]
    choices = {LR: {"choices": rates}, DROPOUT: {"choices": dropouts}}
    settings = {key.replace(".", "__"): value for key, value in choices.items()}
    config = single_task_config(**settings)
    # The first call is killed after some trials.
    stopped = Pretended(near, jobs)
    stopped.stop_at = 4
    with pytest.raises(Stop):
        tune(SearchSpace(config), tmp_path, TrialSettings(6), stopped)
    best = tune(SearchSpace(config), tmp_path, TrialSettings(6), Pretended(near, jobs))

    tried = [(float(row[LR]), float(row[DROPOUT])) for row in table(tmp_path)]
    assert sorted(tried) == [(lr, dropout) for lr in rates for dropout in dropouts]
    assert best.values == {LR: 0.01, DROPOUT: 0.0}
    # One trial less does not suffice: values are sampled.
    assert SearchSpace(config).combinations(5) == []


def test_the_best_config_is_written_and_can_be_trained(tmp_path: Path) -> None:
    best = tune(space(), tmp_path, TrialSettings(25), Pretended(near))
    rows = table(tmp_path)
    assert [row["number"] for row in rows] == [str(i) for i in range(25)]
    done = [row for row in rows if row["state"] == "complete"]
    assert {row["state"] for row in rows} == {"complete", "pruned"}
    assert best.value == pytest.approx(max(float(row["value"]) for row in done))
    assert best.values[DROPOUT] == 0.0 and 0.002 < best.values[LR] < 0.05
    assert best.trials == 25 and set(best.importances) == {LR, DROPOUT}
    assert sum(best.importances.values()) == pytest.approx(1)

    config = load_config(tmp_path / "best.jsonnet")
    expected = single_task_config(trainer__optimizer__lr=best.values[LR], model__head__dropout=0.0)
    # The test set is scored by the final run, as the config says.
    assert config == expected and checked_job(config).evaluate_on_test is True
    assert max(near(config)) == pytest.approx(best.value)


def test_pruned_trials_were_below_the_median(tmp_path: Path) -> None:
    tune(space(), tmp_path, TrialSettings(20), Pretended(near))
    finished: list[list[float]] = []
    for row in table(tmp_path):
        files = sorted((tmp_path / "trials" / f"{int(row['number']):04}").glob("metrics_epoch_*"))
        scores = [json.loads(file.read_text("utf-8"))["validation_weibo_f1"] for file in files]
        seen = int(row["epochs"])
        if row["state"] == "pruned":
            # Scores rise, so the latest is the best so far.
            others = sorted(one[seen - 1] for one in finished)
            middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
            assert len(finished) >= 5 and scores[seen - 1] < middle
        else:
            assert seen == EPOCHS
            finished.append(scores)


def test_a_call_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = TrialSettings(12, seed=3)
    tune(space(), tmp_path / "whole", settings, Pretended(near))
    executor = Pretended(near)
    for stop_at in (1, 4, 9):
        executor.stop_at = stop_at
        with pytest.raises(Stop):
            tune(space(), tmp_path / "killed", settings, executor)
    executor.stop_at = 0
    tune(space(), tmp_path / "killed", settings, executor)
    assert table(tmp_path / "killed") == table(tmp_path / "whole")

    # Nothing is left to do; more trials go on from there.
    executor.started.clear()
    tune(space(), tmp_path / "killed", settings, executor)
    assert executor.started == []
    tune(space(), tmp_path / "killed", TrialSettings(14, seed=3), executor)
    assert executor.started == ["0012", "0013"]
    other = Pretended(near)
    tune(space(), tmp_path / "other", TrialSettings(12, seed=4), other)
    assert table(tmp_path / "other") != table(tmp_path / "whole")


def test_the_score_of_a_trial_is_the_mean_of_its_seeds(tmp_path: Path) -> None:
    def lucky(config: dict[str, Any]) -> list[float]:
        # By the first seed alone 0.01 is best, by the mean of three 0.001.
        best = {0.01: {1: 0.9, 2: 0.1, 3: 0.2}, 0.001: {1: 0.8, 2: 0.7, 3: 0.6}}
        return [0.0, best[rate(config)][config["random_seed"]]]

    choices = SearchSpace(single_task_config(trainer__optimizer__lr={"choices": [0.01, 0.001]}))
    settings = TrialSettings(2, run_seeds=(1, 2, 3))
    executor = Pretended(lucky)
    best = tune(choices, tmp_path / "whole", settings, executor)
    assert best.values == {LR: 0.001} and best.value == pytest.approx(0.7)
    assert [float(row["value"]) for row in table(tmp_path / "whole")] == pytest.approx([0.4, 0.7])
    assert [float(row["seconds"]) for row in table(tmp_path / "whole")] == [3.0, 3.0]
    names = ["0000", "0000-seed2", "0000-seed3", "0001", "0001-seed2", "0001-seed3"]
    assert executor.started == names
    one = tune(choices, tmp_path / "one", TrialSettings(2, run_seeds=(1,)), Pretended(lucky))
    assert one.values == {LR: 0.01}

    # A call that is killed in the middle of a trial goes on with its next run.
    killed = Pretended(lucky)
    killed.stop_at = 3
    with pytest.raises(Stop):
        tune(choices, tmp_path / "killed", settings, killed)
    resumed = Pretended(lucky)
    assert tune(choices, tmp_path / "killed", settings, resumed) == best
    assert resumed.started == names[2:]
    with pytest.raises(UserError, match="trials with other seeds: 1, 2, 3, not that of the config"):
        tune(choices, tmp_path / "killed", TrialSettings(2), resumed)


def test_a_trial_fails_with_any_of_its_seeds(tmp_path: Path) -> None:
    scores = {1: [], 2: [math.nan], 3: [0.5], 4: [0.6]}

    def sometimes(config: dict[str, Any]) -> list[float]:
        return scores[config["random_seed"]]

    choices = SearchSpace(single_task_config(trainer__optimizer__lr={"choices": [0.01, 0.001]}))
    for seeds, count in (((3, 1), 2), ((2, 3), 1), ((3, 2, 4), 2), ((3, 2), 2)):
        executor = Pretended(sometimes)
        folder = tmp_path / "-".join(map(str, seeds))
        with pytest.raises(UserError, match="no trial has finished"):
            tune(choices, folder, TrialSettings(2, run_seeds=seeds), executor)
        # The runs after the one that failed are not trained.
        assert len(executor.started) == 2 * count
        assert {row["state"] for row in table(folder)} == {"failed"}


def test_a_trial_is_pruned_by_its_first_seed(tmp_path: Path) -> None:
    executor = Pretended(near)
    tune(space(), tmp_path, TrialSettings(20, run_seeds=(1, 2)), executor)
    pruned = [row["number"] for row in table(tmp_path) if row["state"] == "pruned"]
    assert pruned
    for number in pruned:
        assert f"{int(number):04}-seed2" not in executor.started


def test_a_trial_without_a_config_is_marked_failed_and_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ner_adv_plugin.studies.tuning.trial import TrialRun

    plan = TrialRun.plan

    def killed(self: TrialRun, config: dict[str, Any]) -> None:
        if self.folder.name.endswith("seed2"):
            raise Stop
        plan(self, config)

    settings = TrialSettings(3, run_seeds=(1, 2))
    with monkeypatch.context() as patched:
        patched.setattr(TrialRun, "plan", killed)
        with pytest.raises(Stop):
            tune(space(), tmp_path, settings, Pretended(near))
    best = tune(space(), tmp_path, settings, Pretended(near))
    assert [row["number"] for row in table(tmp_path)] == ["1", "2", "3"] and best.trials == 3


def test_failed_trials_count_and_can_be_retried(tmp_path: Path) -> None:
    def sometimes(config: dict[str, Any]) -> list[float]:
        return near(config) if rate(config) < 0.01 else []

    tune(space(), tmp_path, TrialSettings(10), Pretended(sometimes))
    states = [row["state"] for row in table(tmp_path)]
    failed = states.count("failed")
    assert len(states) == 10 and failed > 0
    tune(space(), tmp_path, TrialSettings(10, retry=True), Pretended(near))
    assert len(table(tmp_path)) == 10 + failed

    with pytest.raises(UserError, match="no trial has finished"):
        tune(space(), tmp_path / "all", TrialSettings(3), Pretended(lambda config: []))
    # Trials that fail again are not replaced for ever.
    with pytest.raises(UserError, match="no trial has finished"):
        tune(space(), tmp_path / "all", TrialSettings(3, retry=True), Pretended(lambda config: []))
    assert len(table(tmp_path / "all")) == 6
    with pytest.raises(UserError, match="no trial has finished"):
        nan = Pretended(lambda config: [math.nan])
        tune(space(), tmp_path / "nan", TrialSettings(2), nan)


def test_several_trials_side_by_side(tmp_path: Path) -> None:
    handles: list[Ended] = []
    at_once: list[int] = []

    class Slow(Pretended):
        def start(self, folder: Path, packages: Sequence[str]) -> Handle:
            super().start(folder, packages)
            handle = Ended(ended=False)
            handles.append(handle)
            at_once.append(sum(not one.ended for one in handles))
            if len(handles) >= self.jobs or at_once[-1] == self.jobs:
                for one in handles[: len(handles) - 1]:
                    one.ended = True
            if len(handles) == 7:
                handle.ended = True
            return handle

    best = tune(space(), tmp_path, TrialSettings(7), Slow(near, jobs=3))
    assert best.trials == len(handles) == 7 and max(at_once) <= 3 and max(at_once) > 1


def test_a_folder_belongs_to_one_config(tmp_path: Path) -> None:
    tune(space(), tmp_path / "one", TrialSettings(2), Pretended(near))
    with pytest.raises(UserError, match=r"another config: trainer\.num_epochs was 3, is 4"):
        changed = space(trainer__num_epochs=4)
        tune(changed, tmp_path / "one", TrialSettings(2), Pretended(near))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not the folder of a tuning"):
        tune(space(), tmp_path, TrialSettings(2), Pretended(near))


def test_a_folder_is_tuned_by_one_call_at_a_time(tmp_path: Path) -> None:
    class Twice(Pretended):
        def start(self, folder: Path, packages: Sequence[str]) -> Handle:
            with pytest.raises(UserError, match="another process tunes in"):
                tune(space(), tmp_path, TrialSettings(2), Pretended(near))
            return super().start(folder, packages)

    assert tune(space(), tmp_path, TrialSettings(1), Twice(near)).trials == 1
