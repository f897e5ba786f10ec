"""`allennlp rank-auxiliaries`."""

import json
from pathlib import Path

from tests.commands.conftest import Run
from tests.tiny import tiny_config, write_config


def study_of(folder: Path) -> Path:
    """Write a study of two arms and the configs that they name."""
    write_config(folder / "adv.json", tiny_config())
    write_config(folder / "more.json", tiny_config(trainer__num_epochs=4))
    arms = {"adv": {"config": "adv.json"}, "more": {"config": "more.json"}}
    study = {"target": "weibo", "baseline": "adv", "arms": arms}
    write_config(folder / "study.json", study)
    return folder / "study.json"


def test_a_ranking_is_printed_and_written(run: Run, tmp_path: Path) -> None:
    study_of(tmp_path)
    result = run("rank-auxiliaries", "study.json")
    assert result.status == 0, result.err
    assert "sources for weibo" in result.out and "msr (words)" in result.out
    assert "No LogME, H-score, proxy A-distance" in result.out
    content = json.loads(Path("studies/study/ranking.json").read_text("utf-8"))
    assert content["target"] == "weibo" and sorted(content["order"]) == ["msr", "msra"]
    assert "agreement" not in content
    # The study's own folder: compare accepts it, and so does a second ranking.
    assert run("rank-auxiliaries", "study.json").status == 0


def test_wrong_calls(run: Run, tmp_path: Path) -> None:
    study_of(tmp_path)
    result = run("rank-auxiliaries", "study.json", "--sentences", "1")
    assert result.status == 2 and "--sentences: expected 2 or more" in result.err
    result = run("rank-auxiliaries", "study.json", "-o", "{target: 'weib'}")
    assert result.status == 2 and 'Did you mean "weibo"?' in result.err
    result = run("rank-auxiliaries", "study.json", "--studies", "nothing")
    assert result.status == 2 and "nothing has no study.json" in result.err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    result = run("rank-auxiliaries", "study.json", "-s", "other")
    assert result.status == 2 and "is not the folder of a study" in result.err
