"""Formats of annotation tools: what is refused, and with which message."""

import json
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data.formats import AnnotationsReader
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from tests.data.formats.records import COLUMNS, PAIRS, TEXT, lines, read, write


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("T1\tPER 2 3;5 6\t王 去", "1.ann:2: .* discontinuous entities are not read"),
        ("T1\tPER 2 40\t王明", r"1.ann:2: found 'PER \[2, 40\]', expected 0 <= start < end <= 10"),
        ("T1\tPER 1 3\t王明", r'1.ann:2: .*expected "天王", .*昨\[天王\]明去了北京'),
        ("T1 PER 2 4", "1.ann:2: .*T1<tab>TYPE START END<tab>SURFACE"),
    ],
)
def test_faults_of_brat_name_file_and_line(annotation: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text(f"{TEXT}\n")
    (tmp_path / "1.ann").write_text(f"T2\tLOC 6 8\t北京\n{annotation}\n")
    with pytest.raises(DataError, match=message):
        AnnotationsReader().read(tmp_path)


def test_annotations_without_a_text(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text(TEXT)
    (tmp_path / "2.ann").write_text("T1\tPER 0 1\t昨\n")
    with pytest.raises(DataError, match="2.ann: found 'no text beside it', expected 2.txt"):
        AnnotationsReader().read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lines({"text": TEXT, "label": PAIRS}, {"text": TEXT, "label": [[8, 12, "LOC"]]}),
            r"corpus:2: found 'LOC \[8, 12\]', expected 0 <= start < end <= 9, the length of the "
            r'text; the text: "昨天王明去了北京\[。\]"',
        ),
        (lines({"text": TEXT, "label": [[2, 4, "P"], [2, 4]]}), r"corpus:1: found \[2, 4\], exp"),
        (lines({"text": TEXT, "label": [[2, 4, "P"], [2, 2, "PER"]]}), r"PER \[2, 2\]"),
        (lines({"text": TEXT, "label": [[2, 4, "P"], [True, 2, "PER"]]}), "whole numbers"),
        (lines({"text": TEXT, "label": [[2, 4, "P"], [1, 2, ""]]}), "non-empty string as type"),
        (lines({"text": TEXT, "label": PAIRS}, {"txt": TEXT}), 'corpus:2: .*the keys "txt"'),
        (
            lines(
                {"text": TEXT, "entities": [{"start": 1, "end": 3, "type": "P", "text": "王明"}]}
            ),
            r"""found 'P \[1, 3\] "王明"', expected "天王", which is at \[1, 3\]; the text: """,
        ),
        (lines({"text": TEXT, "label": PAIRS}) + '{"text": \n', "corpus:3: .*JSON: Expecting"),
        (json.dumps([{"text": TEXT, "label": PAIRS}])[:-1], 'a single JSON array: "]"'),
        (COLUMNS + "北 京\n", "corpus:10: "),
        (COLUMNS.replace("-", "_"), "corpus:3: .*set tag_spelling: 'lenient'"),
        (lines({"tokens": ["a", "b"], "ner_tags": ["O"]}), "2 tokens and 1 tags"),
        (lines({"tokens": ["a"], "ner_tags": ["Q-X"]}), "the tags Q-X"),
    ],
)
def test_a_fault_is_an_error_with_its_place(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "an empty file"),
        ("\n \n", "blank lines"),
        ("我在北京。\n", "text that begins with 我在北京。"),
        (lines({"prompt": "a", "result_list": []}), 'JSON objects with the keys "prompt", "resu'),
        (lines(["a", "b"]), "JSON that begins with"),
        ("B\tB\nE\tE\n", "these are tags of words"),
    ],
)
def test_an_unknown_format_is_shown(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_an_unknown_folder_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an empty folder"):
        AnnotationsReader().read(tmp_path)
    (tmp_path / "a.xml").touch()
    with pytest.raises(DataError, match='a folder with "a.xml"'):
        AnnotationsReader().read(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        AnnotationsReader().read(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "sentence", "message"),
    [
        (
            "conll",
            Instance("甲乙", [Span(0, 2, "A"), Span(1, 2, "B")]),
            "A 甲乙 .* and B 乙 .* overlap",
        ),
        ("conll", Instance("甲\n乙", []), "line break. Split texts .*--split-lines"),
        ("conll", Instance("甲", [Span(0, 1, "A B")]), 'the type "A B" holds white space'),
        ("conll", Instance("甲", None), "unlabelled, .*--unlabelled drop"),
        ("conll", Instance("\ud83d", []), "half of a surrogate pair"),
        ("huggingface", Instance("甲乙", [Span(0, 2, "A"), Span(0, 2, "B")]), "overlap"),
        ("language_model", Instance("王王", [Span(0, 1, "PER")]), "would not be found again"),
        ("weibo", Instance("王王", []), "cannot be written"),
    ],
)
def test_what_a_format_cannot_say_is_refused(
    name: str, sentence: Instance, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        write(name, [sentence], tmp_path)
