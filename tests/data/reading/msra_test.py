from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading import DatasetReader, MsraReader


def test_sentences(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("甲\tB-PER\n乙\tI-PER\n \tO\n\n丙\tO\n")
    found = [(sentence.text, sentence.spans) for sentence in MsraReader().read(path)]
    assert found == [("甲乙 ", [(0, 2, "PER")]), ("丙", [])]


def test_another_separator_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("甲 O\n")
    with pytest.raises(DataError, match=":1: found .* expected one character, then"):
        MsraReader().read(path)


def test_registered() -> None:
    assert DatasetReader.by_name("msra") is MsraReader
