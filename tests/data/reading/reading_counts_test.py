from pathlib import Path

import pytest

from ner_adv_plugin.data.reading import ConllReader
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts


def test_messages_and_metrics() -> None:
    counts = ReadingCounts()
    counts.add("comments skipped", 9, n=2)
    counts.add("comments skipped", 4)
    counts.add("lines kept", 1, n=0)
    counts.add("duplicate spans", note=" are counted once")
    assert counts.messages() == [
        "3 comments skipped, the first on line 4",
        "1 duplicate spans are counted once",
    ]
    assert counts.metrics("a_") == {"a_comments_skipped": 3, "a_duplicate_spans": 1}


def test_counts_are_those_of_the_last_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "corpus"
    path.write_text("甲 O\n乙 I-X\n\n丙 I-X\n丁 I-Y\n")
    reader = ConllReader()
    for _ in range(2):
        reader.read(path)
        assert reader.counts[str(path)].metrics() == {"illegal_tags_repaired": 3}
    message = f"{path}: 3 illegal tags repaired as conlleval reads them, the first on line 2"
    assert caplog.messages == [message] * 2
