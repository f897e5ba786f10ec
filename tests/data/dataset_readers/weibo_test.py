from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.dataset_readers import DatasetReader, WeiboReader
from ner_adv_plugin.data.instance import Instance


def read(tmp_path: Path, text: str) -> list[Instance]:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    return WeiboReader().read(path)


def test_position_is_not_part_of_the_text(tmp_path: Path) -> None:
    text = "王0\tB-PER.NAM\n五1\tI-PER.NAM\n20\tO\n110\tO\n121\tO\n 0\tO\n\u30000\tO\n２0\tO\n"
    (instance,) = read(tmp_path, text)
    assert instance.text == "王五211 \u3000２"
    assert instance.tags == ["B-PER.NAM", "I-PER.NAM"] + 6 * ["O"]


def test_two_replacement_characters_are_one_emoji(tmp_path: Path) -> None:
    (instance,) = read(tmp_path, "\ufffd\ufffd0\tO\n\ufffd0\tO\n甲0\tO\n")
    assert (instance.text, instance.tags) == ("\ufffd\ufffd甲", ["O", "O", "O"])


@pytest.mark.parametrize("line", ["甲\tO", "甲乙0\tO", "甲\ufffd0\tO", "甲0 O", "甲0", "甲²\tO", "甲０\tO", "1\tO"])
def test_lines_that_cannot_be_read(tmp_path: Path, line: str) -> None:
    expected = "one character, its position in its word in digits, then a tab"
    with pytest.raises(DataError) as error:
        read(tmp_path, f"\ufffd\ufffd0\tO\n{line}\n")
    assert str(error.value) == f"{tmp_path / 'corpus'}:2: found {line!r}, expected {expected}"


def test_registered() -> None:
    assert DatasetReader.by_name("weibo") is WeiboReader
