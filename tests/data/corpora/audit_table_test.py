"""The audit table for the terminal."""

from ner_adv_plugin.data.corpora.audit import Audit, SplitSummary
from ner_adv_plugin.data.corpora.audit_table import table
from ner_adv_plugin.data.corpora.overlaps import SplitRows, find_overlaps


def summary(**found: object) -> SplitSummary:
    """Return a summary with these fields and trivial values for all others."""
    empty = {
        "file": "f",
        "known_as": None,
        "sentences": 1,
        "characters": 5,
        "entities": None,
        "words": None,
    }
    more = {
        "max_length": 5,
        "duplicates": 0,
        "illegal_transitions": 0,
        "illegal_sentences": [],
        "unknown_characters": None,
    }
    return SplitSummary(**{**empty, **more, "fingerprint": "0123456789abcdef" * 4, **found})  # type: ignore[arg-type]


def sentences(dataset: str, split: str, *texts: str) -> SplitRows:
    """Sentences whose tags are equal if their texts are."""
    return SplitRows(dataset, split, texts, [text.encode() for text in texts])


def test_numbers_and_details() -> None:
    types = {f"TYPE.{i}": 1000 + i for i in range(20)}
    summaries = {
        "a": {
            "train": summary(
                sentences=12345,
                entities={"total": 2, "types": {"LOC": 1, "PER": 1}},
                known_as="A corpus",
            ),
            "test": summary(
                entities={"total": 1, "types": types}, illegal_sentences=list(range(1000, 1030))
            ),
        },
        "people_daily": {"validation": summary(words=4)},
    }
    text = table(Audit(summaries, find_overlaps([])))
    assert text.splitlines()[:4] == [
        "                         sentences  chars  entities  words  longest  duplicates  illegal",
        "a.train                     12,345      5         2      -        5           0        0",
        "  A corpus, fingerprint 0123456789ab",
        "  LOC 1  PER 1",
    ]
    assert max(map(len, text.splitlines())) <= 100
    assert "1018, 1019 and 10 more (--output-file lists all)" in " ".join(text.split())
    assert "1020" not in text.replace("TYPE.19 1,019", "")
    assert "unknown" not in text
    assert text.endswith("No sentence occurs in two splits.")


def test_flagged_pairs_come_first_with_advice() -> None:
    splits = [
        sentences("a", "train", "甲乙丙丁戊己庚辛壬癸", "短", "长长长长长长长长"),
        sentences("a", "test", "别的", "更长长长长长长长长"),
        sentences("b", "train", "短", "还有"),
        sentences("b", "validation", "乙丙丁戊己庚辛壬", "别的", "短"),
    ]
    summaries = {
        "a": {"train": summary(), "test": summary()},
        "b": {"train": summary(), "validation": summary()},
    }
    lines = table(Audit(summaries, find_overlaps(splits))).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Sentences found elsewhere"))
    shown = [line.split() for line in lines[start + 1 : lines.index("", start)]]
    assert shown == [
        # sentences of, in, split, exact, normalised, contained, same tags, holders
        ["!", "b.validation", "in", "a.train", "1", "1", "2", "1", "2"],
        ["!", "b.validation", "in", "b.train", "1", "1", "1", "1", "1"],
        # A training sentence within a test sentence: none equal, the other direction is empty.
        ["!", "a.train", "in", "a.test", "0", "0", "1", "0", "1"],
        ["b.train", "in", "a.train", "1", "1", "1", "1", "1"],
        ["b.validation", "in", "a.test", "1", "1", "1", "1", "1"],
    ]
    advice = " ".join(" ".join(lines).split("! Training data ")[1].split())
    assert advice.startswith("share sentences with validation or test data.")
    assert "Training sentences that equal or contain such a sentence: 2 of a, 1 of b;" in advice
    assert 'data_loader.leakage "drop"' in advice


def test_no_advice_if_nothing_leaks() -> None:
    splits = [sentences("a", "test", "短"), sentences("b", "test", "短")]
    summaries = {"a": {"test": summary()}, "b": {"test": summary()}}
    text = table(Audit(summaries, find_overlaps(splits)))
    assert "  b.test in a.test" in text and "!" not in text
