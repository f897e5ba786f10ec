"""Predictor base class: loading archives and reading lines."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError
from ner_adv_plugin.inference import Predictor, Tagger
from ner_adv_plugin.models.sharing_model import SharingModel


@pytest.fixture(scope="module")
def predictor(tiny_run: Path) -> Predictor:
    return Predictor.from_path(tiny_run)


def test_from_path_uses_the_target_head(tiny_run: Path) -> None:
    predictor = Predictor.from_path(tiny_run / "model.tar.gz")
    assert isinstance(predictor, Tagger) and predictor.head == "weibo"
    assert set(predictor.predict_json({"sentence": "魏勇"})) == {"sentence", "tags", "entities"}


def test_from_path_loads_only_what_its_head_needs(tiny_run: Path) -> None:
    predictor = Predictor.from_path(tiny_run, "tagger", head="msr")
    model = predictor.archive.model
    assert isinstance(model, SharingModel)
    assert (predictor.head, set(model.heads)) == ("msr", {"msr"})
    assert set(predictor.predict_json({"sentence": "魏勇"})) == {"sentence", "tags", "words"}


def test_an_unknown_predictor_or_head_is_an_error(tiny_run: Path) -> None:
    with pytest.raises(
        ConfigurationError, match='"tager" is not a registered Predictor. Did you mean "tagger"'
    ):
        Predictor.from_path(tiny_run, "tager")
    with pytest.raises(UserError, match='no head "wiebo"'):
        Predictor.from_path(tiny_run, head="wiebo")


def test_lines_are_read_unchanged(predictor: Predictor, tmp_path: Path) -> None:
    texts = ["魏勇", "", " a\u2028b\x85 ", "\ud83d", "行\n行\r", "\x00"]
    lines = [
        json.dumps({"sentence": text, "id": 1}, ensure_ascii="\ud83d" in text) for text in texts
    ]
    for name, content in (
        ("plain", "\n".join(lines) + "\n"),
        ("crlf", "\r\n".join(lines) + "\r\n"),
        ("unfinished", "\n".join(lines)),
        ("marked", "\ufeff" + "\n".join(lines)),
        ("blank lines", "\n".join(lines) + "\n\n \n"),
    ):
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8"))
        found = [getattr(line.instance, "text", None) for line in predictor.read_lines(path)]
        # A blank line is an empty text.
        assert found == texts + (["", ""] if name == "blank lines" else []), name


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "魏勇",
        "[]",
        '"魏勇"',
        "{}",
        '{"sentence": 3}',
        "null",
        pytest.param(100_000 * "[", id="deep"),
    ],
)
def test_an_invalid_line_is_an_error_with_its_number(
    predictor: Predictor, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"sentence": "a"}\n\n' + line + '\n{"sentence": "b"}\n', encoding="utf-8")
    answers = predictor.predict_file(path)
    assert [next(answers)["sentence"], next(answers)["sentence"]] == ["a", ""]
    with pytest.raises(DataError) as caught:
        next(answers)
    assert str(caught.value).startswith(f"{path}:3: found {line!r:.50}")


@pytest.mark.parametrize("content", [None, b'{"sentence": "\xff"}\n'])
def test_a_file_that_cannot_be_read_is_an_error(
    predictor: Predictor, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "in.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="in.jsonl"):
        list(predictor.predict_file(path))


def lines_of(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode("utf-8"))
    return path


def test_other_keys_are_repeated_after_those_of_the_prediction(predictor: Predictor) -> None:
    keys = {"id": 7, "source": {"page": [1, None]}, "文": "b"}
    plain = predictor.predict_json({"sentence": "魏勇在深圳"})
    answer = predictor.predict_json({"id": 7, "sentence": "魏勇在深圳", **keys})
    assert answer == {**plain, **keys}
    assert list(answer) == [*plain, *keys]


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"sentence": "魏勇", "text": "深圳"}, "魏勇"),
        ({"text": "深圳"}, "深圳"),
        ({"text": "", "sentence": ""}, ""),
    ],
)
def test_the_key_of_the_text(predictor: Predictor, inputs: dict[str, str], text: str) -> None:
    answer = predictor.predict_json(inputs)
    assert answer["sentence"] == text
    assert ("text" in answer) == ("sentence" in inputs and "text" in inputs)


def test_a_chosen_key_of_the_text(tiny_run: Path, tmp_path: Path) -> None:
    archive = Predictor.from_path(tiny_run).archive
    chosen = Tagger(archive, text_key="content")
    assert (
        chosen.predict_json({"content": "魏勇", "text": "b"}).items()
        >= {
            "sentence": "魏勇",
            "text": "b",
        }.items()
    )
    with pytest.raises(ValueError, match='no key "content", its keys: "sentence", "id"'):
        chosen.predict_json({"sentence": "魏勇", "id": 1})
    (answer,) = chosen.predict_file(lines_of(tmp_path / "in.txt", "魏勇"))
    assert answer["sentence"] == "魏勇" and "content" not in answer


def test_keys_in_conflict_are_warned_of_once(
    tiny_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = Predictor.from_path(tiny_run)
    inputs = {"sentence": "魏勇在深圳", "entities": "mine", "tags": 3, "id": 1}
    expected = predictor.predict_json({"sentence": "魏勇在深圳", "id": 1})
    assert predictor.predict_batch_json([inputs, inputs]) == [expected, expected]
    assert predictor.predict_json(inputs) == expected
    assert caplog.messages == [
        f'answers have a "{key}" of their own, which replaces that of inputs'
        for key in ("entities", "tags")
    ]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, 'no key "sentence" or "text" .*its keys: none'),
        ({"content": "a", "id": 1}, 'its keys: "content", "id"$'),
        ({"a\nb\u2028": "a"}, r'its keys: "a\\nb\\u2028"$'),
        ({"sentence": 3}, '"sentence" is not a string'),
        ({"text": None}, '"text" is not a string'),
        ([], "expected an object with"),
    ],
)
def test_invalid_inputs(predictor: Predictor, inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predictor.predict_json(inputs)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_plain_text(predictor: Predictor, tmp_path: Path, end: str, mark: str) -> None:
    texts = ["魏勇在深圳", "", "  ", '{"sentence": "a"}', " a\u2028b\x85 ", "[1]", ""]
    path = lines_of(tmp_path / "in.TXT", mark + texts[0], *texts[1:], end=end)
    expected = predictor.predict_batch_json([{"sentence": text} for text in texts])
    assert [answer["sentence"] for answer in expected] == texts
    assert list(predictor.predict_file(path)) == expected


def test_json_lines_in_a_text_file(predictor: Predictor, tmp_path: Path) -> None:
    path = lines_of(tmp_path / "in.txt", "", '{"sentence": "魏勇", "id": 3}', '{"text": "a"}')
    answers = list(predictor.predict_file(path))
    assert [(answer["sentence"], answer.get("id")) for answer in answers] == [
        ("", None),
        ("魏勇", 3),
        ("a", None),
    ]


@pytest.mark.parametrize("text", ['[{"sentence": "a"}]', '\n[\n {"sentence": "a"}\n]\n', "[]"])
@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_a_json_array_is_refused(
    predictor: Predictor, tmp_path: Path, text: str, on_error: Any
) -> None:
    path = tmp_path / "in.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"looks like a JSON array: `jq -c '.\[\]' FILE`"):
        next(predictor.predict_file(path, on_error))


def test_plain_text_under_another_name_is_named(predictor: Predictor, tmp_path: Path) -> None:
    path = lines_of(tmp_path / "in.jsonl", "魏勇在深圳")
    with pytest.raises(DataError, match="in.jsonl:1: .*Is it plain text"):
        list(predictor.predict_file(path))


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
@pytest.mark.parametrize("name", ["in.txt", "in.jsonl"])
def test_files_without_text(predictor: Predictor, tmp_path: Path, content: str, name: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    answers = list(predictor.predict_file(tmp_path / name))
    # A byte order mark alone is one line.
    assert [answer["sentence"] for answer in answers] == [""] * bool(content)


def test_lines_before_an_invalid_one_are_answered(predictor: Predictor, tmp_path: Path) -> None:
    path = lines_of(tmp_path / "in.jsonl", '{"text": "a"}', '{"text": "b"}', "{", '{"text": "c"}')
    answers = predictor.predict_file(path)
    assert [next(answers)["sentence"] for _ in range(2)] == ["a", "b"]
    with pytest.raises(DataError, match="in.jsonl:3: found '{'"):
        next(answers)


def test_invalid_lines_are_skipped(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "in.jsonl"
    lines = [b'{"text": "a", "id": 1}', b"{", b'{"id": 3, "line": 0}', b"\xff", b'{"text": "b"}']
    path.write_bytes(b"\n".join(lines))
    with caplog.at_level(logging.WARNING):
        answers = list(predictor.predict_file(path, "skip"))
    assert [answer.get("sentence") for answer in answers] == ["a", None, None, None, "b"]
    assert [answer.get("id") for answer in answers] == [1, None, 3, None, None]
    for number in (2, 3, 4):
        answer = answers[number - 1]
        assert answer["line"] == number and answer["error"].startswith(f"{path}:{number}: found ")
    assert caplog.messages == [
        f'{path}: 3 of 5 lines have no answer but an "error", the first is line 2'
    ]


LINES = st.one_of(
    st.just(""),
    st.just(" "),
    st.sampled_from(["{", "null", "3", '"a"', "{}", '{"sentence": 1}', '{"id": 5}', "a\x00"]),
    st.builds(
        lambda key, text, others: json.dumps({**others, key: text}),
        st.sampled_from(["sentence", "text"]),
        st.text(alphabet="魏勇在深圳 a\u2028\ud83d", max_size=6),
        st.dictionaries(st.sampled_from(["id", "tags", "error"]), st.integers(), max_size=2),
    ),
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_every_line_has_one_answer_or_error(
    predictor: Predictor, tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str
) -> None:
    path = lines_of(tmp_path_factory.mktemp("lines") / "in", *lines, end=end)
    answers = list(predictor.predict_file(path, "skip"))
    assert len(answers) == len(lines)
    for number, (line, answer) in enumerate(zip(lines, answers, strict=True), 1):
        try:
            value = json.loads(line) if line.strip() else {"sentence": ""}
        except ValueError:
            value = None
        text = value.get("sentence", value.get("text")) if isinstance(value, dict) else None
        if isinstance(text, str):
            assert answer["sentence"] == text and len(answer["tags"]) == len(text)
            assert answer.get("id") == value.get("id")
        else:
            assert answer["line"] == number and "sentence" not in answer


@pytest.mark.parametrize("depth", [*range(900, 1000, 7), 3000])
def test_nested_values_are_repeated_or_refused(
    predictor: Predictor, tmp_path: Path, depth: int
) -> None:
    nested = "[" * depth + "]" * depth
    path = lines_of(tmp_path / "in.jsonl", '{"text": "a", "b": ' + nested + "}")
    (answer,) = predictor.predict_file(path, "skip")
    assert "error" in answer or json.dumps(answer["b"]) == nested
