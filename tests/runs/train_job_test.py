"""The files of a run."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.runs import train_job
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import evaluator_of, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.trainer import Trainer
from tests.serving import serving, use_cache
from tests.tiny import DATA, single_task_config, tiny_config, weights


def metrics_of(run: Path, name: str = "metrics.json") -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((run / name).read_text(encoding="utf-8"))
    return metrics


def test_metrics_have_the_documented_keys(tiny_run: Path) -> None:
    metrics = metrics_of(tiny_run)
    assert {"epoch", "best_epoch", "training_epochs", "training_duration", "peak_memory_MB"} <= set(
        metrics
    )
    scores = ["f1", "precision", "recall", "lenient_f1", "f1_PER.NAM", "loss"]
    for prefix in ("validation_", "best_validation_", "test_"):
        assert {f"{prefix}weibo_{score}" for score in scores} | {f"{prefix}loss"} <= set(metrics)
    heads = [f"training_{head}_loss" for head in ("weibo", "msra", "msr")]
    assert {
        "training_loss",
        "training_discriminator_accuracy",
        "training_step_seconds",
        *heads,
    } <= set(metrics)
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert 100 < metrics["peak_memory_MB"] < 100_000 and metrics["training_duration"] > 0


def test_best_epoch_is_that_of_the_validation_metric(tiny_run: Path) -> None:
    metrics = metrics_of(tiny_run)
    scores = [
        metrics_of(tiny_run, f"metrics_epoch_{epoch}.json")["validation_weibo_f1"]
        for epoch in range(metrics["epoch"] + 1)
    ]
    assert metrics["best_validation_weibo_f1"] == max(scores) > 0.15
    assert metrics["best_epoch"] == scores.index(max(scores))


def test_validation_and_test_scores_are_those_of_the_best_weights(tiny_run: Path) -> None:
    metrics = metrics_of(tiny_run)
    archive = load_archive(tiny_run / "model.tar.gz")
    job = checked_job(archive.config)
    data = read_data(job)
    for prefix, split in (("best_validation_", "validation"), ("test_", "test")):
        for name, value in (
            evaluator_of(job, archive.model, data, split).evaluate(archive.model).items()
        ):
            assert metrics[prefix + name] == value, prefix + name


def test_leaked_sentences_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, dev = (
        (DATA / "weibo" / f"weiboNER_2nd_conll.{split}").read_text("utf-8")
        for split in ("train", "dev")
    )
    sentences = [text.split("\n\n") for text in (train, dev)]
    # Two whole validation sentences, and one inside a longer sentence.
    longer = "\n".join(["嘿0\tI-PER.NAM", sentences[1][5], "吧0\tO"])
    (tmp_path / "train").write_text(
        "\n\n".join([*sentences[0][:30], sentences[1][3], longer, sentences[1][4]]) + "\n", "utf-8"
    )
    (tmp_path / "dev").write_text("\n\n".join(sentences[1][:10]) + "\n", "utf-8")
    paths = {
        "train_data_path": str(tmp_path / "train"),
        "validation_data_path": str(tmp_path / "dev"),
    }
    config = {**single_task_config(trainer__num_epochs=1), **paths}
    config["dataset_reader"] = {"type": "weibo"}
    metrics = train_model(config, tmp_path / "run")
    assert (
        metrics["leaked_sentences_weibo"]
        == metrics_of(tmp_path / "run")["leaked_sentences_weibo"]
        == 3
    )
    assert (
        "weibo: 3 of 33 training sentences contain a validation or test sentence: removed"
        in caplog.text
    )
    # Of the first 30 training sentences, the first has two illegal tags.
    assert {name: value for name, value in metrics.items() if name.startswith("reading_")} == {
        "reading_weibo_train_illegal_tags_repaired": 3
    }
    config["data_loader"]["leakage"] = "error"
    with pytest.raises(UserError, match="3 of 33"):
        train_model(config, tmp_path / "refused")


def test_interrupted_training_archives_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_epoch = Trainer._end_epoch

    def interrupted(trainer: Trainer, steps: Any) -> None:
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        end_epoch(trainer, steps)

    monkeypatch.setattr(Trainer, "_end_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_model(tiny_config(), tmp_path)
    best = weights(tmp_path / "best.th")
    archived = load_archive(tmp_path / "model.tar.gz").model.state_dict()
    assert all((archived[name] == best[name]).all() for name in archived)
    last = metrics_of(tmp_path, "metrics_epoch_1.json")
    assert metrics_of(tmp_path) == {**last, "interrupted": True}


def test_interrupted_testing_archives_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = Evaluator.evaluate

    def interrupted(
        evaluator: Evaluator, model: Any, description: str = "validating"
    ) -> dict[str, float]:
        if description == "testing":
            raise KeyboardInterrupt
        return evaluate(evaluator, model, description)

    monkeypatch.setattr(Evaluator, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_model(tiny_config(trainer__num_epochs=1), tmp_path)
    assert load_archive(tmp_path / "model.tar.gz").heads == ["weibo", "msra", "msr"]


def test_interrupted_before_the_first_epoch_ends_leaves_no_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trainer: Trainer, steps: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_end_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_model(tiny_config(), tmp_path)
    assert not (tmp_path / "model.tar.gz").exists()
    assert metrics_of(tmp_path) == {"training_epochs": 0, "interrupted": True}


def test_archive_holds_the_model_and_the_additional_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("about this run")
    config = single_task_config(
        trainer__num_epochs=1, include_in_archive=[str(tmp_path / "notes.txt")]
    )
    train_model(config, tmp_path / "run")
    with tarfile.open(tmp_path / "run" / "model.tar.gz") as archive:
        members = archive.getmembers()
        notes = archive.extractfile("fta/notes.txt")
        assert notes is not None and notes.read() == b"about this run"
    names = {member.name for member in members}
    assert {
        "config.json",
        "meta.json",
        "weights.safetensors",
        "vocabulary",
        "vocabulary/datasets.json",
    } <= names
    assert not any("checkpoints" in name or "log" in name for name in names)
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", 0)}


def test_links_are_archived_as_their_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive with a link would be refused."""
    (tmp_path / "notes.txt").write_text("about this run")
    (tmp_path / "symbolic.txt").symlink_to(tmp_path / "notes.txt")
    (tmp_path / "hard.txt").hardlink_to(tmp_path / "notes.txt")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "far.txt").write_text("about this run")
    included = [str(tmp_path / name) for name in ("notes.txt", "symbolic.txt", "hard.txt")]
    use_cache(tmp_path / "cache", monkeypatch)
    with serving(tmp_path / "served") as server:
        config = single_task_config(
            trainer__num_epochs=1, include_in_archive=[*included, f"{server.url}/far.txt"]
        )
        checked_job(config).check_paths()
    # The file was downloaded before training, so the server may stop meanwhile.
    train_model(config, tmp_path / "run")
    with tarfile.open(tmp_path / "run" / "model.tar.gz") as archive:
        for name in ("notes.txt", "symbolic.txt", "hard.txt", "far.txt"):
            file = archive.extractfile(f"fta/{name}")
            assert (
                archive.getmember(f"fta/{name}").isreg()
                and file is not None
                and file.read() == b"about this run"
            )
    assert load_archive(tmp_path / "run" / "model.tar.gz").heads == ["weibo"]


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (["notes.txt", "missing.txt"], "include_in_archive.1", "no such file "),
        (["notes.txt", "below"], "include_in_archive.1", "no such file "),
        (
            ["notes.txt", "below/notes.txt"],
            "include_in_archive.1",
            'another file is also named "notes.txt"',
        ),
    ],
)
def test_files_to_archive_are_checked_before_training(
    tmp_path: Path, names: list[str], path: str, message: str
) -> None:
    (tmp_path / "below").mkdir()
    for name in ("notes.txt", "below/notes.txt"):
        (tmp_path / name).touch()
    config = single_task_config(include_in_archive=[str(tmp_path / name) for name in names])
    with pytest.raises(ConfigurationError) as caught:
        checked_job(config).check_paths()
    assert caught.value.path == path and message in caught.value.message


def test_corpora_at_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(tmp_path / "cache", monkeypatch)
    with serving(DATA / "weibo") as server:
        train, dev = (f"{server.url}/weiboNER_2nd_conll.{split}" for split in ("train", "dev"))
        config = single_task_config(train_data_path=train, validation_data_path=dev)
        job: TrainJob = checked_job(config)
        job.check_paths()
        found = read_data(job).splits
        local = read_data(checked_job(single_task_config())).splits
        assert found == local
        assert server.asked == ["/weiboNER_2nd_conll.train", "/weiboNER_2nd_conll.dev"]


@pytest.mark.parametrize("key", ["train_data_path", "validation_data_path", "test_data_path"])
def test_a_path_without_reader_is_an_error(tmp_path: Path, key: str) -> None:
    config = tiny_config(**{key: {"weibo": "somewhere", "wiebo": "somewhere"}})
    with pytest.raises(ConfigurationError) as caught:
        train_model(config, tmp_path)
    assert caught.value.path == f"{key}.wiebo" and "weibo, msra, msr" in str(caught.value)


def test_one_path_for_several_readers_is_an_error(tmp_path: Path) -> None:
    message = "expected an object of paths, one for each reader, found 'somewhere'"
    with pytest.raises(ConfigurationError, match=f"train_data_path: {message}"):
        train_model(tiny_config(train_data_path="somewhere"), tmp_path)


def test_the_vocabulary_of_another_run_does_not_load_its_encoder(
    tmp_path: Path, fixture_encoder: Path
) -> None:
    """A vocabulary holds the config of its encoder without weights; a new run needs weights."""
    config = single_task_config(
        dataset_reader__max_instances=4,
        model__encoder={"type": "pretrained_transformer", "model_name": str(fixture_encoder)},
    )
    encoders = []
    for name in ("first", "second"):
        job: TrainJob = checked_job(config)
        trainer = train_job.build_trainer(job, read_data(job), tmp_path / name)
        weights_of_run = trainer.model.state_dict()
        encoders.append(
            {key: value for key, value in weights_of_run.items() if key.startswith("encoder.")}
        )
        directory = str(tmp_path / "first" / "vocabulary")
        assert (Path(directory) / "encoder").is_dir()
        config["vocabulary"] = {"type": "from_files", "directory": directory}
    assert encoders[0].keys() == encoders[1].keys() and len(encoders[0]) > 10
    assert all(torch.equal(value, encoders[1][key]) for key, value in encoders[0].items())


def test_a_second_run_takes_its_data_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(**{"data_loader.cache_directory": str(tmp_path / "cache")})
    plain, first = read_data(checked_job(tiny_config())), read_data(checked_job(config))

    def refuse(*_: Any) -> None:
        raise AssertionError("reads or searches")

    monkeypatch.setattr(DatasetReader, "_read_all", refuse)
    monkeypatch.setattr(HeldOutTexts, "find_in", refuse)
    second = read_data(checked_job(config))
    assert plain.splits == first.splits == second.splits
    assert plain.leaked == first.leaked == second.leaked
    assert plain.reading == first.reading == second.reading


def test_an_empty_cache_directory_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r'data_loader\.cache_directory: found ""'):
        checked_job(tiny_config(**{"data_loader.cache_directory": ""}))
