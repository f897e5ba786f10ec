from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading import DatasetReader, SighanCwsReader


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


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("甲  乙\n".encode() + b"\xb9\xfa\n")
    with pytest.raises(DataError, match=":2: found .* expected UTF-8 text"):
        SighanCwsReader().read(path)


def test_registered() -> None:
    assert DatasetReader.by_name("sighan_cws") is SighanCwsReader
    assert SighanCwsReader.task == "segmentation"
