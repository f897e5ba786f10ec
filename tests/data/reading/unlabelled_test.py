from pathlib import Path

import pytest

from ner_adv_plugin.data.reading import DatasetReader, UnlabelledReader


def test_sentences(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes("\ufeff 甲\u2028乙 \r\n\r\n\n\u3000\n丙".encode())
    sentences = UnlabelledReader().read(path)
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        (" 甲\u2028乙 ", None),
        ("\u3000", None),
        ("丙", None),
    ]
    assert [sentence.metadata["line"] for sentence in sentences] == [1, 4, 5]


@pytest.mark.parametrize(
    ("lines_per_sentence", "sentences"),
    [
        (1, [("甲 ", 1), ("乙", 2), ("丙", 3), ("丁", 6), ("戊", 7)]),
        (2, [("甲 乙", 1), ("丙", 3), ("丁戊", 6)]),
        (3, [("甲 乙丙", 1), ("丁戊", 6)]),
        (100, [("甲 乙丙", 1), ("丁戊", 6)]),
    ],
)
def test_lines_per_sentence(
    tmp_path: Path, lines_per_sentence: int, sentences: list[tuple[str, int]]
) -> None:
    path = tmp_path / "corpus"
    path.write_text("甲 \n乙\n丙\n\n\n丁\n戊\n")
    found = UnlabelledReader(lines_per_sentence=lines_per_sentence).read(path)
    assert [(sentence.text, sentence.metadata["line"]) for sentence in found] == sentences
    assert all(sentence.spans is None for sentence in found)


def test_real_corpus_in_sentences_of_ten_lines(shared: Path) -> None:
    path = shared / "data" / "unlabelled" / "reviews.txt"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == 35124 and all(lines)
    found = UnlabelledReader(lines_per_sentence=10).read(path)
    assert [sentence.text for sentence in found] == [
        "".join(lines[i : i + 10]) for i in range(0, 35124, 10)
    ]


def test_no_head_unless_named() -> None:
    reader, with_head = UnlabelledReader(), UnlabelledReader(head="ner")
    for bound in (reader, with_head):
        bound.bind("reviews")
    assert (reader.head, reader.domain) == (None, "reviews")
    assert with_head.head == "ner"


def test_registered() -> None:
    assert DatasetReader.by_name("unlabelled") is UnlabelledReader
