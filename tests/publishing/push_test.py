"""A pushed model has a model card, and is loaded by its name."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ner_adv_plugin.commands import main
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.publishing import Publication, publish
from tests.hub_server import TOKEN, Hub, running, use_hub

TEXT = {"sentence": "魏勇在深圳见到了王小明"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running() as found:
        use_hub(found.url, tmp_path / "cache", monkeypatch)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found


def front_matter(card: str) -> Any:
    return yaml.safe_load(card.split("---\n")[1])


def table_of(card: str, heading: str) -> list[list[str]]:
    section = card.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", section, flags=re.MULTILINE)
    return [row.split(" | ") for row in rows if "---" not in row]


def test_a_pushed_model_is_loaded_by_its_name(
    hub: Hub, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push", str(tiny_run), "hf://org/model", "--license", "mit", "--message", "First"])
    printed = capsys.readouterr().out
    assert f"pushed: {hub.url}/org/model/commit/" in printed
    assert "predict: allennlp predict hf://org/model INPUT.jsonl" in printed
    repo = hub.repos["org/model"]
    files = repo.commits[repo.branches["main"]]
    assert files["model.tar.gz"] == (tiny_run / "model.tar.gz").read_bytes()
    assert json.loads(files["config.json"]) == json.loads((tiny_run / "config.json").read_bytes())

    found = Predictor.from_path("hf://org/model").predict_json(TEXT)
    assert found == Predictor.from_path(tiny_run).predict_json(TEXT)
    (tmp_path / "in.jsonl").write_text(json.dumps(TEXT), encoding="utf-8")
    main(["predict", "hf://org/model@main", str(tmp_path / "in.jsonl")])
    assert (
        json.loads(capsys.readouterr().out)["entities"] == json.loads(json.dumps(found))["entities"]
    )
    main(["diff", "hf://org/model", str(tiny_run)])
    assert "!" not in capsys.readouterr().out


def test_the_card_tells_task_scores_and_data(tiny_run: Path, tmp_path: Path) -> None:
    publish(tiny_run, str(tmp_path / "card"), Publication(license_name="apache-2.0"))
    card = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((tiny_run / "metrics.json").read_text())

    front = front_matter(card)
    assert front["license"] == "apache-2.0" and front["language"] == ["zh"]
    assert {"named-entity-recognition", "word-segmentation", "adversarial"} <= set(front["tags"])
    (result,) = front["model-index"][0]["results"]
    assert result["dataset"] == {"name": "weibo", "type": "weibo", "split": "test"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    for name, value in values.items():
        assert value == pytest.approx(metrics[f"test_weibo_{name}"], abs=1e-4)

    _, (head, corpus, sentences, *scores, interval) = table_of(card, "Scores")
    assert (head, corpus, sentences) == ("weibo", "weibo", "40")
    low, high = map(float, interval.split(" to "))
    assert 0 <= low <= float(scores[2]) <= high <= 100 and low < high

    header, *rows = table_of(card, "Data")
    numbers = {(row[0], row[1]): dict(zip(header, row, strict=True)) for row in rows}
    assert set(numbers) == {
        ("weibo", "train"),
        ("weibo", "validation"),
        ("weibo", "test"),
        ("msra", "train"),
        ("msr", "train"),
    }
    assert numbers["msra", "train"]["sentences"] == "20"
    config = json.loads(card.split("```json\n")[1].split("\n```")[0])
    assert config["model"]["type"] == "adversarial" and "train_data_path" not in config
    # No path of this machine, and no text of a corpus.
    assert str(tiny_run.parent) not in card
    assert "fixtures" not in card


def test_a_folder_is_loaded_like_the_hub(tiny_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    assert publish(tiny_run / "model.tar.gz", str(target), Publication()) == str(target)
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "config.json",
        "model.tar.gz",
    ]
    answer = Predictor.from_path(target).predict_json(TEXT)
    assert answer == Predictor.from_path(tiny_run).predict_json(TEXT)
    # It can be published again from there, over itself.
    publish(target, str(target), Publication())
    assert Predictor.from_path(target).predict_json(TEXT) == answer


def test_an_archive_without_its_run_has_no_scores(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_run / "model.tar.gz", tmp_path / "model.tar.gz")
    publish(tmp_path / "model.tar.gz", str(tmp_path / "card"), Publication())
    card = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    assert "No test scores are known." in card and "model-index" not in front_matter(card)
    assert "not audited: the archive does not lie in the folder of its run" in card
    assert "license" not in front_matter(card)


def test_scores_of_a_run_whose_corpora_are_not_read(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run, ignore=shutil.ignore_patterns("checkpoints", "log"))
    main(["push", str(run), str(tmp_path / "one"), "--without-data"])
    assert "no licence: --license names one" in capsys.readouterr().out
    card = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((run / "metrics.json").read_text())
    _, row = table_of(card, "Scores")
    assert row[5] == f"{100 * metrics['test_weibo_f1']:.1f}" and row[6] == ""
    assert "not audited: they were left out" in card

    data = json.loads((run / "data.json").read_text())
    data["test_data_path.weibo"]["sha256"] = "0"
    (run / "data.json").write_text(json.dumps(data))
    publish(run, str(tmp_path / "two"), Publication())
    card = (tmp_path / "two" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"not audited: .*test \(test_data_path.weibo\) has changed since", card)


def test_a_card_of_people_is_kept(
    hub: Hub, tiny_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = str(tiny_run / "model.tar.gz")
    quick = Publication(with_data=False)
    publish(archive, "hf://org/model", quick)
    repo = hub.repos["org/model"]
    written = repo.commits[repo.branches["main"]]["README.md"]
    repo.commit({"README.md": written + b"added"})
    publish(archive, "hf://org/model", quick)
    assert repo.commits[repo.branches["main"]]["README.md"] == written

    repo.commit({"README.md": "我们的模型".encode()})
    publish(archive, "hf://org/model", quick)
    assert repo.commits[repo.branches["main"]]["README.md"].decode() == "我们的模型"
    assert "has a README.md of its own, which is kept" in caplog.text
    (tmp_path / "card.md").write_text("own", encoding="utf-8")
    publish(archive, "hf://org/model", Publication(card=str(tmp_path / "card.md")))
    assert repo.commits[repo.branches["main"]]["README.md"] == b"own"


def test_branches_and_private_repositories(
    hub: Hub, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = Publication(with_data=False, private=True)
    publish(tiny_run, "hf://org/model@next", how)
    repo = hub.repos["org/model"]
    assert repo.private and "model.tar.gz" in repo.commits[repo.branches["next"]]
    assert "model.tar.gz" not in repo.commits[repo.branches["main"]]
    assert "hf://org/model@next" in repo.commits[repo.branches["next"]]["README.md"].decode()
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="or it is private: then log in"):
        Predictor.from_path("hf://org/model@next")


def test_refused_pushes(
    hub: Hub, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, quick = tiny_run / "model.tar.gz", Publication(with_data=False)
    with pytest.raises(UserError, match="modelscope upload org/name FOLDER"):
        publish(archive, "modelscope://org/name", quick)
    with pytest.raises(UserError, match="expected hf://ORG/NAME or a folder"):
        publish(archive, "https://example.org/x", quick)
    with pytest.raises(UserError, match="is a file in a repository"):
        publish(archive, "hf://org/name/file", quick)
    with pytest.raises(UserError, match="is a file: expected"):
        publish(archive, str(archive), quick)
    with pytest.raises(UserError, match="--card: no such file"):
        publish(archive, str(tmp_path / "x"), Publication(card="none.md"))
    (tmp_path / "broken.tar.gz").write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(UserError, match="is not a valid archive"):
        publish(tmp_path / "broken.tar.gz", "hf://org/broken", quick)
    assert hub.repos == {}

    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    with pytest.raises(UserError, match="does not let you write .*hf auth login"):
        publish(archive, "hf://org/model", quick)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UserError, match="http://127.0.0.1:1 did not accept it .*unset HF_ENDPOINT"):
        publish(archive, "hf://org/model", quick)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        publish(archive, "hf://org/model", quick)
