"""`allennlp count-instances`."""

from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.tiny import single_task_config, tiny_config, write_config


def write_sentences(path: str, texts: list[str]) -> None:
    Path(path).write_text(
        "".join("".join(f"{c}\tO\n" for c in text) + "\n" for text in texts), encoding="utf-8"
    )


def test_counts_by_split_and_dataset_and_in_total(run: Run, tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.json", tiny_config())
    result = run("count-instances", config)
    assert result.status == 0
    # As limited by `max_instances` of the readers.
    assert result.out.splitlines() == [
        "train msr: 20",
        "train msra: 20",
        "train weibo: 40",
        "train: 80",
        "validation weibo: 40",
        "validation: 40",
        "test weibo: 40",
        "test: 40",
        "instances: 160",
        "leaked msr: 0 left out",
        "leaked msra: 0 left out",
        "leaked weibo: 0 left out",
        "leaked: 0 left out",
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.json"]


@pytest.mark.parametrize(
    ("leakage", "kept", "fate"), [("drop", 2, "left out"), ("allow", 4, "kept")]
)
@pytest.mark.parametrize("flag", ["-o", "--overrides"])
def test_leaked_sentences_and_overrides(
    run: Run, tmp_path: Path, leakage: str, kept: int, fate: str, flag: str
) -> None:
    write_sentences("train", ["今天天气很好", "我去上海", "他来北京", "昨天下雨"])
    write_sentences("dev", ["我去上海", "昨天下雨", "明天见"])
    config = single_task_config(train_data_path="train", validation_data_path="dev")
    del config["test_data_path"]
    config["dataset_reader"] = {"type": "conll", "head": "weibo"}
    path = write_config(tmp_path / "leak.json", config)
    result = run("count-instances", path, flag, f'{{"data_loader.leakage": "{leakage}"}}')
    assert result.out.splitlines() == [
        f"train weibo: {kept}",
        f"train: {kept}",
        "validation weibo: 3",
        "validation: 3",
        f"instances: {kept + 3}",
        f"leaked weibo: 2 {fate}",
        f"leaked: 2 {fate}",
    ]


def test_a_missing_file_is_one_message(run: Run, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", single_task_config(train_data_path="missing"))
    result = run("count-instances", config)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("error: ") and "no such file" in line and "missing" in line
