from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.dataset_readers.lines import blocks, read_lines


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
        ("\u2028\n\x85\n\x0b\x0c\x1c \t\u3000\n".encode(), ["\u2028", "\x85", "\x0b\x0c\x1c \t\u3000"]),
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
    assert str(error.value) == f"{path}:2: found b'\\xff', expected UTF-8 text"


def test_blocks() -> None:
    assert list(blocks(["", "a", "b", "", "", "c", ""])) == [(2, ["a", "b"]), (6, ["c"])]
    assert list(blocks(["a"])) == [(1, ["a"])]
    assert list(blocks(["", ""])) == list(blocks([])) == []
