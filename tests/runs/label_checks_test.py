"""Labels that the data of a run do not have."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.label_checks import check_labels
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import single_task_config, tiny_config

# Sentences as pairs of a word and its type: one word a sentence.
Words = list[tuple[str, str]]
PEOPLE_AND_PLACES: Words = [("魏勇", "PER"), ("深圳", "LOC"), ("王明", "PER"), ("下雨", "O")]
PEOPLE: Words = [("江山", "PER"), ("天晴", "O")]
NOTHING: Words = [("天晴", "O"), ("下雨", "O"), ("刮风", "O")]


def corpus(path: Path, words: Words) -> str:
    """Write a corpus in CoNLL columns, each word a sentence."""
    tags = {True: ("O", "O"), False: ("B-{}", "I-{}")}
    lines = []
    for word, name in words:
        first, rest = (tag.format(name) for tag in tags[name == "O"])
        lines.append(f"{word[0]}\t{first}\n" + "".join(f"{c}\t{rest}\n" for c in word[1:]))
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def config_of(
    tmp_path: Path,
    train: Words | Mapping[str, Words],
    validation: Words | Mapping[str, Words],
    **overrides: Any,
) -> dict[str, Any]:
    """Return a config of datasets "a", "b", ... of one head "names"."""
    splits = {
        "train": train if isinstance(train, Mapping) else {"a": train},
        "validation": validation if isinstance(validation, Mapping) else {"a": validation},
    }
    config = single_task_config(
        trainer__validation_metric="+names_f1",
        trainer__num_epochs=1,
        evaluate_on_test=False,
        data_loader__leakage="allow",
    )
    del config["test_data_path"]
    config["dataset_reader"] = {
        "type": "multitask",
        "readers": {
            name: {"type": "conll", "head": "names", "domain": "news"} for name in splits["train"]
        },
    }
    for split, datasets in splits.items():
        config[f"{split}_data_path"] = {
            name: corpus(tmp_path / f"{split}-{name}.txt", words)
            for name, words in datasets.items()
        }
    for name, value in overrides.items():
        section, key = name.split("__")
        config[section][key] = value
    return config


def unlabelled(path: Path) -> str:
    """Write sentences in the format of "span_json", without labels."""
    path.write_text('{"text": "魏勇"}\n{"text": "深圳"}\n', encoding="utf-8")
    return str(path)


def check(config: dict[str, Any]) -> None:
    job = checked_job(config)
    check_labels(job, read_data(job))


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.name.endswith("label_checks")]


def error_of(config: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        check(config)
    return caught.value.path, caught.value.message


@pytest.mark.parametrize(
    "metric",
    ["+names_f1", "-names_loss", "-loss", "+names_f1_PER", "+names_b_f1", None],
)
def test_metrics_that_validation_computes(tmp_path: Path, metric: str | None) -> None:
    config = config_of(
        tmp_path,
        {"a": PEOPLE_AND_PLACES, "b": PEOPLE_AND_PLACES},
        {"a": PEOPLE, "b": PEOPLE_AND_PLACES},
        trainer__validation_metric=metric,
    )
    if metric is None:
        del config["trainer"]["validation_metric"]
    check(config)


@pytest.mark.parametrize("metric", ["+names_f1", "-loss", None])
def test_unlabelled_validation_data(tmp_path: Path, metric: str | None) -> None:
    config = config_of(tmp_path, PEOPLE, PEOPLE, trainer__validation_metric=metric)
    if metric is None:
        del config["trainer"]["validation_metric"]
    path = unlabelled(tmp_path / "dev.json")
    config["validation_data_path"]["a"] = path
    config["validation_dataset_reader"] = {
        "type": "multitask",
        "readers": {"a": {"type": "span_json", "head": "names"}},
    }
    found_path, message = error_of(config)
    assert found_path == "trainer.validation_metric"
    name = (metric or "-loss")[1:]
    assert message == (
        f'"{name}" cannot be computed: {path} has no labels. No record has a "label". Keys found: '
        '"text". Known: none.'
    )


def test_training_stops_before_a_model_is_built(tmp_path: Path) -> None:
    config = config_of(tmp_path, PEOPLE, NOTHING)
    with pytest.raises(ConfigurationError, match='"names_f1" is always 0'):
        train_model(config, tmp_path / "run")
    assert not (tmp_path / "run" / "vocabulary").exists()


def test_one_of_two_validation_files_is_unlabelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    both = {"a": PEOPLE, "b": PEOPLE}
    config = config_of(tmp_path, both, both)
    path = unlabelled(tmp_path / "dev.json")
    config["validation_data_path"]["b"] = path
    readers = {"a": {"type": "conll", "head": "names"}, "b": {"type": "span_json", "head": "names"}}
    config["validation_dataset_reader"] = {"type": "multitask", "readers": readers}
    check(config)
    assert f"{path}: no labels, so it is not scored" in caplog.text

    # With one scored dataset there are no metrics by dataset.
    for metric in ("+names_a_f1", "+names_b_f1"):
        config["trainer"]["validation_metric"] = metric
        found_path, message = error_of(config)
        assert found_path == "trainer.validation_metric"
        assert message.startswith(f'"{metric[1:]}" cannot be computed: {path} has no labels.')
        assert "Known: loss, names_f1, " in message

    # A type that the labelled file lacks has nothing to do with the other file.
    config["trainer"]["validation_metric"] = "+names_f1_XYZ"
    _, message = error_of(config)
    assert 'have no entity of "XYZ"' in message and "No record" not in message


def test_a_metric_of_a_type_that_validation_data_do_not_have(tmp_path: Path) -> None:
    config = config_of(
        tmp_path, PEOPLE_AND_PLACES, PEOPLE, trainer__validation_metric="+names_f1_LOC"
    )
    path, message = error_of(config)
    assert path == "trainer.validation_metric"
    assert (
        message.startswith('no metric "names_f1_LOC". Did you mean "names_f1')
        and 'The validation data have no entity of "LOC": PER 1. Known: ' in message
    )


@pytest.mark.parametrize("score", ["f1", "precision", "recall", "lenient_f1"])
def test_a_score_of_data_without_entities_is_always_0(tmp_path: Path, score: str) -> None:
    config = config_of(tmp_path, PEOPLE, NOTHING, trainer__validation_metric=f"+names_{score}")
    path, message = error_of(config)
    assert path == "trainer.validation_metric" and f'"names_{score}" is always 0' in message
    assert f"{tmp_path / 'validation-a.txt'}) has no entities, and training PER 1. " in message

    config["trainer"]["validation_metric"] = "-names_loss"
    check(config)


def test_one_of_two_files_is_without_entities(tmp_path: Path) -> None:
    both = {"a": PEOPLE, "b": PEOPLE}
    config = config_of(tmp_path, both, {"a": PEOPLE, "b": NOTHING})
    check(config)
    config["trainer"]["validation_metric"] = "+names_b_f1"
    assert '"names_b_f1" is always 0' in error_of(config)[1]


@pytest.mark.parametrize("metric", ["names_f1", "names_recall", "names_f1_LOC"])
def test_a_score_of_types_that_are_not_learnt_is_always_0(tmp_path: Path, metric: str) -> None:
    places: Words = [("北京", "LOC"), ("某县", "GPE"), ("上海", "LOC")]
    config = config_of(tmp_path, PEOPLE, places, trainer__validation_metric=f"+{metric}")
    path, message = error_of(config)
    of_gold = "LOC 2" if metric.endswith("LOC") else "LOC 2, GPE 1"
    assert path == "trainer.validation_metric"
    assert message.startswith(
        f'"{metric}" is always 0: validation ({tmp_path / "validation-a.txt"}) has entities of the '
        f"types {of_gold}, and training PER 1."
    )


def test_types_only_in_held_out_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    places: Words = [("北京", "LOC"), ("上海", "LOC"), ("某县", "GPE"), ("李四", "PER")]
    config = config_of(tmp_path, PEOPLE, places)
    config["test_data_path"] = {"a": corpus(tmp_path / "test.txt", [("广州", "LOC")])}
    check(config)
    expected = (
        '{}: {} of {} entities are of types that no training sentence of head "names" has, '
        "so they cannot be learnt: {}"
    )
    validation = expected.format(tmp_path / "validation-a.txt", 3, 4, "LOC 2, GPE 1")
    assert messages(caplog) == [
        validation,
        expected.format(tmp_path / "test.txt", 1, 1, "LOC 1"),
    ]


def test_types_that_another_dataset_of_the_head_teaches(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = {"a": PEOPLE, "b": [("北京", "LOC")]}
    check(config_of(tmp_path, train, {"a": [("上海", "LOC"), ("李四", "PER")]}))
    assert messages(caplog) == []


def test_files_without_entities(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_of(tmp_path, {"a": PEOPLE, "b": NOTHING}, {"a": PEOPLE})
    check(config)
    message = f"{tmp_path / 'train-b.txt'}: not one entity in 3 sentences"
    assert [line for line in caplog.messages if "not one entity" in line] == [message]


def test_a_task_without_an_entity_is_an_error(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"a": NOTHING, "b": NOTHING[:1]}, {"a": PEOPLE})
    path, message = error_of(config)
    assert path == "train_data_path.a"
    files = f"{tmp_path / 'train-a.txt'}, {tmp_path / 'train-b.txt'}"
    assert message.startswith(f'no entity in the 4 training sentences of head "names" ({files})')


def test_a_type_map_that_drops_all_entities_is_an_error(tmp_path: Path) -> None:
    config = config_of(tmp_path, PEOPLE, PEOPLE)
    config["dataset_reader"]["readers"]["a"]["type_map"] = {"PER": None}
    assert "does type_map drop all types?" in error_of(config)[1]


@pytest.mark.parametrize("evaluate", [True, False])
def test_unlabelled_test_data(tmp_path: Path, evaluate: bool) -> None:
    config = config_of(tmp_path, PEOPLE, PEOPLE)
    config["dataset_reader"]["readers"]["a"]["type"] = "span_json"
    for split in ("train", "validation"):
        path = tmp_path / f"{split}.json"
        text = "魏勇" if split == "train" else "王明"
        label = {"PER": {text: [[0, 1]]}}
        path.write_text(json.dumps({"text": text, "label": label}), encoding="utf-8")
        config[f"{split}_data_path"]["a"] = str(path)
    config["test_data_path"] = {"a": unlabelled(tmp_path / "test.json")}
    config["evaluate_on_test"] = evaluate
    if evaluate:
        path, message = error_of(config)
        assert path == "evaluate_on_test"
        assert f"no labels in {tmp_path / 'test.json'}" in message
        assert 'No record has a "label". Keys found: "text".' in message
    else:
        check(config)


def test_types_that_an_earlier_vocabulary_does_not_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_model(config_of(tmp_path, PEOPLE, PEOPLE), tmp_path / "first")
    config = config_of(tmp_path, PEOPLE_AND_PLACES, PEOPLE)
    config["vocabulary"] = {"type": "from_files", "directory": str(tmp_path / "first/vocabulary")}
    caplog.clear()
    train_model(config, tmp_path / "second")
    message = (
        f"{tmp_path / 'train-a.txt'}: 1 of 3 entities are of types that the vocabulary does not "
        "have, and are never learnt: LOC 1"
    )
    assert message in caplog.messages


def test_segmentation_needs_no_types() -> None:
    config = tiny_config(evaluate_on_test=False, trainer__validation_metric="+weibo_f1")
    check(config)
