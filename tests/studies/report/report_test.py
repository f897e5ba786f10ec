"""Reports: every number is that of results.json, nothing from a network, everything escaped."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.studies.errors import TrainingSide, analyse
from ner_adv_plugin.studies.predictions import PredictedSentence, RunPredictions
from ner_adv_plugin.studies.report import write_errors, write_report
from ner_adv_plugin.studies.report.html import errors_page
from ner_adv_plugin.studies.report.numbers import interval, points
from ner_adv_plugin.studies.report.wording import unequal_updates
from ner_adv_plugin.studies.results_files import load_results
from ner_adv_plugin.studies.table import verdict_lines
from tests.studies.synthetic import BOTH_BUDGETS, finished_study, sentences

VOID = {"meta", "br", "hr", "img", "input", "link"}
EVIL = "<script>alert(1)</script>&\"'"


class Page(HTMLParser):
    """The tables of a page by class, in English; it fails if tags do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.text = ""
        self.scripts = 0
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._table = ""
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.scripts += tag == "script"
        self.ids += [str(given["id"])] if "id" in given else []
        self.addresses += [str(given[key]) for key in ("href", "src") if key in given]
        if tag not in VOID:
            self._open.append((tag, given))
        if tag == "table":
            self._table = str(given["class"])
            self.tables.setdefault(self._table, []).append([])
        elif tag == "tr":
            self.tables[self._table][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1][-1].append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [str(value) for key, value in attributes if key in ("href", "src")]
        self.ids += [str(value) for key, value in attributes if key == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if any(given.get("lang") == "zh" for _, given in self._open):
            return
        if self._open and self._open[-1][0] not in ("script", "style"):
            self.text += data
        if any(tag in ("td", "th") for tag, _ in self._open):
            self.tables[self._table][-1][-1][-1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes, two budgets, five seeds, one run failed."""
    path = tmp_path_factory.mktemp("study")
    results = finished_study(
        path,
        {"single": 0.4, "hard": 0.9, "asym": 0.42},
        sizes=(100, None),
        seeds=5,
        budgets=BOTH_BUDGETS,
        failed=[("asym", 4)],
    )
    write_report(results, path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text("utf-8"))


def expected_rows(family: dict[str, Any]) -> list[list[str]]:
    """The rows of the table of arms, from results.json."""
    rows = []
    for name, arm in family["arms"].items():
        seeds = [f"{100 * score:.2f}" for score in (*arm["f1"], arm["vote_f1"])]
        costs = [{"hard": "300", "asym": "105"}.get(name, "100"), "1.5"]
        if "difference" not in arm:
            rows.append(
                [name, f"{100 * arm['mean_f1']:.2f}", "", "baseline", "", "", *seeds, *costs]
            )
            continue
        low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in arm["interval"])
        p = arm["p_holm"]
        rows.append(
            [
                name,
                f"{100 * arm['mean_f1']:.2f}",
                f"{100 * arm['difference']:+.2f}".replace("-", "−"),
                arm["verdict"],
                f"[{low}, {high}]",
                "<0.001" if p < 0.001 else f"{p:.3f}",
                *seeds,
                *costs,
            ]
        )
    return rows


def test_table_of_arms(folder: Path, page: Page) -> None:
    families = load_results(folder)["families"]
    assert len(families) == len(page.tables["arms"]) == 4
    for family, table in zip(families, page.tables["arms"], strict=True):
        assert [[cell.strip() for cell in row] for row in table[1:]] == expected_rows(family)
        seeds = [f"seed {seed}" for seed in (1, 2, 3, 5)]
        assert table[0][6:] == [
            *seeds,
            "vote of all seeds",
            "updates of weibo",
            "CPU minutes",
        ]


def test_arms_that_train_on_the_target_more_often_are_named(folder: Path, page: Page) -> None:
    """The arm "asym" makes 105 updates in its two stages, close to the 100 of the baseline."""
    note = "single makes 100 updates, hard 300."
    for text in ((folder / "report.md").read_text("utf-8"), page.text):
        assert text.count(note) == 4
    assert "single 为 100 次，hard 300 次。" in (folder / "report.html").read_text("utf-8")
    results = load_results(folder)
    for family in results["families"]:
        family["arms"]["hard"]["target_updates"] = 109.0
        assert unequal_updates(family, results) is None


def test_table_of_statistics(folder: Path, page: Page) -> None:
    for family, table in zip(
        load_results(folder)["families"], page.tables["statistics"], strict=True
    ):
        compared = {name: arm for name, arm in family["arms"].items() if "difference" in arm}
        assert [row[0] for row in table[1:]] == list(compared)
        for row, arm in zip(table[1:], compared.values(), strict=True):
            numbers = [float(one.replace("−", "-")) for one in re.findall(r"[+−][\d.]+", row[1])]
            assert numbers == pytest.approx([100 * x for x in arm["seeds_interval"]], abs=0.005)
            keys = ("p_seeds", "p_sign_flip", "p_sentences", "p_both", "p_holm")
            for cell, key in zip(row[3:8], keys, strict=True):
                assert float(cell.replace("<", "")) == pytest.approx(arm[key], abs=0.001)
            assert float(row[8]) == pytest.approx(100 * arm["detectable"], abs=0.005)


def test_forest_plot_has_all_numbers(folder: Path) -> None:
    html = (folder / "report.html").read_text("utf-8")
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    for family in load_results(folder)["families"]:
        for arm in family["arms"].values():
            if "difference" in arm:
                shown = f"{points(arm['difference'], signed=True)} {interval(arm['interval'])}"
                assert drawn.count(shown) >= 2


def test_figures_are_files_of_their_own(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert names == ["curves-1.svg", "curves-2.svg", *(f"forest-{i}.svg" for i in range(1, 5))]
    for name in names:
        found = ElementTree.parse(folder / "figures" / name).getroot()
        assert found.tag == "{http://www.w3.org/2000/svg}svg"
        text = " ".join(found.itertext())
        used = set(re.findall(r"var\((--[\w-]+)\)", (folder / "figures" / name).read_text("utf-8")))
        assert used <= set(re.findall(r"(--[\w-]+): #", text))
        assert "hard" in text or name.startswith("curves")


def test_label_worth(folder: Path, page: Page) -> None:
    worths = load_results(folder)["label_worth"]
    for table, arms in zip(page.tables["worth"], worths.values(), strict=True):
        rows = iter(table[1:])
        for arm, found in arms.items():
            for worth in found:
                name, size, equivalent, _, _ = next(rows)
                assert (name, size) == (arm, f"{worth['size']:,}")
                if worth["equivalent"] == "inf":
                    assert equivalent == "more than 1,350"
                elif worth["equivalent"] == 0:
                    assert equivalent == "fewer than 100"
                else:
                    assert float(equivalent.replace(",", "")) == round(worth["equivalent"])


def test_what_a_reader_must_be_told(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "With 4 seeds the sign-flip p cannot go below 0.125." in text
    assert "4 of 60 runs did not finish" in text and "asym-100-epochs-seed4" in text
    assert "allennlp compare study.jsonnet -s folder" in text
    assert "60 sentences, 4 seeds" in text


def test_errors_are_those_of_the_largest_size(page: Page, folder: Path) -> None:
    for text in (page.text, (folder / "report.md").read_text("utf-8")):
        text = " ".join(text.split())
        assert "for 1,350 training sentences of the target, equal epochs over the target." in text
        assert "They are those of the largest size of the first budget only." in text


def test_tuned_values(page: Page, tmp_path: Path) -> None:
    assert "tuned" not in page.tables
    results = finished_study(tmp_path, {"single": 0.5, "hard": 0.9})
    study = json.loads((tmp_path / "study.json").read_text("utf-8"))
    best = {"number": 3, "value": 0.7, "metric": "+weibo_f1", "trials": 20}
    rate, kind = "trainer.optimizer.lr", "model.tower.type"
    study["tuned"] = {
        "single": {**best, "values": {rate: 0.01}, "importances": {}},
        "hard": {**best, "values": {rate: 0.02, kind: "lstm"}, "importances": {rate: 0.75}},
    }
    (tmp_path / "study.json").write_text(json.dumps(study), "utf-8")
    write_report(results, tmp_path)

    rows = [
        ["single", rate, "0.01", "20", "–"],
        ["hard", rate, "0.02", "20", "0.75"],
        ["hard", kind, '"lstm"', "20", "–"],
    ]
    (table,) = Page((tmp_path / "report.html").read_text("utf-8")).tables["tuned"]
    assert table[1:] == rows
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert all(f"| {' | '.join(row)} |" in markdown for row in rows)


def test_no_network(page: Page, folder: Path) -> None:
    html = (folder / "report.html").read_text("utf-8")
    assert "http:" not in html and "https:" not in html and "@import" not in html
    assert all(address.startswith("#") for address in page.addresses)
    assert "url(" not in html.replace("url(#", "")
    assert len(set(page.ids)) == len(page.ids)


def test_markdown_and_latex_have_the_same_numbers(folder: Path) -> None:
    markdown = (folder / "report.md").read_text("utf-8")
    latex = (folder / "results.tex").read_text("utf-8")
    for family in load_results(folder)["families"]:
        for row in expected_rows(family):
            assert f"| {' | '.join(row)} |" in markdown
            assert row[1] in latex and row[2].replace("−", "$-$") in latex
    assert latex.count(r"\midrule") == 4 and latex.count("{") == latex.count("}")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, config values and the command hold markup."""
    path = tmp_path_factory.mktemp("evil")
    of = [
        PredictedSentence(one.text + EVIL, one.gold | {(0, 4, EVIL)}, {}) for one in sentences(30)
    ]
    configs = {"single": {"a": "<b>|x"}, "hard": {"a": EVIL, EVIL: [1, None]}}
    results = finished_study(
        path, {"single": 0.5, "hard": 0.9}, of=of, configs=configs, command=f"allennlp {EVIL}"
    )
    write_report(results, path)
    return path


def test_everything_is_escaped(evil: Path) -> None:
    html = (evil / "report.html").read_text("utf-8")
    page = Page(html)
    assert page.scripts == 1 and html.count("alert(1)</script>") == 0
    assert EVIL in page.text
    markdown = (evil / "report.md").read_text("utf-8")
    outside_code = "\n".join(line for line in markdown.splitlines() if not line.startswith("    "))
    assert "<script>" not in outside_code


def test_config_changes_in_the_page(evil: Path) -> None:
    (table,) = Page((evil / "report.html").read_text("utf-8")).tables["configs"]
    assert ["a", '"<b>|x"', json.dumps(EVIL)] in table
    assert [EVIL, "–", "[1, null]"] in table


def test_one_seed_and_undefined(tmp_path: Path) -> None:
    results = finished_study(tmp_path, {"single": 0.5, "hard": 0.9}, seeds=1)
    write_report(results, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.tables["arms"][0][2][3:6] == ["undecided", "[−∞, ∞]", "1.000"]
    assert "One seed says nothing about other seeds" in page.text
    assert page.tables["statistics"][0][1][-1] == "unknown"


def test_without_a_test_set(tmp_path: Path) -> None:
    results = finished_study(tmp_path, {"single": 0.5, "hard": 0.9}, splits=["validation"])
    write_report(results, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    header, *runs = page.tables["runs"][0]
    assert [run[header.index("validation_f1")] for run in runs] == ["0.500000"] * 6
    assert [run[header.index("test_f1")] for run in runs] == [""] * 6
    assert "validation" in (tmp_path / "report.md").read_text("utf-8")


def test_an_arm_that_leaks(tmp_path: Path) -> None:
    skills = {"single": 0.4, "hard": 0.9, "leaked": 0.95}
    honest = finished_study(tmp_path / "honest", {**skills, "leaked": 0.4}, sizes=[100, None])
    results = finished_study(tmp_path, skills, sizes=[100, None], leaking=["leaked"])
    write_report(results, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert "hard helped; leaked trained on sentences by which it is scored." in page.text
    rows = [row for table in page.tables["arms"] for row in table]
    assert [row[3] for row in rows if row[0] == "leaked"] == ["leaked"] * 2
    for name in ("report.md", "results.tex"):
        assert "leaked" in (tmp_path / name).read_text("utf-8")
    assert list(results.label_worths["epochs"]) == ["hard"]
    assert any(
        line.endswith("(trained on sentences by which it is scored)")
        for line in verdict_lines(results)
    )

    # The other arm is corrected as if it were the only one.
    for family, whole in zip(results.families, honest.families, strict=True):
        hard = family.comparisons["hard"]
        assert hard.p_holm == hard.p
        assert whole.comparisons["hard"].p_holm > whole.comparisons["hard"].p


def test_errors_without_a_study(tmp_path: Path) -> None:
    gold = PredictedSentence("老朱在开封<i>", frozenset({(0, 2, "PER")}), {})
    a = RunPredictions([PredictedSentence(gold.text, gold.gold, {(0, 2, "PER"): 0.9})])
    b = RunPredictions([PredictedSentence(gold.text, gold.gold, {})])
    analysis = analyse([a], [b], TrainingSide([frozenset()], frozenset()))

    page = Page(errors_page(analysis, "<a>", "b"))
    assert page.tables["classes"][0][0] == ["class", "<a>", "b", "change"]
    assert page.tables["classes"][0][1] == ["correct", "1", "0", "−1"]
    for ending in (".html", ".md", ".json"):
        write_errors(analysis, "<a>", "b", tmp_path / f"errors{ending}")
    found = json.loads((tmp_path / "errors.json").read_text("utf-8"))
    assert found["overall"]["b"]["precision"] is None
    assert found["only_a"][0]["entity"] == [0, 2, "PER"]
    with pytest.raises(UserError, match=r"\.html, \.md, \.json"):
        write_errors(analysis, "a", "b", tmp_path / "errors.pdf")
