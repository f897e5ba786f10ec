"""`allennlp init` and `allennlp quickstart`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.corpora.leakage import HeldOutTexts
from ner_adv_plugin.data.formats import AnnotationsReader
from tests.commands.conftest import Run

NAMES = ("张伟", "王芳", "李娜", "刘洋", "陈静", "杨帆", "黄磊", "周杰")
PLACES = ("北京", "上海", "广州", "深圳", "杭州", "成都")


def records(end: str = "") -> list[dict[str, Any]]:
    """Sentences without near-duplicates, but for every eighth, which another one repeats."""
    found = []
    for name in NAMES:
        for place in PLACES:
            text = f"昨天{name}去了{place}看朋友。{end}"
            found.append({"text": text, "label": [[2, 4, "PER"], [6, 8, "LOC"]]})
        found.append({**found[-1], "text": found[-1]["text"][:-1] + "！"})
    return found


def write(path: Path, content: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in content), encoding="utf-8")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    write(path, records())
    return path


def test_one_line_trains_scores_and_reports(run: Run, corpus: Path, tmp_path: Path) -> None:
    result = run("quickstart", "mine.jsonl")
    assert result.status == 0, result.err
    folder = tmp_path / "runs" / "mine"
    assert result.out.startswith("encoder: ")
    assert "mine.jsonl: format doccano" in result.out
    assert result.out.endswith("report: runs/mine/report.html\n")

    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    report = (folder / "report.md").read_text()
    assert f"| F1 | {100 * metrics['best_validation_mine_f1']:.1f} | " in report
    assert f"| {100 * metrics['test_mine_f1']:.1f} |" in report
    assert re.search(r"\| sentences \| \d\d \| \d \| \d \|", report)
    assert "No sentence occurs in two splits." in report
    assert "The encoder is the tiny one for trying things out." in report
    page = (folder / "report.html").read_text()
    assert f"<td>{100 * metrics['test_mine_f1']:.1f}</td>" in page
    assert "http" not in page
    predicted = run("predict", "runs/mine/run/model.tar.gz", "mine.jsonl")
    assert predicted.status == 0
    assert predicted.out.count("\n") == len(records())


def test_splits_have_everything_once_and_no_near_duplicates(
    run: Run, corpus: Path, tmp_path: Path
) -> None:
    assert run("init", "mine.jsonl", "-s", "a", "--shares", "0.6", "0.2", "0.2").status == 0
    splits = [
        AnnotationsReader().read(tmp_path / "a" / "data" / f"{name}.jsonl")
        for name in ("train", "validation", "test")
    ]
    texts = [[sentence.text for sentence in split] for split in splits]
    assert sorted(sum(texts, [])) == sorted(record["text"] for record in records())
    assert not any(HeldOutTexts(texts[1] + texts[2]).find_in(texts[0]))
    assert not any(HeldOutTexts(texts[1]).find_in(texts[2]))
    assert [len(split) for split in splits] == pytest.approx([34, 11, 11], abs=2)
    assert all(len(sentence.spans or ()) == 2 for split in splits for sentence in split)

    assert run("init", "mine.jsonl", "-s", "b", "--shares", "0.6", "0.2", "0.2").status == 0
    for name in ("train", "validation", "test"):
        first, second = (tmp_path / folder / "data" / f"{name}.jsonl" for folder in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_the_config_is_checked_and_commented(run: Run, corpus: Path, tmp_path: Path) -> None:
    result = run("init", "mine.jsonl", "-s", "a b", "--seed", "7", "--encoder", "some/encoder")
    assert result.status == 0, result.err
    assert "encoder:" not in result.out
    config = tmp_path / "a b" / "config.jsonnet"
    assert config.read_text().count("// ") > 4 and max(map(len, config.open())) <= 101
    dry = run("train", "a b/config.jsonnet", "--dry-run")
    assert dry.status == 0, dry.err
    filled = json.loads(dry.out)
    assert filled["random_seed"] == 7
    assert filled["model"]["encoder"]["model_name"] == "some/encoder"


def test_files_of_several_formats_and_given_splits(run: Run, corpus: Path, tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", records("真好")[:9])
    assert run("convert", "test.jsonl", "test.bio", "--to", "bio").status == 0
    assert run("convert", "mine.jsonl", "brat", "--to", "brat").status == 0
    result = run("init", "brat", "mine.jsonl", "--test", "test.bio", "-s", "a")
    assert result.status == 0, result.err
    assert "brat: format brat" in result.out and "test.bio: format conll" in result.out
    assert "test: 9 sentences, 18 entities (LOC 9, PER 9)" in result.out
    lines = (tmp_path / "a" / "data" / "test.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == [r["text"] for r in records("真好")[:9]]


@pytest.mark.parametrize("command", ["init", "quickstart"])
def test_bad_records_are_skipped_if_asked(command: str, run: Run, corpus: Path) -> None:
    with corpus.open("a", encoding="utf-8") as file:
        file.write('{"text": "王明", "label": [[0, 9, "PER"]]}\n')
    number = len(records())
    assert f"mine.jsonl:{number + 1}: " in run(command, "mine.jsonl", "-s", "a").err
    result = run(command, "mine.jsonl", "-s", "b", "--on-bad-record", "skip")
    assert result.status == 0, result.err
    assert f"{number} sentences; 1 bad records skipped (the first: " in result.out
    if command == "quickstart":
        report = Path("b/report.md").read_text(encoding="utf-8")
        assert "1 bad records skipped" in report


def test_overlapping_entities_are_said(run: Run, tmp_path: Path) -> None:
    content = records()
    content[0]["label"].append([2, 8, "EVENT"])
    write(tmp_path / "mine.jsonl", content)
    assert run("init", "mine.jsonl", "-s", "a").status == 0
    config = (tmp_path / "a" / "config.jsonnet").read_text()
    assert "overlaps: 'outermost'" in config and "global_pointer" in config
    assert run("count-instances", "a/config.jsonnet").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "none.jsonl: found 'no such file'"),
        (["mine.jsonl", "--shares", "0.5", "0.5", "0.5"], "--shares: expected a sum of 1"),
        (["mine.jsonl", "--shares", "1", "0", "0"], "--shares: expected three numbers"),
        (["mine.jsonl", "--name", "a b"], "--name: expected ASCII letters"),
        (["mine.jsonl", "--name", "local"], "--name: expected ASCII letters"),
        (["mine.jsonl", "--from", "brta"], 'no format "brta". Did you mean "brat"?'),
        (["mine.jsonl", "--seed", "-1"], "--seed: expected 0 or more"),
        (["small.jsonl"], "2 sentences with 2 different texts are too few for 3 splits"),
        (["bare.jsonl"], "no entity in the train split"),
        (["raw.jsonl"], "'no sentences (56 unlabelled sentences left out, the first on line 1)'"),
        (["mine.jsonl", "-s", "full"], "full is not empty"),
        (["mine.jsonl", "-s", "full", "--force"], "full has no config.jsonnet"),
    ],
)
def test_errors(arguments: list[str], message: str, run: Run, corpus: Path, tmp_path: Path) -> None:
    write(tmp_path / "small.jsonl", records()[:2])
    write(tmp_path / "bare.jsonl", [{**record, "label": []} for record in records()])
    write(tmp_path / "raw.jsonl", [{"text": record["text"]} for record in records()])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").touch()
    result = run("init", *arguments)
    assert result.status == 2 and message in result.err
    assert not (tmp_path / "runs").exists()


def test_force_replaces_what_was_written(run: Run, corpus: Path, tmp_path: Path) -> None:
    assert run("init", "mine.jsonl").status == 0
    assert run("init", "mine.jsonl").status == 2
    assert run("init", "mine.jsonl", "--force", "--seed", "3").status == 0
    assert "random_seed: 3," in (tmp_path / "runs" / "mine" / "config.jsonnet").read_text()


def test_force_that_fails_changes_nothing(run: Run, corpus: Path, tmp_path: Path) -> None:
    assert run("init", "mine.jsonl").status == 0
    folder = tmp_path / "runs" / "mine"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(before) == 4
    assert run("init", "none.jsonl", "-s", "runs/mine", "--force").status == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_nothing_is_left_of_a_run_that_was_refused(run: Run, corpus: Path, tmp_path: Path) -> None:
    result = run("quickstart", "mine.jsonl", "--encoder", "no/such/encoder")
    assert result.status == 2 and not (tmp_path / "runs/mine").exists()

    # What was there before is kept.
    assert run("init", "mine.jsonl").status == 0
    result = run("quickstart", "mine.jsonl")
    assert result.status == 2 and "and the trained model in run/" in result.err
    result = run("quickstart", "mine.jsonl", "--force", "--encoder", "no/such/encoder")
    assert result.status == 2 and (tmp_path / "runs/mine/config.jsonnet").is_file()
