import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader, WeiboReader


def read(tmp_path: Path, text: str, **options: Any) -> Sequence[Instance]:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    return WeiboReader(**options).read(path)


def test_position_is_not_part_of_the_text(tmp_path: Path) -> None:
    text = "王0\tB-PER.NAM\n五1\tI-PER.NAM\n20\tO\n110\tO\n121\tO\n 0\tO\n\u30000\tO\n２0\tO\n"
    (instance,) = read(tmp_path, text)
    assert instance.text == "王五211 \u3000２"
    assert instance.spans == [(0, 2, "PER.NAM")]


def test_two_replacement_characters_are_one_emoji(tmp_path: Path) -> None:
    (instance,) = read(tmp_path, "\ufffd\ufffd0\tO\n\ufffd0\tO\n甲0\tB-X\n")
    assert (instance.text, instance.spans) == ("\ufffd\ufffd甲", [(2, 3, "X")])


@pytest.mark.parametrize("task", ["ner", "segmentation"])
@pytest.mark.parametrize(
    "line", ["甲\tO", "甲乙0\tO", "甲\ufffd0\tO", "甲0 O", "甲0", "甲²\tO", "甲０\tO", "1\tO"]
)
def test_lines_that_cannot_be_read(tmp_path: Path, task: str, line: str) -> None:
    expected = "one character, its position in its word in digits, then a tab"
    with pytest.raises(DataError) as error:
        read(tmp_path, f"\ufffd\ufffd0\tO\n{line}\n", task=task)
    place = f"{tmp_path / 'corpus'}:2: "
    assert str(error.value).startswith(f"{place}found {line!r}, expected {expected}")


WORDS = "科0\tB-ORG.NAM\n技1\tI-ORG.NAM\n，0\tO\n" + "".join(f"{i % 10}{i}\tO\n" for i in range(12))


def test_words_from_positions(tmp_path: Path) -> None:
    sentences = read(tmp_path, WORDS + "\n的0\tO\n", task="segmentation")
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        ("科技，012345678901", [(0, 2, ""), (2, 3, ""), (3, 15, "")]),
        ("的", [(0, 1, "")]),
    ]
    assert [sentence.metadata for sentence in sentences] == [{"line": 1}, {"line": 17}]


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", "\u2029"])
def test_lines_of_white_space_part_sentences(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "corpus"
    text = f"{blank}\n甲0\tO\n乙1\tO\n{blank}\n丙0\tO\n{blank}\n\n丁0\tB-X\n{blank}\n"
    path.write_bytes(text.encode())
    for task in ("ner", "segmentation"):
        reader = WeiboReader(task=task)
        table = reader.read(path)
        assert [sentence.text for sentence in table] == ["甲乙", "丙", "丁"]
        assert [sentence.metadata for sentence in table] == [{"line": n} for n in (2, 5, 8)]
        assert reader.counts[str(path)].metrics() == {"blank_lines_of_white_space": 4}


def test_illegal_positions_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "甲1\tO\n乙2\tO\n丙0\tO\n丁2\tO\n戊3\tO\n己3\tO\n"
    reader = WeiboReader(task="segmentation")
    (tmp_path / "corpus").write_text(text)
    (sentence,) = reader.read(tmp_path / "corpus")
    assert sentence.spans == [(0, 2, ""), (2, 6, "")]
    assert reader.repaired == {str(tmp_path / "corpus"): 3}
    assert reader.illegal_sentences == {str(tmp_path / "corpus"): {1: 3}}
    assert "3 illegal positions treated as inside their word" in caplog.text
    # Entities do not depend on positions.
    assert read(tmp_path, text, illegal_tags="error")[0].spans == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("甲0\tO\n\n乙1\tO\n", "3: found '乙1\\tO', expected position 0"),
        ("甲0\tO\n乙2\tO\n", "2: found '乙2\\tO', expected position 1, or 0 to begin a word"),
    ],
)
def test_illegal_positions_as_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, text, task="segmentation", illegal_tags="error")
    assert str(error.value) == f"{tmp_path / 'corpus'}:{message}"


@pytest.mark.parametrize(
    ("split", "num_words", "num_characters", "num_repaired"),
    [("train", 45678, 73778, 1), ("dev", 9026, 14509, 0)],
)
def test_words_of_the_real_corpus(
    shared: Path, split: str, num_words: int, num_characters: int, num_repaired: int
) -> None:
    path = shared / "data" / "weibo" / f"weiboNER_2nd_conll.{split}"
    text = path.read_text(encoding="utf-8")
    reader = WeiboReader(task="segmentation")
    sentences = reader.read(path)
    assert [sentence.text for sentence in sentences] == [
        sentence.text for sentence in WeiboReader().read(path)
    ]
    assert sum(map(len, sentences)) == len(re.findall("\t", text)) == num_characters
    # A word begins if the digits between the character and the tab are a 0.
    words = len(re.findall("^(?:\ufffd\ufffd|.)0\t", text, re.MULTILINE))
    assert sum(len(sentence.spans or []) for sentence in sentences) == words == num_words
    assert reader.repaired == {str(path): num_repaired}


def test_registered() -> None:
    assert DatasetReader.by_name("weibo") is WeiboReader


@pytest.mark.parametrize("task", ["ner", "segmentation"])
def test_a_file_without_blank_lines(
    task: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "corpus"
    path.write_text("王0\tB-PER\n明1\tI-PER\n" * 600, encoding="utf-8")
    assert len(WeiboReader(task=task).read(path)) == 1
    assert "it is one sentence of 1200 characters" in caplog.text
