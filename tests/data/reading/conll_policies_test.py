"""Files that the strict reader of columns refuses, what it says, and the keys that read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading import ConllReader, MsraReader
from ner_adv_plugin.data.reading.tag_guesses import respelled

Found = list[tuple[str, Sequence[Span] | None]]


def read(tmp_path: Path, text: str, **options: Any) -> tuple[Found, dict[str, int]]:
    path = tmp_path / "corpus"
    path.write_bytes(text.encode())
    reader = ConllReader(**options)
    table = reader.read(path)
    return [(s.text, s.spans) for s in table], reader.counts[str(path)].metrics()


def refusal(tmp_path: Path, text: str, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        read(tmp_path, text, **options)
    return str(error.value).removeprefix(str(tmp_path / "corpus") + ":")


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", " \t \u3000", "\xa0"])
def test_lines_of_white_space_part_sentences(
    tmp_path: Path, blank: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"甲 B-X\n乙 I-X\n{blank}\n丙 O\n{blank}\n\n{blank}\n  B-X\n丁 I-X\n{blank}"
    found, counts = read(tmp_path, text)
    assert found == [("甲乙", [(0, 2, "X")]), ("丙", []), (" 丁", [(0, 2, "X")])]
    assert counts == {"blank_lines_of_white_space": 4}
    assert "4 blank lines of white space, the first on line 3" in caplog.text
    (*_, last) = ConllReader().read(tmp_path / "corpus")
    assert last.metadata == {"line": 8}


@pytest.mark.parametrize(
    ("separator", "tag", "hint"),
    [
        (" ", "B-PER\t", ": it holds white space, set separator: null"),
        ("\t", "B-PER ", ": it holds white space, set separator: null"),
        ("\t", "O ", ": it holds white space, set separator: null"),
        ("\t", " B-PER", ": it holds white space, set separator: null"),
        ("\t", "B-X Y", ": it holds white space"),
        (" ", "B-X-\tY", ": it holds white space"),
        (" ", "B-PER\u3000", ": it holds white space"),
        (None, "B-PER\u3000", ": it holds white space"),
        (None, "O\x0b", ": it holds white space"),
        (None, "B-\u2029", ": it holds white space"),
    ],
)
def test_tags_with_white_space_are_refused(
    tmp_path: Path, separator: str | None, tag: str, hint: str
) -> None:
    text = f"甲{separator or ' '}O\n乙{separator or ' '}{tag}\n"
    expected = f"2: found {tag!r}, expected a BIO tag (O, B-TYPE or I-TYPE){hint}"
    lenient = {"tag_spelling": "lenient", "untyped": "X"}
    assert refusal(tmp_path, text, separator=separator) == expected
    assert refusal(tmp_path, text, separator=separator, **lenient) == expected
    if "null" in hint:
        read(tmp_path, text)


def test_comments_and_document_marks(tmp_path: Path) -> None:
    text = "-DOCSTART- O\n甲 B-X\n# id = 7\n乙 I-X\n# O\n#1\n-DOCSTART-\n丙 O\n\n# only\n\n丁 O\n"
    assert refusal(tmp_path, text).endswith(
        "expected one character, then a space or tab: it marks a document, "
        "set comments: ['-DOCSTART-']"
    )
    assert refusal(tmp_path, text, comments=["-DOCSTART-"]).startswith("3: found '# id = 7'")
    assert "set comments: ['#']" in refusal(tmp_path, text, comments=["-DOCSTART-"])
    for units in ("characters", "graphemes", "words"):
        found, counts = read(tmp_path, text, comments=["#", "-DOCSTART-"], units=units)
        expected = [("甲乙#", [(0, 2, "X")]), ("丙", []), ("丁", [])]
        assert (found, counts) == (expected, {"document_marks_skipped": 2, "comments_skipped": 3})


@pytest.mark.parametrize("comment", ["# text", "#", "#sent 1 2 3", "# global.columns = ID FORM"])
def test_a_hash_with_a_tag_is_a_character(tmp_path: Path, comment: str) -> None:
    text = f"{comment}\n# O\n甲 B-X\n"
    assert read(tmp_path, text, comments=["#"])[0] == [("#甲", [(1, 2, "X")])]
    assert "set comments: ['#']" in refusal(tmp_path, text)
    assert read(tmp_path, "# O\n甲 B-X\n")[0] == [("#甲", [(1, 2, "X")])]


ODD = {
    "O": ["0", "o", "Ｏ"],
    "B-PER": ["B_PER", "PER-B", "b-per", "PER_B", "B\u2010PER", "B\u2013PER", "b-PER", "B:PER"],
    "I-PER": ["I_PER", "PER-I", "i-per", "per-i"],
    "B-PER.NAM": ["PER.NAM-B", "B_PER.NAM", "b-per.nam"],
}


def test_odd_spellings(tmp_path: Path) -> None:
    for tag, spellings in ODD.items():
        for spelling in spellings:
            assert respelled(spelling) == tag, spelling
            text = f"甲 B-PER\n乙 {spelling}\n"
            assert refusal(tmp_path, text) == (
                f"2: found {spelling!r}, expected a BIO tag (O, B-TYPE or I-TYPE): "
                f"probably {tag}, set tag_spelling: 'lenient'"
            )
            spelled = read(tmp_path, text, tag_spelling="lenient")
            assert spelled == (read(tmp_path, f"甲 B-PER\n乙 {tag}\n")[0], {"tags_respelled": 1})
    assert all(respelled(tag) is None for tag in ("PER", "", "-", "B-", "-B", "Q-PER", "10"))


@given(st.sampled_from(["BIO", "BIOES", "BMES", "BILOU"]), st.from_regex(r"[a-zA-Z.]{1,6}"))
def test_right_tags_are_their_own_spelling(scheme: str, name: str) -> None:
    name = name.strip()
    for tag in get_scheme(scheme).labels([name]):
        assert respelled(tag) in (tag, None)


def test_tags_without_a_type(tmp_path: Path) -> None:
    text = "甲 B\n乙 I\n丙 O\n丁 B-LOC\n"
    assert "it has no type, set untyped: 'TYPE'" in refusal(tmp_path, text)
    found, counts = read(tmp_path, text, untyped="NAME")
    assert found == [("甲乙丙丁", [(0, 2, "NAME"), (3, 4, "LOC")])]
    assert counts == {"tags_without_a_type": 2}
    lower = text.replace("B\n", "b\n")
    assert read(tmp_path, lower, untyped="NAME", tag_spelling="lenient")[0] == found


WORDS = [("甲乙丙", "BME"), ("丁", "S"), ("戊己", "BE")]


@pytest.mark.parametrize("scheme", ["BMES", "BIOES", "BIO"])
def test_segmentation_in_columns(tmp_path: Path, scheme: str) -> None:
    own = get_scheme(scheme, segmentation=True)
    words = tiling([3, 1, 2])
    lines = [f"{c}\t{t}" for c, t in zip("甲乙丙丁戊己", own.tags(words, 6), strict=True)]
    text = "\r\n".join([*lines, "", *lines[:3], ""])
    found, counts = read(tmp_path, text, task="segmentation", tag_scheme=scheme)
    assert (found, counts) == ([("甲乙丙丁戊己", words), ("甲乙丙", tiling([3]))], {})
    message = refusal(tmp_path, text, tag_scheme=scheme)
    assert "tags look like those of words, set task: 'segmentation'" in message
    if scheme == "BMES":
        assert "tag_scheme: 'BMES'" in refusal(tmp_path, text)
        assert "set tag_scheme: 'BMES'" in refusal(tmp_path, text, task="segmentation")
    with pytest.raises(ConfigurationError, match="words have no types"):
        ConllReader(task="segmentation", untyped="X")


EMOJI = ["❤️", "👍🏽", "👨‍👩‍👧", "1️⃣", "🇨🇳", "e\u0301", "甲"]


@pytest.mark.parametrize("separator", [None, "\t"])
def test_graphemes(tmp_path: Path, separator: str | None) -> None:
    for unit in EMOJI[:-1]:
        text = f"甲\tO\n{unit}\tB-X\n乙\tI-X\n"
        message = refusal(tmp_path, text, separator=separator)
        assert message.startswith("2: ") and message.endswith("set units: 'graphemes'")
        for units in ("graphemes", "words"):
            found, counts = read(tmp_path, text, units=units, separator=separator)
            assert found == [(f"甲{unit}乙", [(1, len(unit) + 2, "X")])]
            assert counts == {f"{units}_of_several_characters": 1}
    assert "set units: 'words'" in refusal(tmp_path, "iPhone\tO\n", units="graphemes")


@given(
    scheme=st.sampled_from(["BIO", "BIOES", "BMES", "BILOU", "IOB1"]),
    words=st.lists(st.sampled_from(["甲", "ab", "2026", " ", "❤️", "#x"]), min_size=1, max_size=8),
    data=st.data(),
)
def test_tags_are_carried_to_the_characters_of_words(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, words: list[str], data: st.DataObject
) -> None:
    starts = [sum(map(len, words[:i])) for i in range(len(words) + 1)]
    edges = sorted(data.draw(st.sets(st.integers(0, len(words)), max_size=6)))
    spans = [
        Span(start, end, data.draw(st.sampled_from("XY")))
        for start, end in zip(edges, edges[1:], strict=False)
        if data.draw(st.booleans())
    ]
    tags = get_scheme(scheme).tags(spans, len(words))
    text = "".join(f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True))
    options = {"units": "words", "tag_scheme": scheme, "illegal_tags": "error", "separator": "\t"}
    found, _ = read(tmp_path_factory.getbasetemp(), text, **options)
    expected = [Span(starts[span.start], starts[span.end], span.type) for span in spans]
    assert found == [("".join(words), expected)]


def test_words_are_named_with_their_key(tmp_path: Path) -> None:
    message = refusal(tmp_path, "买 O\niPhone O\n")
    assert message.startswith("2: ") and message.endswith(
        "the first column holds several characters, set units: 'words'"
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "北京", "label": [[0, 2, "LOC"]]}\n',
        '[{"id": 1, "data": {"text": "北京"}}]\n',
        '[\n  {\n    "id": 1\n  }\n]\n',
        '{\n  "text": "北京"\n}\n',
    ],
)
@pytest.mark.parametrize("separator", [None, "\t"])
def test_json_is_named(tmp_path: Path, text: str, separator: str | None) -> None:
    message = refusal(tmp_path, text, separator=separator)
    assert message.endswith("looks like JSON, set type: 'annotations' or 'span_json'")


@pytest.mark.parametrize("text", ["O\t没\nO\t有\n", "B-X 北\nI-X 京\n", "B_X\t北\nI_X\t京\n"])
def test_swapped_columns_are_named(tmp_path: Path, text: str) -> None:
    message = refusal(tmp_path, text, tag_spelling="lenient")
    assert message.startswith("1: ") and message.endswith("swap the columns of the file")


def test_brackets_and_letters_that_look_like_tags_are_characters(tmp_path: Path) -> None:
    text = '[ O\n{ O\n" O\nO O\nB B-X\n'
    assert read(tmp_path, text)[0] == [('[{"OB', [(4, 5, "X")])]


def tagged(tmp_path: Path, scheme: str, times: int = 5) -> str:
    """Return sentences with entities of one and of three characters, and two adjacent ones."""
    spans = [Span(0, 3, "X"), Span(4, 5, "Y"), Span(5, 7, "Y")]
    tags = get_scheme(scheme).tags(spans, 8)
    return ("".join(f"甲 {tag}\n" for tag in tags) + "\n") * times


@pytest.mark.parametrize("written", ["BIO", "BIOES", "BMES", "IOB1", "BILOU"])
@pytest.mark.parametrize("scheme", ["BIO", "BIOES", "BMES", "IOB1", "BILOU"])
def test_another_scheme_is_named(
    tmp_path: Path, written: str, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = tagged(tmp_path, written)
    expected = f"tags look like {written}, set tag_scheme: '{written}'"
    if written == scheme:
        assert read(tmp_path, text, tag_scheme=scheme)[1] == {} and caplog.messages == []
        return
    assert expected in refusal(tmp_path, text, tag_scheme=scheme, illegal_tags="error")
    if set(get_scheme(written).letters) - set(get_scheme(scheme).letters):
        assert expected in refusal(tmp_path, text, tag_scheme=scheme)
    else:
        read(tmp_path, text, tag_scheme=scheme)
        assert f"5 of the first 5 sentences with spans have illegal {scheme} tags: {expected}" in (
            caplog.text
        )


def test_a_few_illegal_tags_are_no_other_scheme(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(tmp_path, tagged(tmp_path, "BIO", 20) + "甲 I-X\n\n" * 3)
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "3 illegal tags repaired as conlleval reads them, the first on line 181"
    ]


@pytest.mark.parametrize("line", ["O", "B-X", "\tO", " O"])
def test_a_tag_alone_is_a_lost_character(tmp_path: Path, line: str) -> None:
    message = refusal(tmp_path, f"甲 O\n{line}\n乙 O\n")
    assert message.startswith(f"2: found {line!r}") and "a tag alone" in message


def test_columns_parted_by_tabs_and_spaces(tmp_path: Path) -> None:
    text = "甲 n\tB-X\n乙\tn I-X\n丙 \tn\t O\n"
    assert read(tmp_path, text)[0] == [("甲乙丙", [(0, 2, "X")])]
    (tmp_path / "corpus").write_text("甲\tO\n乙 O\n")
    with pytest.raises(DataError, match=":2: .*set separator: null"):
        MsraReader().read(tmp_path / "corpus")


@pytest.mark.parametrize("text", ["甲\tO\r乙\tO\r", "甲\tO\r\r\n乙\tO\r\r\n"])
def test_other_line_breaks(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).endswith("line breaks are LF or CRLF, not CR")


def test_a_file_of_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, "甲 O\n" * 10000)
    assert "no blank line parts sentences: it is one sentence of 10000 characters" in caplog.text
    caplog.clear()
    read(tmp_path, "甲 O\n" * 2000 + "\n乙 O\n")
    read(tmp_path, "甲 O\n" * 500)
    assert caplog.messages == []


RESUME = [
    ("高勇：男，中国国籍", "B-NAME E-NAME O O O B-CONT M-CONT M-CONT E-CONT"),
    ("王任董事", "S-NAME O B-TITLE E-TITLE"),
]


@pytest.mark.parametrize("line_break", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_resume_like_files(tmp_path: Path, line_break: str, encoding: str) -> None:
    blocks = [
        [f"{c} {t}" for c, t in zip(text, tags.split(), strict=True)] for text, tags in RESUME
    ]
    content = "".join(line_break.join([*lines, "", ""]) for lines in blocks) * 50
    path = tmp_path / "train.char.bmes"
    path.write_bytes(content.encode(encoding))
    reader = ConllReader(separator=" ", tag_scheme="BMES", encoding=encoding)
    table = reader.read(path)
    assert (len(table), sum(len(s.spans or []) for s in table)) == (100, 200)
    assert [(s.type, table[0].text[s.start : s.end]) for s in table[0].spans or ()] == [
        ("NAME", "高勇"),
        ("CONT", "中国国籍"),
    ]
    assert reader.counts[str(path)].metrics() == {}
    with pytest.raises(DataError, match="tags look like BMES, set tag_scheme: 'BMES'"):
        ConllReader(encoding=encoding).read(path)
