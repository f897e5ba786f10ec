from pathlib import Path

from ner_adv_plugin.data.dataset_readers import DatasetReader, UnlabelledReader


def test_rows(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("\ufeff 甲\u2028乙 \r\n\r\n\n\u3000\n丙".encode())
    rows = UnlabelledReader().read(path)
    assert [(row.text, row.tags) for row in rows] == [(" 甲\u2028乙 ", None), ("\u3000", None), ("丙", None)]
    assert [row.metadata["line"] for row in rows] == [1, 4, 5]


def test_no_head_unless_named() -> None:
    reader, with_head = UnlabelledReader(), UnlabelledReader(head="ner")
    for bound in (reader, with_head):
        bound.bind("reviews")
    assert (reader.head, reader.domain) == (None, "reviews")
    assert with_head.head == "ner"


def test_registered() -> None:
    assert DatasetReader.by_name("unlabelled") is UnlabelledReader
