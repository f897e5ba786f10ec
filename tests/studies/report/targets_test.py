"""The report of several targets: the matrix has the numbers of results.json."""

from pathlib import Path

import pytest

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.studies.matrix import transfer_matrices
from ner_adv_plugin.studies.report import write_targets_report
from ner_adv_plugin.studies.report.numbers import interval, points
from ner_adv_plugin.studies.results import StudyResults
from tests.studies.report.report_test import Page
from tests.studies.synthetic import finished_study

SKILLS = {
    "weibo": {"weibo_alone": 0.4, "msra": 0.9, "people_daily": 0.42},
    "cluener": {"cluener_alone": 0.8, "msra": 0.2, "weibo_corpus": 0.8},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("targets")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, StudyResults]:
    """Two targets with five seeds and two sizes; one run has failed."""
    found = {
        target: finished_study(
            folder / target,
            skills,
            sizes=(100, None),
            seeds=5,
            failed=[("msra", 2)] if target == "weibo" else [],
        )
        for target, skills in SKILLS.items()
    }
    write_json(folder / "study.json", {"command": "allennlp compare <study>.jsonnet"})
    write_targets_report(found, folder)
    return found


def test_matrix(folder: Path, results: dict[str, StudyResults]) -> None:
    html = (folder / "report.html").read_text("utf-8")
    page = Page(html)
    drawn = html[html.index("<svg") : html.rindex("</svg>")]
    markdown = (folder / "report.md").read_text("utf-8")
    assert len(page.tables["matrix"]) == 2
    verdicts = set()
    for index, table in enumerate(page.tables["matrix"]):
        assert table[0] == ["target", "baseline", "msra", "people_daily", "weibo_corpus"]
        for row in table[1:]:
            target, (baseline, *_) = row[0], SKILLS[row[0]]
            arms = results[target].as_json()["families"][index]["arms"]
            assert row[1] == f"{points(arms[baseline]['mean_f1'])} {baseline}"
            for name, cell in zip(table[0][2:], row[2:], strict=True):
                if name not in arms:
                    assert cell == "–"
                    continue
                difference = points(arms[name]["difference"], signed=True)
                verdict, ends = arms[name]["verdict"], interval(arms[name]["interval"])
                verdicts.add(verdict)
                assert cell == f"{difference} {verdict} {ends}"
                assert f"{difference} {verdict} {ends}" in markdown
                sign = {"helped": "▲", "hurt": "▼", "undecided": "○"}[verdict]
                # In the wide and the narrow plot.
                assert drawn.count(f"{sign} {difference}<") >= 2
                assert drawn.count(ends) >= 2
    assert {"helped", "undecided"} <= verdicts


def test_what_a_reader_must_be_told(folder: Path, results: dict[str, StudyResults]) -> None:
    page = Page((folder / "report.html").read_text("utf-8"))
    text = " ".join(page.text.split())
    assert page.scripts == 1
    assert "weibo: Compared with weibo_alone, msra helped" in text
    assert "cluener: Compared with cluener_alone," in text
    assert "2 of 30 runs did not finish: msra-100-epochs-seed2" in text
    assert "allennlp compare <study>.jsonnet" in text
    assert set(page.addresses) == {"weibo/report.html", "cluener/report.html"}


def test_a_target_without_a_comparison(tmp_path: Path, results: dict[str, StudyResults]) -> None:
    failed = [("msra", seed) for seed in (1, 2, 3)]
    lacking = finished_study(tmp_path / "weibo", {"alone": 0.4, "msra": 0.9}, failed=failed)
    write_json(tmp_path / "study.json", {"command": "allennlp compare"})
    write_targets_report({"weibo": lacking, "cluener": results["cluener"]}, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert "weibo: No two arms finished" in " ".join(page.text.split())
    assert set(page.addresses) == {"cluener/report.html"}
    assert [row[0] for row in page.tables["matrix"][0]] == ["target", "cluener"]


def test_arms_line_up_whatever_their_order() -> None:
    def study(baseline: str, *names: str) -> dict[str, object]:
        arm = {"mean_f1": 0.5, "f1": [0.5]}
        compared = {"difference": 0.1, "interval": [0, 1], "p_holm": 1.0, "verdict": "undecided"}
        arms = {baseline: arm, **{name: arm | compared for name in names}}
        return {
            "baseline": baseline,
            "families": [{"budget": "epochs", "size": None, "arms": arms}],
        }

    (found,) = transfer_matrices({"a": study("x", "y", "z"), "b": study("y", "z", "x")})
    assert found["arms"] == ["y", "z", "x"]
    assert [cell is None for cell in found["rows"]["a"]["cells"].values()] == [False, False, True]
    assert [cell is None for cell in found["rows"]["b"]["cells"].values()] == [True, False, False]
