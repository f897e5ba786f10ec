"""Training on JSON files with labels elsewhere, overlapping entities and contradictions."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.runs.audit_job import audit
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import single_task_config

GOOD = {"text": "我们在北京", "label": {"LOC": {"北京": [[3, 4]]}}}
DOCCANO = {"id": 1, "text": "我们在北京", "labels": [[3, 5, "LOC"]], "Comments": []}


def write(path: Path, *records: dict[str, Any]) -> str:
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def config(train: dict[str, str], readers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the config of a run on JSON files, by dataset."""
    base = single_task_config(trainer__num_epochs=1, evaluate_on_test=False)
    for key in ("test_data_path", "validation_data_path"):
        del base[key]
    base["trainer"].pop("validation_metric", None)
    base["trainer"].pop("patience", None)
    types = {name: {"type": "span_json", **(readers or {}).get(name, {})} for name in train}
    reader = {"type": "multitask", "readers": types}
    return {**base, "dataset_reader": reader, "train_data_path": train}


@pytest.mark.parametrize("key", ["labels", "entities", "annotations", "anything"])
def test_training_data_without_labels_are_refused(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "train.json", {"text": "我们在北京", key: [[3, 5, "LOC"]]})
    with pytest.raises(DataError) as error:
        read_data(checked_job(config({"mine": path})))
    message = str(error.value)
    assert message.startswith(f"{path}: found 'no labels in 1 sentences', expected labels")
    assert 'dataset "mine" belongs to task "mine"' in message
    assert f'Keys found: "text", "{key}".' in message
    assert ("looks like a doccano export" in message) == (key != "anything")
    assert "set head: null" in message


def test_text_that_belongs_to_no_task_needs_no_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {
        "mine": write(tmp_path / "train.json", GOOD),
        "raw": write(tmp_path / "raw.json", DOCCANO),
    }
    job = checked_job(config(paths, {"raw": {"head": None}}))
    data = read_data(job)
    assert data.splits["train"]["raw"].spans is None
    assert data.reading == {"reading_raw_train_records_with_unknown_keys": 1}
    assert "looks like a doccano export" in caplog.text


def test_line_1507_of_a_file_like_cluener(tmp_path: Path) -> None:
    nested = {
        "text": "北京大学在北京",
        "label": {"organization": {"北京大学": [[0, 3]]}, "address": {"北京": [[0, 1], [5, 6]]}},
    }
    path = write(tmp_path / "train.json", *[GOOD] * 1506, nested, nested)
    with pytest.raises(DataError) as error:
        train_model(config({"mine": path}), tmp_path / "run")
    message = str(error.value)
    assert message.startswith(
        f"{path}:1507: found 'address 北京 [0, 2) and organization 北京大学 ["
    )
    assert 'set overlaps: "outermost", "innermost" or "first"' in message

    data = read_data(checked_job(config({"mine": path}, {"mine": {"overlaps": "outermost"}})))
    assert data.reading == {"reading_mine_train_overlapping_entities_dropped": 2}
    assert data.splits["train"]["mine"][1507].spans == [(0, 4, "organization"), (5, 7, "address")]


def test_long_entities_do_not_hide_the_second_one(tmp_path: Path) -> None:
    text = "甲" * 300
    label = {"A": {text: [[0, 299]]}, "B": {text[1:]: [[1, 299]]}}
    path = write(tmp_path / "train.json", {"text": text, "label": label})
    with pytest.raises(DataError, match=r"A 甲+\.\.\. \[0, 300\) and B 甲+\.\.\. \[1, 300\)"):
        train_model(config({"mine": path}), tmp_path / "run")


def test_contradictions_within_and_between_training_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Files of one head contradict each other, files of different heads do not."""
    other = {"text": GOOD["text"], "label": {}}
    again = {"text": "他在上海", "label": {"LOC": {"上海": [[2, 3]]}}}
    paths = {
        "one": write(tmp_path / "one.json", GOOD, again, other),
        "two": write(tmp_path / "two.json", again, GOOD),
        "alone": write(tmp_path / "alone.json", {**again, "label": {}}),
    }
    settings = config(paths, {"one": {"head": "shared"}, "two": {"head": "shared"}})
    settings["model"]["type"] = "hard_sharing"
    assert read_data(checked_job(settings)).reading == {"contradicting_sentences_shared": 3}
    assert (
        f'head "shared": 3 sentences have a text that is labelled in different ways, such as '
        f"{paths['one']}:1 and {paths['one']}:3" in caplog.text
    )

    keys = ("dataset_reader", "train_data_path")
    found = audit({key: settings[key] for key in keys})
    assert found.as_json()["contradictions"] == {
        "shared": {
            "train": {
                "texts": 1,
                "sentences": 3,
                "examples": {
                    GOOD["text"]: [
                        {"place": f"{paths['one']}:1", "labels": ["LOC 北京 [3, 5)"]},
                        {"place": f"{paths['one']}:3", "labels": []},
                    ]
                },
            }
        },
        "alone": {"train": {"texts": 0, "sentences": 0, "examples": {}}},
    }
