from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.labels.spans import tiling
from ner_adv_plugin.data.reading import DatasetReader, MsrReader, SighanCwsReader


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_sentences(tmp_path: Path, line_break: str, mark: str) -> None:
    text = mark + "  甲乙  丙 丁戊己  \n\n   \n甲\u3000乙\u00a0\t  丙".replace("\n", line_break)
    sentences = SighanCwsReader().read(written(tmp_path, text))
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        ("甲乙丙丁戊己", [(0, 2, ""), (2, 3, ""), (3, 6, "")]),
        ("甲\u3000乙\u00a0\t丙", [(0, 5, ""), (5, 6, "")]),
    ]
    assert [sentence.metadata for sentence in sentences] == [{"line": 1}, {"line": 4}]


WORDS = ["昨天", "田小雨", "从", "青石镇", "去了", "远航公司", "。"]


@pytest.mark.parametrize("reader", [SighanCwsReader, MsrReader])
@pytest.mark.parametrize("times", [1, 24, 3000])
@pytest.mark.parametrize("separator", ["\t", "/", "|", "\u3000", " ", "  ", "\t \t"])
def test_separators(
    tmp_path: Path, reader: type[SighanCwsReader], separator: str, times: int
) -> None:
    path = written(tmp_path, (separator.join(WORDS) + separator + "\r\n") * times)
    keys = [separator] if separator.strip() else [None, separator]
    for key in keys:
        own = reader(separator=key)
        table = own.read(path)
        assert len(table) == times and table[-1].spans == tiling(map(len, WORDS))
        assert table[0].text == "".join(WORDS) and not own.counts[str(path)].counts
    if " " in separator:
        return
    with pytest.raises(DataError) as error:
        reader().read(path)
    shown = min(times, 1000)
    assert str(error.value).startswith(f"{path}:1: found {separator.join(WORDS)!r}"[:60])
    assert f"{shown} of {shown} lines are a single word, set separator: {separator!r}" in str(
        error.value
    )


def test_spaces_are_proposed_in_place_of_another_separator(tmp_path: Path) -> None:
    path = written(tmp_path, (" ".join(WORDS) + "\n") * 30)
    with pytest.raises(DataError, match="set separator: ' '"):
        SighanCwsReader(separator="/").read(path)


def test_text_without_words(tmp_path: Path) -> None:
    line = "昨天田小雨从青石镇去了远航公司。\n"
    with pytest.raises(DataError, match="30 of 30 lines are a single word$"):
        SighanCwsReader().read(written(tmp_path, line * 30))
    # A few lines, a list of short words and some headlines are no sign of another separator.
    for text in (line * 3, "北京\n上海\n" * 30, "甲 乙丙丁戊己\n" * 2 + line * 20):
        SighanCwsReader().read(written(tmp_path, text))


def test_white_space_inside_words_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, "甲 乙\n丙\t丁 戊\u3000己 \u3000 庚\n")
    reader = SighanCwsReader()
    assert [len(sentence.spans or []) for sentence in reader.read(path)] == [2, 4]
    assert reader.counts[str(path)].metrics() == {"words_with_white_space_inside": 2}
    message = f"{path}: 2 words with white space inside, the first on line 2"
    assert caplog.messages == [message]


def test_invalid_separator() -> None:
    with pytest.raises(ConfigurationError, match="expected a separator or null"):
        SighanCwsReader(separator="")


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("甲  乙\n".encode() + b"\xb9\xfa\n")
    with pytest.raises(DataError, match=":2: found .* expected UTF-8 text"):
        SighanCwsReader().read(path)


def test_registered() -> None:
    assert DatasetReader.by_name("sighan_cws") is SighanCwsReader
    assert SighanCwsReader.task == "segmentation"
