from pathlib import Path

from ner_adv_plugin.data.reading import DatasetReader, MsrReader


def test_sentences(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("甲乙  丙  \r\n".encode())
    reader = MsrReader()
    (sentence,) = reader.read(path)
    assert (sentence.text, sentence.spans) == ("甲乙丙", [(0, 2, ""), (2, 3, "")])
    assert reader.task == "segmentation"


def test_registered() -> None:
    assert DatasetReader.by_name("msr") is MsrReader
