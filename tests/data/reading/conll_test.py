from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import ConllReader, DatasetReader


def read(tmp_path: Path, text: str, **options: Any) -> Sequence[Instance]:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    return ConllReader(**options).read(path)


def sentences(instances: Sequence[Instance]) -> list[tuple[str, list[Span] | None]]:
    return [(instance.text, instance.spans) for instance in instances]


@pytest.mark.parametrize(
    "text", ["甲\tB-X\n乙\tI-X\n\n\n\n丙\tO\n\n", "\n甲\tB-X\n乙\tI-X\n\n丙\tO"]
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [None, "\t", " "])
def test_sentences(
    tmp_path: Path, text: str, line_break: str, mark: str, separator: str | None
) -> None:
    text = mark + text.replace("\t", separator or "\t").replace("\n", line_break)
    assert sentences(read(tmp_path, text, separator=separator)) == [
        ("甲乙", [(0, 2, "X")]),
        ("丙", []),
    ]


@pytest.mark.parametrize("separator", [None, "\t", " "])
@pytest.mark.parametrize("character", list(" \t\u3000\u00a0\u2028\u0085\x0b\x1c\ufeff0-O😀"))
def test_any_character_represents_itself(
    tmp_path: Path, character: str, separator: str | None
) -> None:
    text = "甲 B-X\n? I-X\n乙 O\n".replace(" ", separator or "\t").replace("?", character)
    assert sentences(read(tmp_path, text, separator=separator)) == [
        (f"甲{character}乙", [(0, 2, "X")])
    ]


def test_space_first_in_file_with_two_spaces(tmp_path: Path) -> None:
    assert sentences(read(tmp_path, "  O\n甲 O\n")) == [(" 甲", [])]


def test_runs_of_white_space_and_columns(tmp_path: Path) -> None:
    text = "甲  n \t O-1 B-X \n乙 v\tO-2\tI-X\n"
    assert sentences(read(tmp_path, text)) == [("甲乙", [(0, 2, "X")])]
    text = "甲\tB-X\tn\n乙\tI-X\tv\n"
    for column in (1, -2):
        assert sentences(read(tmp_path, text, tag_column=column, separator="\t")) == [
            ("甲乙", [(0, 2, "X")])
        ]


def test_long_sentence(tmp_path: Path) -> None:
    (instance,) = read(tmp_path, "甲\tO\n" * 5000)
    assert len(instance) == 5000 and instance.spans == []


def test_lines_and_dataset_of_instances(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("\n甲 O\n乙 O\n\n\n丙 O\n")
    reader = ConllReader()
    reader.bind("toy")
    instances = reader.read(path)
    assert [instance.metadata for instance in instances] == [{"line": 2}, {"line": 6}]
    assert {instance.dataset for instance in instances} == {"toy"}


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("BIO", "B-X I-X B-X O"),
        ("IOB1", "I-X I-X B-X O"),
        ("BIOES", "B-X E-X S-X O"),
        ("BMES", "B-X E-X S-X O"),
        ("BILOU", "B-X L-X U-X O"),
    ],
)
def test_tag_schemes(tmp_path: Path, scheme: str, tags: str) -> None:
    text = "".join(
        f"{character} {tag}\n" for character, tag in zip("甲乙丙丁", tags.split(), strict=True)
    )
    found = sentences(read(tmp_path, text, tag_scheme=scheme, illegal_tags="error"))
    assert found == [("甲乙丙丁", [(0, 2, "X"), (2, 3, "X")])]


def test_illegal_tags_are_repaired_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "corpus"
    path.write_text("甲 I-X\n乙 I-X\n\n丙 B-X\n丁 I-Y\n")
    reader = ConllReader()
    for _ in range(2):
        assert sentences(reader.read(path)) == [
            ("甲乙", [(0, 2, "X")]),
            ("丙丁", [(0, 1, "X"), (1, 2, "Y")]),
        ]
        assert reader.repaired == {str(path): 2}
    assert "2 illegal tags repaired" in caplog.text


@pytest.mark.parametrize(
    ("text", "scheme", "message"),
    [
        ("甲 O\n\n乙 I-X\n", "BIO", "3: found 'I-X', expected a tag that may begin a sentence"),
        ("甲 B-X\n乙 I-Y\n", "BIO", "2: found 'I-Y', expected a tag that may follow 'B-X'"),
        (
            "甲 O\n乙 B-X\n\n丙 O\n",
            "BIOES",
            "2: found 'B-X', expected a tag that may end a sentence",
        ),
    ],
)
def test_illegal_tags_as_errors(tmp_path: Path, text: str, scheme: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, text, tag_scheme=scheme, illegal_tags="error")
    assert str(error.value).startswith(f"{tmp_path / 'corpus'}:{message}")


BIO_TAG = "a BIO tag (O, B-TYPE or I-TYPE)"


@pytest.mark.parametrize(
    ("line", "options", "message"),
    [
        ("乙", {}, "found '乙', expected one character, then a space or tab"),
        ("乙\t", {}, "found '乙\\t', expected a tag column after the character"),
        ("乙\t", {"separator": "\t"}, f"found '', expected {BIO_TAG}"),
        ("乙 O", {"separator": "\t"}, "found '乙 O', expected one character, then '\\t'"),
        ("\tO", {"separator": "\t"}, "found '\\tO', expected one character, then '\\t'"),
        ("乙丙\tO", {}, "found '乙丙\\tO', expected one character, then a space or tab"),
        ("e\u0301\tO", {}, "found 'é\\tO', expected one character, then a space or tab"),
        ("乙\tS-X", {}, f"found 'S-X', expected {BIO_TAG}"),
        ("乙\tB", {}, f"found 'B', expected {BIO_TAG}"),
        ("乙\tO\tO", {}, "found '乙\\tO\\tO', expected 2 columns as in line 1"),
        ("乙\tO ", {"separator": "\t"}, f"found 'O ', expected {BIO_TAG}"),
    ],
)
def test_lines_that_cannot_be_read(
    tmp_path: Path, line: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, f"甲\tO\n\n丙\tO\n{line}\n丁\tO\n", **options)
    expected = f"{tmp_path / 'corpus'}:4: {message}".replace("é", "e\u0301")
    assert str(error.value).startswith(expected)
    assert (error.value.file_path, error.value.line) == (str(tmp_path / "corpus"), 4)


def test_missing_tag_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r":1: found '甲 O', expected a tag in column 2"):
        read(tmp_path, "甲 O\n", tag_column=2)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("甲 O\n".encode() + "乙 O\n".encode("gbk"))
    with pytest.raises(DataError, match=":2: found .* expected UTF-8 text"):
        ConllReader().read(path)


def test_first_edition_of_weibo(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Surrogates of emoji encoded in three bytes each, which is not UTF-8, and their replacements.
    path = tmp_path / "corpus"
    halves = b"\xed\xa0\xbd\tO\n\xed\xb8\x82\tO\n"
    path.write_bytes(
        "甲\tB-PER.NAM\n".encode() + halves + "乙\tO\n\n\ufffd\ufffd\ufffd\tO\n".encode()
    )
    found = ConllReader(separator="\t", encoding_errors="replace").read(path)
    assert sentences(found) == [("甲\ufffd\ufffd乙", [(0, 1, "PER.NAM")]), ("\ufffd", [])]
    assert caplog.messages == [
        f"{path}: 2 damaged lines (not in UTF-8) decoded with "
        'encoding_errors "replace", the first on line 2'
    ]
    with pytest.raises(DataError, match=r":2: found b'\\xed', expected UTF-8 text"):
        ConllReader(separator="\t").read(path)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_no_sentences(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="found 'no sentences', expected at least one sentence"):
        read(tmp_path, text)


def test_invalid_settings() -> None:
    with pytest.raises(ConfigurationError, match="column 0 holds the character"):
        ConllReader(tag_column=0)
    with pytest.raises(ConfigurationError, match="expected a separator or null"):
        ConllReader(separator="")
    with pytest.raises(ConfigurationError, match='no tag scheme "BIEO"'):
        ConllReader(tag_scheme="BIEO")


def test_registered() -> None:
    assert DatasetReader.by_name("conll") is ConllReader
