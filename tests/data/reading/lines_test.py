import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading import lines as lines_module
from ner_adv_plugin.data.reading.lines import blocks, read_lines

HINT = "(set encoding, or encoding_errors for a few damaged lines)"
FRAGMENTS = [b"\xff", b"\xe7\x94", b"\xed\xa0\xbd", "甲".encode(), b"a", b"\n", b"\r\n"]


def written(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "corpus"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\nb\r\n\r\nc", ["a", "b", "", "c"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfa\n", ["\ufeffa"]),
        (
            "\u2028\n\x85\n\x0b\x0c\x1c \t\u3000\n".encode(),
            ["\u2028", "\x85", "\x0b\x0c\x1c \t\u3000"],
        ),
        (b"a\rb\n", ["a\rb"]),
    ],
)
def test_lines(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    assert read_lines(written(tmp_path, data)) == lines


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf8(tmp_path: Path, mark: bytes) -> None:
    path = written(tmp_path, mark + "甲\r\n乙".encode() + b"\xff\n")
    with pytest.raises(DataError) as error:
        read_lines(path)
    assert str(error.value) == f"{path}:2: found b'\\xff', expected UTF-8 text {HINT}"


@pytest.mark.parametrize("errors", ["replace", "ignore", "backslashreplace", "surrogateescape"])
@given(data=st.lists(st.sampled_from(FRAGMENTS)).map(b"".join))
def test_error_handlers_equal_those_of_python(
    tmp_path_factory: pytest.TempPathFactory, errors: str, data: bytes
) -> None:
    expected = re.split("\r?\n", data.decode("utf-8", errors))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "report_undecodable", lambda *_: None)
        found = read_lines(written(tmp_path_factory.getbasetemp(), data), errors)
    assert found == expected[: None if expected[-1] else -1]


def test_undecodable_lines_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, "甲\n乙".encode() + b"\xff\xff\n\n\xe7\n" + "丙\n".encode())
    assert read_lines(path, "ignore") == ["甲", "乙", "", "", "丙"]
    assert caplog.messages == [
        f"{path}: 2 damaged lines (not in UTF-8) decoded with "
        'encoding_errors "ignore", the first on line 2'
    ]
    caplog.clear()
    assert read_lines(written(tmp_path, "甲\ufffd".encode()), "replace") == ["甲\ufffd"]
    assert caplog.messages == []


def test_blocks() -> None:
    assert list(blocks("\na\nb\n\n\nc\n\n")) == [(2, ["a", "b"]), (6, ["c"])]
    assert list(blocks("a")) == list(blocks("a\n")) == [(1, ["a"])]
    assert list(blocks("\n\n")) == list(blocks("")) == []


@given(st.text("ab\n"))
def test_blocks_are_the_lines_that_are_not_empty(text: str) -> None:
    found = list(blocks(text))
    numbered = [(number + i, line) for number, lines in found for i, line in enumerate(lines)]
    assert numbered == [
        (number, line) for number, line in enumerate(text.split("\n"), start=1) if line
    ]
    gaps = [
        (before + len(lines), after)
        for (before, lines), (after, _) in zip(found, found[1:], strict=False)
    ]
    assert all(end < start for end, start in gaps)
