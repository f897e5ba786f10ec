"""Checks across the components of a config."""

from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.label_spaces import agreed_task, dataset_spaces
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.runs.config_checks import checked_job, foreseen_metrics
from ner_adv_plugin.runs.data import collect_vocabulary, evaluator_of, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.sources import check_files
from tests.tiny import DATA, single_task_config, tiny_config

WEIBO = "+weibo_f1"


def error_of(config: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as error:
        checked_job(config)
    return error.value.path, error.value.message


@pytest.mark.parametrize("validated", [["weibo"], ["weibo", "msr"], ["weibo", "msra", "msr"]])
def test_foreseen_metrics_are_those_of_the_evaluator(validated: list[str]) -> None:
    paths = {
        "weibo": "weibo/weiboNER_2nd_conll.dev",
        "msra": "msra/test.bio",
        "msr": "msr/msr_test_gold.utf8",
    }
    config = tiny_config(dataset_reader__readers__msra__head="weibo")
    config["validation_data_path"] = {name: str(DATA / paths[name]) for name in validated}
    job: TrainJob = checked_job(config)
    data = read_data(job)
    model = job.model.construct(vocab=collect_vocabulary(job, data))
    evaluator: Evaluator = evaluator_of(job, model, data, "validation")
    spaces = dataset_spaces(data.readers)
    tasks = {head: agreed_task(head, spaces) for head in model.vocab.heads}
    foreseen = foreseen_metrics({name: spaces[name] for name in validated}, tasks)
    actual = evaluator.metric_names()
    typed = {
        name[: name.index("_f1_") + 4] + "<TYPE>" if "_f1_" in name else name for name in actual
    }
    assert set(foreseen) == typed and any("_f1_" in name for name in actual)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("+weibo_f1", None),
        ("-weibo_loss", None),
        ("-loss", None),
        ("+weibo_f1_PER.NAM", None),
        ("+weibo_f1_", 'no metric "weibo_f1_". Did you mean "weibo_f1"?'),
        ("+weibo_weibo_f1", 'no metric "weibo_weibo_f1". Did you mean'),
        ("+f1", 'no metric "f1".'),
        ("+msr_oov_recall", 'no metric "msr_oov_recall".'),
        ("+", 'expected "+" or "-" and the name of a metric, found \'+\''),
    ],
)
def test_validation_metric(metric: str, message: str | None) -> None:
    config = tiny_config(trainer__validation_metric=metric)
    if message is None:
        checked_job(config)
    else:
        path, found = error_of(config)
        assert path == "trainer.validation_metric" and found.startswith(message)


def test_datasets_of_the_same_head_have_separate_metrics() -> None:
    config = tiny_config(
        dataset_reader__readers__msra__head="weibo",
        validation_data_path={"msra": "a", "weibo": "b"},
        trainer__validation_metric="+weibo_msra_lenient_f1",
    )
    checked_job(config)
    config["trainer"]["validation_metric"] = "+weibo_msra_f1_PER"
    checked_job(config)
    config["trainer"]["validation_metric"] = "+weibo_msr_f1"
    assert error_of(config)[1].startswith('no metric "weibo_msr_f1". Did you mean "weibo_msra_f1"?')


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"validation_metric": WEIBO}, "trainer.validation_metric"),
        ({"patience": 2}, "trainer.patience"),
        ({"learning_rate_scheduler": "reduce_on_plateau"}, "trainer.learning_rate_scheduler.type"),
        ({}, None),
        ({"validation_metric": "-loss", "patience": None}, None),
    ],
)
@pytest.mark.parametrize("validation", [None, {"reviews": "somewhere"}])
def test_without_labelled_validation_data(
    settings: dict[str, Any], path: str | None, validation: Any
) -> None:
    config = tiny_config(
        dataset_reader__readers__reviews={"type": "unlabelled"},
        train_data_path__reviews="somewhere",
    )
    config["validation_data_path"] = validation
    del config["trainer"]["validation_metric"]
    config["trainer"].update(settings)
    if path is None:
        checked_job(config)
    else:
        found_path, message = error_of(config)
        assert (
            found_path == path
            and "there is no labelled validation data: set validation_data_path" in message
        )


def test_reduce_on_plateau_uses_the_validation_metric() -> None:
    scheduler = {"type": "reduce_on_plateau", "mode": "min"}
    config = tiny_config(trainer__learning_rate_scheduler=scheduler)
    path, message = error_of(config)
    assert path == "trainer.learning_rate_scheduler.mode"
    assert message == '"min" does not fit validation_metric "+weibo_f1": expected "max"'
    checked_job(tiny_config(trainer__learning_rate_scheduler={**scheduler, "mode": "max"}))
    checked_job(
        tiny_config(trainer__learning_rate_scheduler=scheduler, trainer__validation_metric="-loss")
    )


@pytest.mark.parametrize("key", ["patience", "num_epochs", "num_gradient_accumulation_steps"])
def test_numbers_are_checked_early(key: str) -> None:
    assert error_of(tiny_config(**{f"trainer__{key}": 0})) == (
        f"trainer.{key}",
        "expected 1 or more, found 0",
    )


def test_conflicting_precisions_are_refused_early() -> None:
    path, message = error_of(tiny_config(trainer__precision="bf16", trainer__use_amp=True))
    assert (path, message) == (
        "trainer.use_amp",
        'duplicates precision "bf16": remove one of the two keys',
    )


@pytest.mark.parametrize(
    ("reader", "path", "message"),
    [
        (
            {"type": "weibo"},
            "validation_dataset_reader",
            "expected a multitask reader, as in dataset_reader",
        ),
        (
            {"type": "multitask", "readers": {"wiebo": "weibo"}},
            "validation_dataset_reader.readers.wiebo",
            'no dataset "wiebo". Did you mean "weibo"? Datasets: weibo, msra, msr.',
        ),
        (
            {"type": "multitask", "readers": {"msra": "msra"}},
            "validation_data_path.weibo",
            "no reader for this dataset. Readers: msra.",
        ),
    ],
)
def test_readers_of_validation_sets(reader: dict[str, Any], path: str, message: str) -> None:
    assert error_of(tiny_config(validation_dataset_reader=reader)) == (path, message)


def test_a_single_validation_reader_reads_the_only_dataset() -> None:
    path = str(DATA / "msra" / "test.bio")
    config = single_task_config(validation_data_path=path, test_data_path=path)
    config["validation_dataset_reader"] = {"type": "msra", "max_instances": 3}
    job: TrainJob = checked_job(config)
    assert job.sources.held_out_reader.readers["weibo"] is job.validation_dataset_reader
    data = read_data(job)
    assert {split: list(sentences) for split, sentences in data.splits.items()} == dict.fromkeys(
        data.splits, ["weibo"]
    )
    assert len(data.splits["validation"]["weibo"]) == 3


def test_errors_of_the_head_of_a_single_reader_have_its_path() -> None:
    config = single_task_config(dataset_reader__head="keys", trainer__validation_metric="-loss")
    assert error_of(config) == (
        "dataset_reader.head",
        '"keys" cannot be the name of a head: choose another',
    )


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "weibo.train").touch()
    check_files(
        {"weibo": str(tmp_path / "weibo.train"), "url": "https://somewhere/weibo.train"}, "there"
    )
    check_files(None, "there")
    with pytest.raises(
        ConfigurationError, match=r'^there.weibo: no such file ".*". Did you mean "weibo.train"\?$'
    ):
        check_files({"weibo": str(tmp_path / "wiebo.train")}, "there")
    with pytest.raises(
        ConfigurationError, match=rf'^there: no such file ".*". There is no folder "{tmp_path}/a".$'
    ):
        check_files(str(tmp_path / "a" / "b" / "c"), "there")


def test_missing_folders(tmp_path: Path) -> None:
    vocabulary = {"type": "from_files", "directory": str(tmp_path / "vocabulary")}
    job: TrainJob = checked_job(tiny_config(vocabulary=vocabulary))
    with pytest.raises(
        ConfigurationError, match='^vocabulary.directory: no such folder ".*vocabulary"'
    ):
        job.check_paths()
    encoder = {"type": "pretrained_transformer", "model_name": str(tmp_path / "encoder")}
    job = checked_job(tiny_config(model__encoder=encoder))
    with pytest.raises(
        ConfigurationError, match='^model.encoder.model_name: no such folder ".*encoder"'
    ):
        job.check_paths()
    (tmp_path / "encoder").mkdir()
    job.check_paths()
    checked_job(tiny_config(model__encoder={**encoder, "model_name": "hub/name"})).check_paths()
