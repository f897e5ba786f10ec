"""The page in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.inference import Predictor
from tests.server.process import Server, server_of

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]

TEXT = "😀魏勇在深圳大学，韦乐在上海。"


@pytest.fixture(scope="module")
def server(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server_of(tiny_run, tmp_path_factory.mktemp("page") / "log") as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    context = browser.new_context(
        locale="en-GB", permissions=["clipboard-read", "clipboard-write"], accept_downloads=True
    )
    page = context.new_page()
    page.requested, page.faults = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.faults.append(line.text))
    page.goto(server.url)
    sync_api.expect(page.locator("#head option")).to_have_count(3)
    yield page
    assert page.faults == []
    # Nothing is loaded from elsewhere.
    assert [
        url for url in page.requested if not url.startswith((server.url, "data:", "blob:"))
    ] == []
    context.close()


def ask(page: Any, text: str = TEXT, head: str = "weibo") -> None:
    page.fill("#input", text)
    page.select_option("#head", head)
    page.click("#tag")
    page.wait_for_selector("#tag:enabled")


def copied(page: Any) -> list[dict[str, Any]]:
    page.click("#copy")
    sync_api.expect(page.locator("#message")).to_have_text("Copied.")
    results: list[dict[str, Any]] = json.loads(page.evaluate("navigator.clipboard.readText()"))[
        "results"
    ]
    return results


def labels(page: Any) -> list[list[Any]]:
    (result,) = copied(page)
    return [[span["start"], span["end"], span["type"]] for span in result["entities"]]


def select(page: Any, start: int, end: int) -> None:
    """Select characters of the only text by the keyboard."""
    page.focus(".text")
    page.keyboard.press("Control+Home")
    for _ in range(start):
        page.keyboard.press("ArrowRight")
    for _ in range(end - start):
        page.keyboard.press("Shift+ArrowRight")


def clear(page: Any) -> None:
    """Remove all entities of the only text."""
    while page.locator("mark").count():
        page.locator("mark").first.focus()
        page.keyboard.press("Delete")


def test_entities_are_those_of_the_predictor(page: Any, tiny_run: Path) -> None:
    ask(page)
    expected = Predictor.from_path(tiny_run).predict_json({"sentence": TEXT})["entities"]
    (result,) = copied(page)
    assert result["text"] == TEXT
    assert [{**entity, "score": None} for entity in result["entities"]] == [
        {**entity, "score": None} for entity in expected
    ]
    assert page.inner_text(".text") == TEXT
    for mark, entity in zip(page.locator("mark").all(), expected, strict=True):
        assert mark.text_content() == entity["text"]
        assert mark.get_attribute(
            "data-tip"
        ) == f"{entity['type']} · {entity['score']:.1%}".replace("%", " %")


def test_scores_are_shown_on_hover(page: Any) -> None:
    ask(page)
    first = page.locator("mark").first
    shown = "(e) => getComputedStyle(e, '::before').content"
    assert first.evaluate(shown) == "none"
    first.hover()
    assert " %" in first.evaluate(shown)


def test_words_of_a_segmentation_head(page: Any) -> None:
    ask(page, head="msr")
    assert "".join(page.locator("mark").all_text_contents()) == TEXT
    assert not page.is_visible("#download")
    assert "".join(word["text"] for word in copied(page)[0]["words"]) == TEXT


def test_correction_by_keyboard_and_download(page: Any) -> None:
    ask(page)
    clear(page)
    assert labels(page) == []
    # The first character is an emoji, two units of JavaScript.
    select(page, 1, 3)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#menu') !== null")
    page.keyboard.press("7")
    assert labels(page) == [[1, 3, "PER.NAM"]]

    page.locator("mark").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("8")
    assert labels(page) == [[1, 3, "PER.NOM"]]
    select(page, 2, 6)
    page.keyboard.press("Enter")
    page.fill("#other", "NEW")
    page.keyboard.press("Enter")
    # It replaces the entity that it overlaps.
    assert labels(page) == [[2, 6, "NEW"]]
    page.keyboard.press("Control+z")
    assert labels(page) == [[1, 3, "PER.NOM"]]

    # Typing does not change the text.
    select(page, 4, 6)
    page.keyboard.type("abc")
    page.keyboard.press("Backspace")
    assert page.inner_text(".text") == TEXT
    with page.expect_download() as download:
        page.click("#download")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"text": TEXT, "label": [[1, 3, "PER.NOM"]]}]


def test_correction_by_mouse(page: Any) -> None:
    ask(page)
    clear(page)
    box = page.evaluate(
        """() => {
          const range = document.createRange(), node = document.querySelector('.text').firstChild;
          range.setStart(node, 2);
          range.setEnd(node, 4);
          const {left, right, top, height} = range.getBoundingClientRect();
          return {left, right, middle: top + height / 2};
        }"""
    )
    page.mouse.move(box["left"] + 1, box["middle"])
    page.mouse.down()
    page.mouse.move(box["right"] - 1, box["middle"], steps=4)
    page.mouse.up()
    page.click("#types button:has-text('PER.NAM')")
    assert labels(page) == [[1, 3, "PER.NAM"]]
    page.click("mark")
    page.click("#remove")
    assert labels(page) == []
    page.click("#undo")
    assert labels(page) == [[1, 3, "PER.NAM"]]
    page.click("mark")
    # It opens after the click, when the browser has set the selection.
    page.locator("#menu").wait_for()
    page.keyboard.press("Escape")
    assert not page.is_visible("#menu")


def test_each_line_is_a_text(page: Any) -> None:
    page.check("#lines")
    ask(page, "魏勇在深圳\n\n韦乐在上海\n")
    assert [result["text"] for result in copied(page)] == ["魏勇在深圳", "韦乐在上海"]
    assert page.locator(".text").count() == 2


def test_nested_and_crossing_entities_are_drawn(page: Any) -> None:
    ask(page, "深圳大学医院")
    page.evaluate(
        """() => {
          source.overlapping = true;
          shown = [{chars: Array.from('深圳大学医院'), spans: [
            {start: 0, end: 4, type: 'A', score: .5}, {start: 0, end: 2, type: 'B', score: .5},
            {start: 3, end: 6, type: 'C', score: .5}]}];
          draw();
        }"""
    )
    assert page.inner_text(".text") == "深圳大学医院"
    drawn = page.eval_on_selector_all(
        "mark", "all => all.map((e) => [e.dataset.type, e.textContent])"
    )
    # The one that crosses is drawn in two parts.
    assert drawn == [["A", "深圳大学"], ["B", "深圳"], ["C", "学"], ["C", "医院"]]


def test_language_and_theme_are_kept(page: Any, server: Server) -> None:
    assert page.inner_text("h1") == "Entities in text"
    page.click("#language")
    assert page.inner_text("h1") == "文本中的实体" and page.get_attribute("html", "lang") == "zh-CN"
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after
    page.reload()
    assert page.inner_text("h1") == "文本中的实体"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_errors_are_shown_where_they_are(page: Any) -> None:
    ask(page, " ")
    assert page.inner_text("#message") == "There is no text."
    page.evaluate("models[0].name = 'tyni'; document.querySelector('#model option').value = 'tyni'")
    page.faults.clear()
    ask(page)
    assert (
        page.inner_text("#message") == 'model: no model "tyni". Did you mean "tiny"? Known: tiny.'
    )
    # The browser notes the status 422 itself.
    page.faults.clear()


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    ask(page, TEXT + "a" * 300)
    page.locator("mark").first.click()
    page.locator("#menu").wait_for(state="visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#menu").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_everything_can_be_reached_by_tab(page: Any) -> None:
    ask(page)
    page.focus("#language")
    reached = []
    for _ in range(40):
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.className")
        )
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
    wanted = ["language", "theme", "input", "head", "lines", "tag", "copy", "download", "text"]
    assert [name for name in reached if name in wanted] == wanted


def test_the_token_is_asked_for(browser: Any, tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    flags = ("--token-file", str(tmp_path / "token"))
    with server_of(tiny_run, tmp_path / "log", *flags) as server:
        page = browser.new_page(locale="zh-CN")
        page.goto(server.url)
        page.wait_for_selector("#token-form:visible")
        assert page.inner_text("#message") == "服务器需要令牌。"
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        sync_api.expect(page.locator("#head option")).to_have_count(3)
        page.wait_for_selector("#token-form", state="hidden")
        page.fill("#input", TEXT)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".text")
        page.close()
