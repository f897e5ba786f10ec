"""The live table without a terminal."""

from pathlib import Path

import pytest

from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.studies import table
from ner_adv_plugin.studies.engine import StudyRun
from ner_adv_plugin.studies.study import Arm, PlannedStudyRun, Study
from tests.tiny import tiny_config


def test_a_line_is_printed_if_something_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(table.time, "monotonic", lambda: now)
    config = tiny_config()
    study = Study(arms={"a": Arm(), "b": Arm()}, baseline="a", target="weibo")
    runs = []
    for arm in study.arms:
        (tmp_path / arm).mkdir()
        planned = PlannedStudyRun(arm, None, 1, "epochs", config)
        runs.append(StudyRun(planned, tmp_path / arm))
    live = table.LiveTable(study, dict.fromkeys(study.arms, checked_job(config)))

    def lines() -> list[str]:
        live.show(runs)
        return capsys.readouterr().err.splitlines()

    assert lines() == ["0 of 2 runs done"]
    now += 31
    assert lines() == []
    (tmp_path / "a" / "failed.json").touch()
    now += 31
    assert lines() == []
    (tmp_path / "a" / "result.json").write_text("{}", "utf-8")
    assert lines() == ["1 of 2 runs done, about 1 min left"]
    (tmp_path / "b" / "result.json").write_text("{}", "utf-8")
    # Not twice within the interval.
    assert lines() == []
    now += 31
    assert lines() == ["2 of 2 runs done"]
