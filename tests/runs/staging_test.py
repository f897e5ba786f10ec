"""Stages: the same as runs one after the other, with one vocabulary, one folder and one resume."""

import functools
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import ModelTestCase
from tests.killing import Plan, start
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import DATA, ROOT, assert_same_weights, learnt, tiny_config, weights, write_config

# Of the stages below: 40 sentences of sources and 40 of the target, in batches of 8.
STEPS = (5, 2 * 5)


def shared(**overrides: Any) -> dict[str, Any]:
    """A config beside its stages."""
    settings = {
        "model__type": "hard_sharing",
        "data_loader__batch_size": 8,
        "trainer__num_epochs": 1,
        "trainer__checkpointer": {"save_every_num_batches": 2},
        "trainer__callbacks": [{"type": "tensorboard", "summary_interval": 1}],
        "trainer__learning_rate_scheduler": {"type": "linear_with_warmup", "warmup": 0.3},
    }
    config = tiny_config(**{**settings, **overrides})
    # The keys are sorted as in a config file; their order is that of the heads.
    ordered: dict[str, Any] = json.loads(json.dumps(config, sort_keys=True))
    return ordered


def staged(**overrides: Any) -> dict[str, Any]:
    """A config of two stages, two sources, then the target, with keys in the order of Jsonnet."""
    config = shared(**overrides)
    config["stages"] = [
        {"name": "source", "datasets": ["msra", "msr"], "trainer": {"validation_metric": "-loss"}},
        {"name": "target", "datasets": ["weibo"], "trainer": {"num_epochs": 2}},
    ]
    ordered: dict[str, Any] = json.loads(json.dumps(config, sort_keys=True))
    return ordered


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two stages."""
    folder = tmp_path_factory.mktemp("finished")
    train_model(staged(), folder)
    return folder


@pytest.mark.parametrize("which", ["best", "last"])
def test_equals_runs_one_after_the_other(tmp_path: Path, which: str) -> None:
    rates = ({"trainer.optimizer.lr": 0.05}, {"trainer.optimizer.lr": 0.005})
    config = shared(trainer__num_epochs=2, trainer__moving_average={"decay": 0.5})
    first, second = (with_overrides(config, rate) for rate in rates)
    stages = [{"name": "one", "weights": which, **rates[0]}, {"name": "two", **rates[1]}]
    metrics = train_model({**config, "stages": stages}, tmp_path / "staged")

    train_model(with_overrides(first, {"evaluate_on_test": False}), tmp_path / "first")
    start = tmp_path / "first/best.th"
    if which == "last":
        # Both are moving averages.
        model, training = (
            torch.load(tmp_path / f"first/checkpoints/{prefix}_state_e2_b0.th", weights_only=True)
            for prefix in ("model", "training")
        )
        start = tmp_path / "last.th"
        torch.save({**model, **training["moving_average"]["averages"]}, start)
    taken = {"type": "pretrained", "weights_file_path": str(start)}
    expected = train_model({**second, "initializer": {"regexes": [[".", taken]]}}, tmp_path / "two")

    assert_same_weights(
        tmp_path / "staged" / "stages" / "one" / "best.th", tmp_path / "first/best.th"
    )
    assert_same_weights(tmp_path / "staged" / "best.th", tmp_path / "two" / "best.th")
    own = {name: value for name, value in metrics.items() if not name.startswith("stage_one_")}
    assert learnt(own) == learnt(expected)
    of_first = json.loads((tmp_path / "first" / "metrics.json").read_text("utf-8"))
    assert {f"stage_one_{name}" for name in of_first} | set(expected) == set(metrics)


def test_a_stage_changes_only_what_it_trains(finished: Path) -> None:
    fresh_config = shared(trainer__optimizer={"type": "sgd", "lr": 0.0})
    source = weights(finished / "stages" / "source" / "best.th")
    target = weights(finished / "best.th")
    same = {name for name in source if torch.equal(source[name], target[name])}
    of_sources = {n for n in source if n.startswith(("towers.ms", "heads.ms"))}
    of_target = {n for n in source if n.startswith(("encoder.", "towers.weibo.", "heads.weibo."))}
    assert of_sources <= same
    assert not {n for n in of_target if n.endswith("weight")} & same

    # All heads have their fresh weights before they are trained, as in a run of all datasets.
    train_model(fresh_config, finished.parent / f"{finished.name}-fresh")
    fresh = weights(finished.parent / f"{finished.name}-fresh" / "best.th")
    for name in source:
        if name.startswith(("towers.weibo.", "heads.weibo.")):
            assert torch.equal(source[name], fresh[name]), name


def test_the_vocabulary_covers_all_stages(finished: Path, tmp_path: Path) -> None:
    train_model(shared(), tmp_path)
    for name in ("characters", "weibo_types", "msra_types", "msr_words", "domains"):
        expected = (tmp_path / "vocabulary" / f"{name}.txt").read_bytes()
        for folder in (finished, finished / "stages" / "source"):
            assert (folder / "vocabulary" / f"{name}.txt").read_bytes() == expected


def test_the_folder_and_the_archive_are_those_of_the_last_stage(finished: Path) -> None:
    metrics = json.loads((finished / "metrics.json").read_text("utf-8"))
    assert metrics["training_epochs"] == 2 and metrics["stage_source_training_epochs"] == 1
    assert "test_weibo_f1" in metrics and "stage_source_test_weibo_f1" not in metrics
    assert "stage_source_training_msra_loss" in metrics and "training_msra_loss" not in metrics
    for path in (finished, finished / "model.tar.gz"):
        archive = load_archive(path)
        assert archive.default_head == "weibo" and archive.heads == ["msr", "msra", "weibo"]
        assert archive.config["trainer"]["num_epochs"] == 2 and "stages" not in archive.config
    assert load_archive(finished / "stages" / "source" / "model.tar.gz").heads == archive.heads


def test_the_printed_config_trains_the_same(finished: Path, tmp_path: Path) -> None:
    train_model(json.loads(json.dumps(checked_job(staged()).whole)), tmp_path)
    assert_same_weights(tmp_path / "best.th", finished / "best.th")


def test_sentences_that_another_stage_is_scored_by_are_left_out(tmp_path: Path) -> None:
    config = staged()
    leaking = tmp_path / "train.bio"
    dev = (DATA / "weibo" / "weiboNER_2nd_conll.dev").read_text("utf-8").split("\n\n")[0]
    sentence = "".join(line[0] + "\tO\n" for line in dev.splitlines() if line.strip())
    leaking.write_text(f"{sentence}\n" + (DATA / "msra" / "train.bio").read_text("utf-8"), "utf-8")
    config["train_data_path"]["msra"] = str(leaking)
    source = checked_job(config).earlier[0]
    assert "weibo" not in source.sources.paths.get("validation", {})
    assert read_data(source).leaked["msra"] == 1


@pytest.mark.parametrize("step", [1, 4, STEPS[0] + 1, STEPS[0] + 4, sum(STEPS)])
def test_resumes_in_any_stage(tmp_path: Path, finished: Path, step: int) -> None:
    with stopping_before(step):
        train_model(staged(), tmp_path / "run")
    # Event files of the two processes must have different names.
    time.sleep(1.0 - time.time() % 1.0)
    train_model(staged(), tmp_path / "run", recover=True)
    assert differences(tmp_path / "run", finished) == []


def test_a_finished_run_resumes_without_training(tmp_path: Path, finished: Path) -> None:
    train_model(staged(), tmp_path / "run")
    time.sleep(1.0 - time.time() % 1.0)
    train_model(staged(), tmp_path / "run", recover=True)
    assert differences(tmp_path / "run", finished) == []


@pytest.mark.slow
def test_killed_between_and_within_stages(tmp_path: Path, finished: Path) -> None:
    config, folder = write_config(tmp_path / "config.json", staged()), tmp_path / "run"
    plans = [
        Plan(str(tmp_path / "a"), "put stages/source/data.json"),
        Plan(str(tmp_path / "b"), "put stages/source/best.th"),
        Plan(str(tmp_path / "c"), "put stages/source/metrics.json"),
        Plan(str(tmp_path / "d"), "flush stages/source/.model.tar.gz.partial", cut=0.5),
        Plan(str(tmp_path / "e"), "flush checkpoints/.model_state_e0_b4.th.partial", cut=0.5),
        Plan(str(tmp_path / "f"), "put metrics.json"),
    ]
    for number, plan in enumerate(plans):
        status = start(config, folder, *(["--recover"] if number else []), plan=plan).wait()
        assert status == -signal.SIGKILL, (plan, (tmp_path / "output.txt").read_text()[-3000:])
    assert start(config, folder, "--recover").wait() == 0, (tmp_path / "output.txt").read_text()
    assert differences(folder, finished) == []


@pytest.mark.slow
def test_an_interrupted_stage_is_kept_and_says_how_to_resume(tmp_path: Path) -> None:
    config = with_overrides(staged(), {"stages.0.trainer.num_epochs": 300})
    folder, log = tmp_path / "run", tmp_path / "output.txt"
    process = start(write_config(tmp_path / "config.json", config), folder)
    while not (folder / "stages" / "source" / "metrics_epoch_1.json").is_file():
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    line, command = log.read_text("utf-8").splitlines()[-2:]
    assert "interrupted before the last stage: the stages so far are kept" in line
    assert command.endswith(f"train {folder}/config.json -s {folder} --recover")
    assert (folder / "stages" / "source" / "model.tar.gz").is_file()


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"stages": []}, "stages", "expected a list of stages"),
        ({"stages.0.name": "a/b"}, "stages.0.name", "expected letters, digits"),
        ({"stages.1.name": "source"}, "stages.1.name", 'also named "source"'),
        ({"stages.1.stages": [{"name": "inner"}]}, "stages.1.stages", "one after the other"),
        ({"stages.0.stages": []}, "stages.0.stages", "a stage has no stages itself"),
        ({"stages.0.weights": "first"}, "stages.0.weights", 'expected "best" or "last"'),
        ({"stages.0.datasets": ["mrsa"]}, "stages.0.datasets.0", 'Did you mean "msra"?'),
        ({"stages.0.datasets": []}, "stages.0.datasets", "expected a list of names"),
        ({"stages.0.trainre": {}}, "stages.0.trainre", "trainer"),
        ({"stages.1.trainer.num_epochs": 0}, "stages.1.trainer.num_epochs", "expected 1 or more"),
        (
            {"stages.0.datasets": ["msra"]},
            "dataset_reader.readers.msr",
            "no stage trains on it",
        ),
        (
            {"stages.1.dataset_reader": {"readers": {"msra": {"head": "weibo"}}}},
            "stages.1.dataset_reader.readers.msra",
            "but msra, news and ner in the first stage",
        ),
        (
            {
                "stages.0.weights": "last",
                "stages.0.trainer.checkpointer": {"save_completed_epochs": False},
            },
            "stages.0.weights",
            "save_completed_epochs",
        ),
        (
            {"stages.0.data_loader": {"sampler": {"type": "weighted", "weights": {"weibo": 1}}}},
            "stages.0.data_loader.sampler.weights",
            "",
        ),
    ],
)
def test_errors_name_the_stage(changes: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(with_overrides(staged(), changes))
    assert error.value.path.startswith(path), error.value
    assert message in error.value.message


def test_stages_of_different_models_are_refused(tmp_path: Path) -> None:
    config = with_overrides(staged(), {"stages.1.model": {"tower": {"hidden_size": 4}}})
    with pytest.raises(ConfigurationError, match='differs from that of stage "source": shape'):
        train_model(config, tmp_path)


def test_an_objective_may_be_of_one_stage_only(tmp_path: Path) -> None:
    config = with_overrides(shared(), {"model.type": "adversarial"})
    config["stages"] = [
        {"name": "mixed"},
        {"name": "target", "datasets": ["weibo"], "model.objectives": []},
    ]
    train_model(config, tmp_path)
    mixed = weights(tmp_path / "stages" / "mixed" / "best.th")
    target = weights(tmp_path / "best.th")
    assert (
        {name for name in mixed if name not in target}
        == {name for name in mixed if name.startswith("objectives.")}
        != set()
    )


class TestStagedModel(ModelTestCase):
    def test_trains_saves_loads_and_predicts(self) -> None:
        self.set_up_model(ROOT / "fixtures" / "configs" / "staged.jsonnet")
        of_source = [n for n, _ in self.model.named_parameters() if ".msra." in n]
        self.ensure_model_can_train_save_and_load(gradients_to_ignore=of_source)
        self.ensure_batch_predictions_are_consistent()


def test_what_a_resumed_run_may_not_change(tmp_path: Path) -> None:
    with stopping_before(STEPS[0] + 2):
        train_model(staged(), tmp_path)
    resume = functools.partial(train_model, serialization_dir=tmp_path, recover=True)
    for changes, path, message in (
        ({"stages.1.trainer.optimizer": {"lr": 0.1}}, "stages.1.trainer.optimizer.lr", "started"),
        ({"stages.0.trainer.num_epochs": 2}, "stages.0.trainer.num_epochs", "no longer change"),
        ({"stages.0.name": "other"}, "stages", "source, target"),
        ({"stages.0.weights": "last"}, "stages.0.weights", "started with 'best'"),
    ):
        with pytest.raises(ConfigurationError, match=message) as error:
            resume(with_overrides(staged(), changes))
        assert error.value.path == path
