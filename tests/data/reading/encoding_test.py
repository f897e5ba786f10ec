"""Files in other encodings than UTF-8, and damaged files."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import (
    ConllReader,
    DatasetReader,
    PfrReader,
    SighanCwsReader,
    SpanJsonReader,
    UnlabelledReader,
)
from ner_adv_plugin.data.reading.text_encoding import likely_encoding, resolve

SIMPLIFIED = "国家主席江泽民昨天在北京人民大会堂会见了来访的客人，双方进行了友好的谈话。"
TRADITIONAL = "總統府發言人昨天在臺北市表示，這個問題還需要進一步討論，請大家等待說明。"
ENCODINGS = [
    ("gb18030", "gb18030", SIMPLIFIED),
    ("gbk", "gb18030", SIMPLIFIED),
    ("gb2312", "gb18030", SIMPLIFIED),
    ("big5", "big5", TRADITIONAL),
    ("utf-16", "utf-16", SIMPLIFIED),
    ("utf-16-le", "utf-16-le", SIMPLIFIED),
    ("utf-16-be", "utf-16-be", TRADITIONAL),
]


def columns(text: str, times: int = 10) -> str:
    """Return sentences with an entity of the 7th to the 9th character."""
    tags = {6: "B-PER", 7: "I-PER", 8: "I-PER"}
    lines = [f"{character}\t{tags.get(i, 'O')}" for i, character in enumerate(text)]
    return ("\r\n".join(lines) + "\r\n\r\n") * times


def reading(reader: DatasetReader, path: Path) -> list[tuple[str, list[Span] | None]]:
    return [(sentence.text, sentence.spans) for sentence in reader.read(path)]


@pytest.mark.parametrize(("written", "likely", "text"), ENCODINGS)
def test_every_reader_in_every_encoding(
    tmp_path: Path, written: str, likely: str, text: str
) -> None:
    json = f'{{"text": "{text}", "label": {{"PER": {{"{text[6:9]}": [[6, 8]]}}}}}}\n'
    words = [Span(i, i + 1) for i in range(len(text))]
    contents: list[tuple[type[DatasetReader], str, list[Span] | None]] = [
        (ConllReader, columns(text, 3), [Span(6, 9, "PER")]),
        (SighanCwsReader, (" ".join(text) + "\n") * 3, words),
        (PfrReader, (" ".join(f"{c}/n" for c in text) + "\n") * 3, []),
        (SpanJsonReader, json * 3, [Span(6, 9, "PER")]),
        (UnlabelledReader, (text + "\n\n") * 3, None),
    ]
    for reader, content, spans in contents:
        path = tmp_path / reader.__name__
        path.write_bytes(content.encode(written))
        for encoding in (written, written.upper(), likely, "auto"):
            assert reading(reader(encoding=encoding), path) == [(text, spans)] * 3

        with pytest.raises(DataError) as error:
            reader().read(path)
        assert f"it looks like {likely.upper()}, set encoding: '{likely}'" in str(error.value)
        line = error.value.line
        assert line is not None and (line == 1 or "-16-" in likely)


@pytest.mark.parametrize("errors", ["replace", "ignore", "surrogateescape", "backslashreplace"])
@pytest.mark.parametrize(("written", "likely", "text"), ENCODINGS)
@pytest.mark.parametrize("reader", [ConllReader, UnlabelledReader])
def test_error_handlers_do_not_read_another_encoding(
    tmp_path: Path, reader: type[Any], written: str, likely: str, text: str, errors: str
) -> None:
    path = tmp_path / "corpus"
    for times in (1, 300):
        path.write_bytes(columns(text, times).encode(written))
        with pytest.raises(DataError, match=f"looks like {likely.upper()}"):
            reader(encoding_errors=errors).read(path)


@pytest.mark.parametrize(("lines", "damaged", "passes"), [
    (1000, 1, True), (1000, 10, True), (1000, 11, False), (50, 2, True), (50, 3, False),
])  # fmt: skip
@pytest.mark.parametrize("reader", [ConllReader, UnlabelledReader])
def test_one_per_cent_of_lines_may_be_damaged(
    tmp_path: Path, reader: type[Any], lines: int, damaged: int, passes: bool
) -> None:
    data = [f"{SIMPLIFIED[i % 30]} O".encode() for i in range(lines)]
    for i in range(damaged):
        data[4 + i * 3] = b"\xff O"
    path = tmp_path / "corpus"
    path.write_bytes(b"\n".join(data))
    own = reader(encoding_errors="replace")
    if not passes:
        with pytest.raises(DataError, match=rf":5: found '{damaged} of {lines} lines not in UTF-8"):
            own.read(path)
        return
    text = "".join(own.read(path).texts())
    assert text.count("\ufffd") == damaged
    assert own.counts[str(path)].metrics() == {"damaged_lines": damaged}


def test_halves_of_emoji_are_no_sign_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    half = b"\xed\xa0\xbd\tO\n\xed\xb8\x82\tO\n"
    path.write_bytes(("我\tO\n".encode() + half) * 30)
    reader = ConllReader(encoding_errors="replace")
    (sentence,) = reader.read(path)
    assert sentence.text == "我\ufffd\ufffd" * 30
    assert reader.counts[str(path)].metrics() == {"damaged_lines": 60}


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16", "latin-1", "utf-32"])
def test_utf8_is_not_read_as_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "corpus"
    for content in (SIMPLIFIED, columns(SIMPLIFIED)):
        path.write_text(content, encoding="utf-8")
        for reader in (ConllReader, UnlabelledReader):
            with pytest.raises(DataError, match="UTF-8"):
                reader(encoding=encoding).read(path)


def test_damaged_lines_of_wide_encodings(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    data = "甲\n乙x\n丙\n丁x\n".encode("utf-16").replace(b"x\0", b"\x00\xd8")
    path.write_bytes(data)
    with pytest.raises(DataError, match=r":2: found b'\\x00\\xd8', expected UTF-16-LE text"):
        UnlabelledReader(encoding="utf-16").read(path)
    reader = UnlabelledReader(encoding="utf-16", encoding_errors="replace", lines_per_sentence=3)
    assert [(s.text, s.metadata["line"]) for s in reader.read(path)] == [
        ("甲乙\ufffd丙", 1),
        ("丁\ufffd", 4),
    ]
    counts = reader.counts[str(path)]
    assert counts.messages() == [
        '2 damaged lines (not in UTF-16-LE) decoded with encoding_errors "replace", '
        "the first on line 2"
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("gb1830", '"gb18030"'), ("utf-9", '"utf-8"'), ("bigfive", '"big5"'), ("hex", ""), ("", "")],
)
def test_unknown_encodings(name: str, hint: str) -> None:
    for reader in (ConllReader, UnlabelledReader, SighanCwsReader, SpanJsonReader):
        with pytest.raises(ConfigurationError) as error:
            reader(encoding=name)
        assert f'no encoding "{name}": expected one of' in str(error.value)
        assert error.value.path == "encoding" and hint in str(error.value)


@given(st.text(alphabet=SIMPLIFIED + "\n\r\t O-", min_size=1))
def test_utf8_is_detected_as_utf8(text: str) -> None:
    data = text.encode()
    assert likely_encoding(data) in ("utf-8", None if data.isascii() else "utf-8")
    assert resolve("auto", b"\xef\xbb\xbf" + data) == ("utf-8", 3)
