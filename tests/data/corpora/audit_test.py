"""Summaries of splits, counted by hand."""

from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.corpora.audit import SplitSummary, count_unknown, summarise
from ner_adv_plugin.data.corpora.overlaps import SplitRows
from ner_adv_plugin.data.reading import DatasetReader

# Four sentences: 王明在京, 他, 他 with another tag, and one with two illegal tags.
SENTENCES = "王 B-PER\n明 I-PER\n在 O\n京 B-LOC\n\n他 O\n\n他 B-PER\n\n我 O\n去 I-LOC\n沪 I-PER\n"


def look(
    path: Path, content: str | bytes, reader: Any = "conll", dataset: str = "d"
) -> tuple[SplitSummary, SplitRows]:
    """Summarise a file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    made = construct(DatasetReader, reader)
    made.bind(dataset)
    return summarise(made, "train", str(path))


def test_entities_by_hand(tmp_path: Path) -> None:
    summary, sentences = look(tmp_path / "f", SENTENCES)
    # Fingerprints are tested separately.
    assert len(summary.fingerprint) == 64
    summary.fingerprint = ""
    assert summary == SplitSummary(
        file=str(tmp_path / "f"),
        known_as=None,
        sentences=4,
        characters=9,
        entities={"total": 5, "types": {"LOC": 2, "PER": 3}},
        words=None,
        max_length=4,
        duplicates=2,
        illegal_transitions=2,
        illegal_sentences=[10],
        unknown_characters=None,
        fingerprint="",
    )
    assert (sentences.dataset, sentences.split, sentences.texts) == (
        "d",
        "train",
        ["王明在京", "他", "他", "我去沪"],
    )
    assert len(set(sentences.tagged)) == 4 and None not in sentences.tagged


def test_words_by_hand(tmp_path: Path) -> None:
    summary, _ = look(tmp_path / "f", "我  爱  北京\n\n上海\n我爱  北京\n", "msr")
    assert (summary.sentences, summary.characters, summary.max_length, summary.duplicates) == (
        3,
        10,
        4,
        2,
    )
    assert (summary.entities, summary.words) == (None, 6)


def test_illegal_positions_within_words(tmp_path: Path) -> None:
    reader = {"type": "weibo", "task": "segmentation"}
    content = "我0\tO\n去1\tO\n\n我0\tO\n去2\tO\n了4\tO\n\n好1\tO\n"
    summary, _ = look(tmp_path / "f", content, reader)
    assert (summary.illegal_transitions, summary.illegal_sentences, summary.words) == (3, [4, 8], 3)
    assert look(tmp_path / "f", content, "weibo")[0].illegal_sentences == []


def test_unlabelled_texts(tmp_path: Path) -> None:
    summary, sentences = look(tmp_path / "f", "你好\n你好\n！\n", "unlabelled")
    assert (summary.entities, summary.words, summary.duplicates) == (None, None, 2)
    assert sentences.tagged == [None, None, None]


@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (SENTENCES.replace("\n", "\r\n"), "conll"),
        (b"\xef\xbb\xbf" + SENTENCES.encode(), "conll"),
        (SENTENCES + "\n\n", "conll"),
        (SENTENCES.replace("\n\n", "\n\n\n"), "conll"),
        (SENTENCES.replace(" ", "\t"), "msra"),
        (SENTENCES.replace(" ", " x "), "conll"),
        (SENTENCES, {"type": "conll", "overlaps": "outermost"}),
        # The illegal tags as conlleval repairs them.
        (SENTENCES.replace("去 I-LOC\n沪 I-PER", "去 B-LOC\n沪 B-PER"), "conll"),
        (
            SENTENCES.replace("明 I", "明 E").replace("京 B", "京 S"),
            {"type": "conll", "tag_scheme": "BIOES"},
        ),
    ],
)
def test_fingerprint_depends_on_what_was_read(
    tmp_path: Path, content: str | bytes, reader: Any
) -> None:
    expected, sentences = look(tmp_path / "one", SENTENCES)
    summary, same = look(tmp_path / "other", content, reader, dataset="e")
    assert summary.fingerprint == expected.fingerprint
    assert same.tagged == sentences.tagged


@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (SENTENCES.replace("京 B-LOC", "京 O"), "conll"),
        (SENTENCES.replace("京 B-LOC", "京 B-ORG"), "conll"),
        (SENTENCES.replace("明 I-PER", "明 B-PER"), "conll"),
        (SENTENCES.replace("他 O\n\n他 B-PER", "他 B-PER\n\n他 O"), "conll"),
        (SENTENCES.replace("在", "於"), "conll"),
        (SENTENCES.replace("在 O\n", "在 O\n\n"), "conll"),
        (SENTENCES, {"type": "conll", "type_map": {"LOC": "GPE"}}),
        (SENTENCES, {"type": "conll", "max_instances": 3}),
        ("王明在京\n他\n他\n我去沪\n", "unlabelled"),
    ],
)
def test_fingerprint_distinguishes_texts_and_tags(
    tmp_path: Path, content: str, reader: Any
) -> None:
    assert (
        look(tmp_path / "one", content, reader)[0].fingerprint
        != look(tmp_path / "other", SENTENCES)[0].fingerprint
    )


def test_unknown_characters_as_often_as_they_occur() -> None:
    alphabet = CharacterAlphabet({"甲": 2, "乙": 3}, unknown=1)
    assert count_unknown(["甲乙丙", "丙", "", "a丙\ud83d"], alphabet) == 5
    assert count_unknown([], alphabet) == 0
