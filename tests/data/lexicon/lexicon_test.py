"""Words of a lexicon and their matches, against a search at every position."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError
from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.training_windows import training_windows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.lexicon import FileWords, Lexicon, LexiconAlphabet
from ner_adv_plugin.data.lexicon.building import build_lexicon
from ner_adv_plugin.data.lexicon.matching import count_words
from ner_adv_plugin.data.lexicon.vectors import read_vectors
from ner_adv_plugin.data.lexicon.word_lists import is_gazetteer, read_gazetteer, read_words
from ner_adv_plugin.data.reading import UnlabelledReader
from tests.modules.examples import vocabulary

pytest.importorskip("ahocorasick")

texts = st.text("甲乙丙", max_size=12)
word_lists = st.lists(st.text("甲乙丙", min_size=1, max_size=4), unique=True, max_size=8)


def search(words: list[str], text: str) -> list[tuple[int, int, str]]:
    """Start, end and word of every match."""
    return sorted(
        (start, start + len(word), word)
        for start in range(len(text))
        for word in words
        if text[start : start + len(word)] == word
    )


@given(word_lists, texts)
def test_matches_are_those_of_a_search(words: list[str], text: str) -> None:
    known = words[::2]
    lexicon = Lexicon({word: 3 + i for i, word in enumerate(words)}, known)
    expected = [
        [start, end, known.index(word) + 2 if word in known else 1, 3 + words.index(word)]
        for start, end, word in search(words, text)
    ]
    assert lexicon.matches(text).tolist() == expected
    assert lexicon.rows == len(known) + 2


@given(st.lists(st.tuples(st.text("甲乙", min_size=1, max_size=3), st.sampled_from("XYZ"))), texts)
def test_typed_matches_are_those_of_a_search(pairs: list[tuple[str, str]], text: str) -> None:
    lexicon = Lexicon({}, (), pairs)
    expected = sorted(
        [start, end, lexicon.types.index(name)]
        for word, name in set(pairs)
        for start, end, _ in search([word], text)
    )
    assert lexicon.typed_matches(text).tolist() == expected


@given(word_lists, st.lists(texts, max_size=3))
def test_covered_matches_do_not_count(words: list[str], sentences: list[str]) -> None:
    expected: Counter[str] = Counter()
    for text in sentences:
        found = search(words, text)
        for start, end, word in found:
            others = [(s, e) for s, e, _ in found if (s, e) != (start, end)]
            expected[word] += not any(s <= start and end <= e for s, e in others)
    assert count_words(words, sentences) == +expected


def test_words_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("北京\n\n长江 7 ns\nNew York\t2\n长江 1\n", encoding="utf-8")
    assert read_words(path) == {"北京": 0, "长江": 8, "New York": 2}


@pytest.mark.parametrize("line", ["New York", "长江\tLOC", "长江 -1", "长江 1.5", "\t3"])
def test_a_line_that_is_no_word(line: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(f"北京\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"words\.txt:2: .*a word and its frequency"):
        read_words(path)


FILES = [
    (read_words, "北京 12\n国家主席\n上海 3\n"),
    (read_gazetteer, "北京\tLOC\n国家主席\tPER\n上海\tLOC\n"),
    (is_gazetteer, "北京\tLOC\n国家主席\tPER\n上海\tLOC\n"),
    (read_vectors, "3 2\n北京 0.1 0.2\n国家主席 0.3 0.4\n上海 1 2\n"),
]


@pytest.mark.parametrize(("read", "content"), FILES)
@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
def test_files_in_another_encoding_name_no_config_key(
    read: Callable[[str], Any], content: str, encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content.encode(encoding))
    with pytest.raises(DataError) as error:
        read(str(path))
    assert str(error.value).startswith(f"{path}: ") and "encoding" not in error.value.reason
    # What the message says is what makes the file readable.
    found = re.search(r"`iconv -f (\S+) -t UTF-8`", error.value.reason)
    assert found is not None
    path.write_bytes(path.read_bytes().decode(found[1]).encode())
    read(str(path))


@pytest.mark.parametrize(("read", "content"), FILES)
def test_a_byte_order_mark_and_other_line_breaks_change_nothing(
    read: Callable[[str], Any], content: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_bytes(content.encode())
    other.write_bytes(content.replace("\n", "\r\n").encode("utf-8-sig"))
    assert repr(read(str(one))) == repr(read(str(other)))


def test_a_damaged_line_of_a_utf8_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("北京 1 2\n长江 1 2\n".encode() + b"\xff\xfe 1 2\n")
    with pytest.raises(DataError, match=r"words\.txt:3: found b'\\xff', expected UTF-8 text$"):
        read_words(str(path))
    # Published vectors have some.
    assert set(read_vectors(str(path))[0]) == {"北京", "长江", "\ufffd\ufffd"}


def test_a_gazetteer(tmp_path: Path) -> None:
    path = tmp_path / "types.txt"
    path.write_text("北京\tLOC\n\n北京\tORG\n北京\tLOC\n", encoding="utf-8")
    assert read_gazetteer(path) == [("北京", "LOC"), ("北京", "ORG")]
    path.write_text("北京\tLOC\n长江 LOC\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"types\.txt:2: .*a word, a tab and its type"):
        read_gazetteer(path)


def test_building(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("甲乙\n甲 5\n丙丁\n戊\n", encoding="utf-8")
    lexicon, weights = build_lexicon([FileWords(str(words))], [], None, ["甲乙丙", "丙丁甲乙"])
    assert lexicon.frequencies == {"甲乙": 2, "甲": 5, "丙丁": 1, "戊": 1}
    # 甲 is always covered by 甲乙, and 戊 is in no text.
    assert lexicon.known == {"丙丁": 2, "甲乙": 3} and weights is None

    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 3\n戊 1 2 3\n己 4 5 6\n", encoding="utf-8")
    lexicon, weights = build_lexicon([FileWords(str(words))], [], str(vectors), ["甲乙丙"])
    assert list(lexicon.known) == ["戊", "甲乙"] and lexicon.embedding_dim == 3
    assert weights is not None and weights[[1, 2]].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert np.isnan(weights[[0, 3]]).all()
    lexicon, weights = build_lexicon([], [], str(vectors), [])
    assert list(lexicon.known) == ["己", "戊"] and lexicon.frequencies == {"戊": 1, "己": 1}
    assert weights is not None and weights[1:].tolist() == [[2.5, 3.5, 4.5], [4, 5, 6], [1, 2, 3]]


def test_vectors_of_another_size(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    for damaged in ("戊 1 2", "戊 1 2 x", "戊 1 2 nan", "戊 1 -inf 2", "戊 1 2 1e99"):
        vectors.write_text(f"甲 1 2 3\n{damaged}\n", encoding="utf-8")
        with pytest.raises(DataError, match=r"vectors\.txt:2"):
            build_lexicon([], [], str(vectors), [])
    words = tmp_path / "words.txt"
    words.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="words: the lists have no words"):
        build_lexicon([FileWords(str(words))], [], None, [])


def test_saved_and_loaded(tmp_path: Path) -> None:
    lexicon = Lexicon(
        {"乙": 4, "甲\n\t": 2, "丙": 1}, ["甲\n\t", "乙"], [("丙", "X"), ("丙", "A")], 7
    )
    lexicon.save(tmp_path / "lexicon")
    loaded = Lexicon.load(tmp_path / "lexicon")
    assert vars(loaded) == vars(lexicon)
    (tmp_path / "lexicon" / "words.jsonl").write_text('["乙", 4, 5]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"words\.jsonl: the rows of words"):
        Lexicon.load(tmp_path / "lexicon")


def test_words_of_a_user(tmp_path: Path) -> None:
    lexicon = Lexicon({"甲": 4, "乙": 9}, ["甲"], [("丙", "LOC")])
    assert lexicon.matches("甲丁戊").tolist() == [[0, 1, 2, 4]]
    path = tmp_path / "mine.txt"
    path.write_text("甲 100\n丁\n戊 3\n", encoding="utf-8")
    lexicon.add(path)
    # Without a frequency, the mean of 4 and 9.
    assert lexicon.matches("甲丁戊").tolist() == [[0, 1, 2, 4], [1, 2, 1, 6], [2, 3, 1, 3]]
    assert lexicon.rows == 3

    path.write_text("丁\tLOC\n", encoding="utf-8")
    lexicon.add(path)
    assert lexicon.typed_matches("丙丁").tolist() == [[0, 1, 0], [1, 2, 0]]
    path.write_text("丁\tLOK\n", encoding="utf-8")
    with pytest.raises(UserError, match='unknown type "LOK".*Did you mean "LOC"'):
        lexicon.add(path)
    with pytest.raises(UserError, match="trained without gazetteers"):
        Lexicon({"甲": 1}).add(path)
    path.write_text("丁\n", encoding="utf-8")
    with pytest.raises(UserError, match="gazetteers alone"):
        Lexicon({}, (), [("甲", "LOC")]).add(path)


def test_sentences_of_a_batch_carry_their_matches() -> None:
    vocab = vocabulary("weibo")
    lexicon = Lexicon({"北京": 2, "上海": 1})
    alphabet = LexiconAlphabet(CharacterAlphabet({"北": 2}, 1), lexicon)
    sentences = [Instance("a北京A上海", []), Instance("无", []), Instance("上海北", [])]
    dataset = EncodedDataset("weibo", sentences, vocab, alphabet, str.lower)
    batch = collate([(dataset, 2), (dataset, 1), (dataset, 0)])
    found = {i: rows for i, rows in zip(batch.sentence_ids, batch.inputs["words"], strict=True)}
    assert found[0].tolist() == [[1, 3, 1, 2], [4, 6, 1, 1]]
    assert found[1].tolist() == [[-1] * 4] * 2
    assert found[2].tolist() == [[0, 2, 1, 1], [-1] * 4]
    chosen = batch.select([2])
    assert chosen.inputs["words"].shape == (1, 2, 4)

    # A window of a long sentence has its own matches.
    windows = training_windows(dataset, 3)
    texts = [windows.text(i) for i in range(len(windows))]
    assert texts == ["a北京", "A上海", "无", "上海北"]
    assert [windows.inputs_of(i)["words"][:, 0].tolist() for i in range(4)] == [[1], [1], [], [0]]


def test_streamed_sentences_are_matched_on_access(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("去A北京\n上海人在上海\n", encoding="utf-8")
    table = UnlabelledReader().read(str(path))
    assert table.streamed
    alphabet = LexiconAlphabet(CharacterAlphabet({"北": 2}, 1), Lexicon({"a北京": 2, "上海": 1}))
    vocab = vocabulary("reviews")
    streamed = EncodedDataset("reviews", table, vocab, alphabet, str.lower)
    held = EncodedDataset("reviews", list(table), vocab, alphabet, str.lower)
    for sentence in range(2):
        found = streamed.inputs_of(sentence)["words"]
        assert found.tolist() == held.inputs_of(sentence)["words"].tolist()
    assert streamed.inputs_of(1)["words"].tolist() == [[0, 2, 1, 1], [4, 6, 1, 1]]
