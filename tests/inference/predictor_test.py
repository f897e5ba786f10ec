"""Predictor base class: loading archives and reading lines."""

import json
from pathlib import Path

import pytest

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
        assert [instance.text for instance in predictor.read_json_lines(path)] == texts, name


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
    instances = predictor.read_json_lines(path)
    assert next(instances).text == "a"
    with pytest.raises(DataError) as caught:
        next(instances)
    assert str(caught.value).startswith(f"{path}:3: found {line!r:.50}")


@pytest.mark.parametrize("content", [None, b'{"sentence": "\xff"}\n'])
def test_a_file_that_cannot_be_read_is_an_error(
    predictor: Predictor, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "in.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="in.jsonl"):
        list(predictor.read_json_lines(path))
