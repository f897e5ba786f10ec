import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader, PfrReader


def read(tmp_path: Path, text: str, **options: Any) -> Sequence[Instance]:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    return PfrReader(**options).read(path)


def entities(sentence: Instance) -> list[tuple[str, str]]:
    """Return types and surfaces of a sentence's entities."""
    return [(span.type, sentence.text[span.start : span.end]) for span in sentence.spans or []]


def words(sentence: Instance) -> str:
    """Return the words of a sentence, separated by spaces."""
    return " ".join(sentence.text[span.start : span.end] for span in sentence.spans or [])


def names(tmp_path: Path, line: str, **options: Any) -> list[str]:
    (sentence,) = read(tmp_path, line, **options)
    return [f"{span_type}:{surface}" for span_type, surface in entities(sentence)]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("number", ["", "19980101-01-001-002/m  "])
@pytest.mark.parametrize("gap", ["  ", " ", "   "])
def test_sentences(tmp_path: Path, mark: str, line_break: str, number: str, gap: str) -> None:
    lines = [f"{number}江/nr  泽民/nr  在/p  上海/ns  说/v", "", f"{number}新华社/nt  电/n  ", ""]
    text = mark + line_break.join(lines).replace("  ", gap)
    sentences = read(tmp_path, text)
    assert [(sentence.text, sentence.spans) for sentence in sentences] == [
        ("江泽民在上海说", [(0, 3, "PER"), (4, 6, "LOC")]),
        ("新华社电", [(0, 3, "ORG")]),
    ]
    assert [sentence.metadata for sentence in sentences] == [{"line": 1}, {"line": 3}]
    segmented = read(tmp_path, text, task="segmentation")
    assert [(sentence.text, sentence.spans) for sentence in segmented] == [
        ("江泽民在上海说", [(0, 1, ""), (1, 3, ""), (3, 4, ""), (4, 6, ""), (6, 7, "")]),
        ("新华社电", [(0, 3, ""), (3, 4, "")]),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("李/nr  鹏/nr", "PER:李鹏"),
        ("郭/nr  老/a", "PER:郭"),
        ("克林顿/nr", "PER:克林顿"),
        ("欧阳/nr  中石/nr", "PER:欧阳中石"),
        ("司马/nr  迁/nr", "PER:司马迁"),
        ("陈/nr  方/nr  安生/nr", "PER:陈方安生"),
        # Names in a sentence, with and without a mark between them.
        ("江/nr  泽民/nr  、/w  李/nr  鹏/nr", "PER:江泽民 PER:李鹏"),
        ("江/nr  泽民/nr  李/nr  鹏/nr  乔/nr  石/nr", "PER:江泽民 PER:李鹏 PER:乔石"),
        ("贾/nr  永/nr  黄/nr  秋生/nr", "PER:贾永 PER:黄秋生"),
        ("祝/nr  有容/nr  让·亚彭德/nr", "PER:祝有容 PER:让·亚彭德"),
        ("马克思/nr  恩格斯/nr", "PER:马克思 PER:恩格斯"),
        ("焦/nr  秋生/nr  银春/nr", "PER:焦秋生 PER:银春"),
        ("剑武/nr  安/nr  远远/nr", "PER:剑武 PER:安远远"),
        ("韩/nr  钟（昆音）/nr", "PER:韩钟（昆音）"),
        # Adjacent places or organisations are separate; other parts of speech are no entities.
        ("江苏/ns  南京/ns  东南/nt  大学/nt", "LOC:江苏 LOC:南京 ORG:东南 ORG:大学"),
        ("长江/nz  李/n  ｐｎ/nx", ""),
        ("江/nr  上海/ns  泽民/nr", "PER:江 LOC:上海 PER:泽民"),
        # Compounds in brackets: entities inside of an entity are dropped.
        ("[中央/n  电视台/n]nt", "ORG:中央电视台"),
        (
            "在/p  [北京/ns  大学/n]nt  的/u  [香港/ns  特别/a  行政区/n]ns",
            "ORG:北京大学 LOC:香港特别行政区",
        ),
        ("[[中国/ns  银行/n]nt  广东/ns  分行/n]nt", "ORG:中国银行广东分行"),
        ("[北京/ns  [东方/nz  剧院/n]nz]nt  王/nr  小/nr", "ORG:北京东方剧院 PER:王小"),
        ("[上海/ns  人/n]n", "LOC:上海"),
        ("[新华社/nt]nt", "ORG:新华社"),
        # A name does not extend across a bracket.
        ("李/nr  [国庆/nr  公司/n]nt  王/nr", "PER:李 ORG:国庆公司 PER:王"),
        ("李/nr  [国庆/nr  歌/n]nz", "PER:李 PER:国庆"),
    ],
)
def test_entities_by_hand(tmp_path: Path, line: str, expected: str) -> None:
    assert " ".join(names(tmp_path, line)) == expected


NESTED = "[[中国/ns  银行/n]nt  广东/ns  分行/n]nt  [李/nr  家/n]n"


@pytest.mark.parametrize(
    ("overlaps", "expected"),
    [
        ("outermost", "ORG:中国银行广东分行 PER:李"),
        ("innermost", "LOC:中国 LOC:广东 PER:李"),
        # Compounds come before words, inner ones before outer ones.
        ("first", "ORG:中国银行 LOC:广东 PER:李"),
        ("keep", "LOC:中国 ORG:中国银行 ORG:中国银行广东分行 LOC:广东 PER:李"),
    ],
)
def test_entities_nested_in_compounds(tmp_path: Path, overlaps: Any, expected: str) -> None:
    assert " ".join(names(tmp_path, NESTED, overlaps=overlaps)) == expected


def test_nested_entities_as_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, f"甲/n\n{NESTED}\n", overlaps="error")
    found = "found 'LOC 中国 [0, 2) and ORG 中国银行 [0, 4)', expected entities that do not overlap"
    assert str(error.value) == f"{tmp_path / 'corpus'}:2: {found}"


def test_brackets_and_slashes_as_words(tmp_path: Path) -> None:
    sentences = read(
        tmp_path,
        "[/w  甲/n  ]/w  //w  １/２/m\n[乙//n  丙/n]nt\n1/m  19980101-01-001-002/m",
        task="segmentation",
    )
    assert [words(sentence) for sentence in sentences] == [
        "[ 甲 ] / １/２",
        "乙/ 丙",
        "1 19980101-01-001-002",
    ]
    assert [sentence.text for sentence in sentences] == [
        "[甲]/１/２",
        "乙/丙",
        "119980101-01-001-002",
    ]


@pytest.mark.parametrize("task", ["ner", "segmentation"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("甲", "found '甲', expected word/pos"),
        ("甲/", "found '甲/', expected word/pos"),
        ("/n", "found '/n', expected word/pos"),
        ("甲/n]", "found '甲/n]', expected word/pos"),
        ("甲\u3000乙", "found '甲\\u3000乙', expected word/pos"),
        ("甲/n  乙/n]nt", "found '乙/n]nt', expected a [ before every ]"),
        ("[甲/n  乙/n", "found '[甲/n  乙/n', expected a ] after every ["),
    ],
)
def test_lines_that_cannot_be_read(tmp_path: Path, task: str, line: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, f"甲/n\n\n{line}\n", task=task)
    assert str(error.value) == f"{tmp_path / 'corpus'}:3: {message}"


def test_words_have_no_types() -> None:
    with pytest.raises(ConfigurationError, match="type_map: words have no types"):
        PfrReader(task="segmentation", type_map={"PER": None})


def test_embedded_corpus(fixture_data: Path) -> None:
    path = fixture_data / "pfr" / "199801.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    sentences = PfrReader().read(path)
    assert len(sentences) == len(lines) == 150
    numbered = [line for line in lines if line.startswith("19980101-")]
    assert len(numbered) == 75 and any("]nt" in line for line in numbered)
    assert not any("[" in line or "-0" in line for line in lines if line not in numbered)
    organisations = [
        re.sub(r"/[a-z]+| ", "", text)
        for text in re.findall(r"\[([^]]*)\]nt|(\S+)/nt", "\n".join(lines))
        for text in text
        if text
    ]
    assert [
        surface
        for sentence in sentences
        for span_type, surface in entities(sentence)
        if span_type == "ORG"
    ] == organisations
    assert not any("/" in sentence.text or "1998" in sentence.text for sentence in sentences)
    # Places inside of organisations are entities if overlapping entities are kept.
    nested = re.findall(r"(\S+)/ns", " ".join(re.findall(r"\[([^]]*)\]nt", "\n".join(lines))))
    with_nested = Counter(
        entity
        for sentence in PfrReader(overlaps="keep").read(path)
        for entity in entities(sentence)
    )
    assert with_nested - Counter(
        entity for sentence in sentences for entity in entities(sentence)
    ) == Counter(("LOC", name) for name in nested)
    assert len(nested) == 73


@pytest.mark.slow
def test_real_corpus(shared: Path) -> None:
    path = shared / "data" / "pfr" / "199801.txt"
    text = path.read_text(encoding="utf-8")
    sentences = PfrReader().read(path)
    assert len(sentences) == len([line for line in text.split("\n") if line]) == 19484
    assert max(map(len, sentences)) == 1019
    counts = Counter(name for sentence in sentences for name, _ in entities(sentence))
    assert counts["LOC"] == text.count("/ns  ") + text.count("/ns\n") == 27890
    assert counts["ORG"] == text.count("/nt  ") + text.count("/nt\n") == 3573
    # Sequences of nr words with a letter for each word: s for a surname, g for any other word of
    # two characters, o for longer ones.
    compound = "欧阳|司马|诸葛|司徒|南宫|令狐"
    assert counts["PER"] == sum(
        len(
            re.findall(
                "^ssg$|s.|.", re.sub(r"(\S+)/nr ? ?", lambda m: _letter(m[1], compound), run)
            )
        )
        for run in re.findall(r"(?:\S+/nr(?:  |\n|$))+", text)
    )
    assert counts["PER"] == 20084
    segmented = PfrReader(task="segmentation").read(path)
    assert [sentence.text for sentence in segmented] == [sentence.text for sentence in sentences]
    assert sum(len(sentence.spans or []) for sentence in segmented) == len(text.split())


def _letter(word: str, compound: str) -> str:
    if len(word) == 1 or re.fullmatch(compound, word):
        return "s"
    return "g" if len(word) == 2 else "o"


def test_registered() -> None:
    assert DatasetReader.by_name("pfr") is PfrReader


def test_nested_brackets_and_a_slash_as_a_word(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text(
        "19980101-01-001-001/m  [[中央/n  广播/vn]nt  电台/n]nt  记者/n  田/nr  小雨/nr\n"
        "19980101-01-001-002/m  在/p  //w  [云岭/ns  [远航/nz  公司/n]nt  分部/n]nz\n",
        encoding="utf-8",
    )
    found = [
        [(span.type, sentence.text[span.start : span.end]) for span in sentence.spans or ()]
        for sentence in PfrReader().read(path)
    ]
    assert found == [
        [("ORG", "中央广播电台"), ("PER", "田小雨")],
        [("LOC", "云岭"), ("ORG", "远航公司")],
    ]
