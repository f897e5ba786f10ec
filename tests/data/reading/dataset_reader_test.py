"""The checks of spans that every reader makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.reading import ConllReader, DatasetReader
from ner_adv_plugin.data.reading.dataset_reader import Task
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.normalisers import LowercaseNormaliser

NESTED = [Span(1, 3, "LOC"), Span(0, 4, "ORG"), Span(3, 5, "PER")]


@dataclass(kw_only=True)
class Plain(DatasetReader):
    """A custom reader that yields the sentences it is constructed with."""

    task: Task = "ner"
    sentences: Sequence[tuple[str, list[Span] | None]] = field(default_factory=list)

    def _read(self, file_path: str) -> Iterable[Instance]:
        for number, (text, spans) in enumerate(self.sentences, start=1):
            yield self.text_to_instance(text, spans, 10 * number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "corpus").touch()
    return tmp_path / "corpus"


def read(
    path: Path, *sentences: tuple[str, list[Span] | None], **options: Any
) -> list[list[Span] | None]:
    return [sentence.spans for sentence in Plain(sentences=sentences, **options).read(path)]


def error_of(path: Path, *sentences: tuple[str, list[Span] | None], **options: Any) -> str:
    with pytest.raises(DataError) as error:
        read(path, *sentences, **options)
    return str(error.value).removeprefix(f"{path}:")


@pytest.mark.parametrize(
    "span", [Span(-1, 1, "X"), Span(1, 1, "X"), Span(2, 1, "X"), Span(1, 3, "X"), Span(2, 3, "X")]
)
def test_spans_outside_of_the_text(path: Path, span: Span) -> None:
    found = f"X [{span.start}, {span.end})"
    message = f"20: found '{found}', expected a non-empty span within the text of 2 characters"
    assert error_of(path, ("甲乙丙丁", [Span(0, 4, "X")]), ("甲乙", [span])) == message


def test_overlapping_spans_are_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(path, ("甲乙丙丁戊", NESTED), ("甲", [])) == [
        [(0, 4, "ORG"), (1, 3, "LOC"), (3, 5, "PER")],
        [],
    ]
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        (NESTED, "ORG 甲乙丙丁 [0, 4) and LOC 乙丙 [1, 3)"),
        ([Span(2, 4, "X"), Span(0, 3, "Y")], "Y 甲乙丙 [0, 3) and X 丙丁 [2, 4)"),
        ([Span(0, 1, "X"), Span(0, 1, "Y")], "X 甲 [0, 1) and Y 甲 [0, 1)"),
    ],
)
def test_overlapping_spans_as_an_error(path: Path, spans: list[Span], found: str) -> None:
    sentences = ("甲乙丙丁戊", [Span(0, 1, "X"), Span(1, 5, "X")]), ("甲乙丙丁戊", spans)
    message = f"20: found '{found}', expected entities that do not overlap"
    assert error_of(path, *sentences, overlaps="error") == message
    assert read(path, sentences[0], overlaps="error") == [[(0, 1, "X"), (1, 5, "X")]]


@pytest.mark.parametrize(
    ("overlaps", "kept", "dropped"),
    [
        ("outermost", [(0, 4, "ORG")], 2),
        ("innermost", [(1, 3, "LOC"), (3, 5, "PER")], 1),
        ("first", [(1, 3, "LOC"), (3, 5, "PER")], 1),
    ],
)
def test_overlapping_spans_are_dropped_and_counted(
    path: Path,
    caplog: pytest.LogCaptureFixture,
    overlaps: str,
    kept: list[tuple[int, int, str]],
    dropped: int,
) -> None:
    assert read(path, ("甲乙丙丁戊", NESTED), ("甲", None), ("乙", []), overlaps=overlaps) == [
        kept,
        None,
        [],
    ]
    assert caplog.messages == [
        f'{path}: {dropped} overlapping entities dropped (overlaps "{overlaps}"), '
        "the first on line 10"
    ]


def test_duplicate_spans_are_counted_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    twice = [Span(0, 1, "X"), Span(1, 2, "X"), Span(0, 1, "X")]
    expected = [[(0, 1, "X"), (1, 2, "X")]]
    assert read(path, ("甲乙", twice)) == read(path, ("甲乙", twice), overlaps="error") == expected
    message = f"{path}: 1 duplicate spans are counted once, the first on line 10"
    assert caplog.messages == [message] * 2
    assert read(path, ("甲乙", twice), overlaps="first") == expected
    assert caplog.messages == [message] * 3


def test_errors_name_the_line_if_a_reader_returns_a_selection(path: Path) -> None:
    """A reader may return a part of another reader's table."""

    class Later(Plain):
        def _read(self, file_path: str) -> InstanceTable:
            return InstanceTable.of(super()._read(file_path))[1:]

    one, two = (
        ("甲乙", [Span(0, 1, "X"), Span(0, 1, "X")]),
        ("丙丁", [Span(0, 2, "X"), Span(0, 1, "X")]),
    )
    reader = Later(sentences=[one, two], overlaps="error")
    with pytest.raises(DataError, match=r":20: found 'X 丙 \[0, 1\) and X 丙丁 \[0, 2\)'"):
        reader.read(path)
    assert len(Later(sentences=[one, two, two]).read(path)) == 2


words = st.lists(st.builds(Span, st.integers(0, 4), st.integers(1, 5)), max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), words), min_size=1, max_size=4))
def test_words_must_tile_their_text(path: Path, drawn: list[tuple[int, bool, list[Span]]]) -> None:
    """Any spans as words, compared with the characters that they cover, in order."""
    sentences: list[tuple[str, list[Span] | None]] = []
    wrong = []
    for number, (length, is_tiled, spans) in enumerate(drawn, start=1):
        within = [span for span in sorted(spans) if span.start < span.end <= length]
        own = tiling([1] * length) if is_tiled else within
        sentences.append(("字" * length, own))
        if [i for span in own for i in range(span.start, span.end)] != list(range(length)):
            wrong.append(10 * number)
    if wrong:
        message = error_of(path, *sentences, task="segmentation")
        assert message.startswith(f"{wrong[0]}: found") and message.endswith(
            "expected words that tile the text"
        )
    else:
        assert read(path, *sentences, task="segmentation") == [own for _, own in sentences]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "[0, 4) in no word"),
        ([Span(1, 4)], "[0, 1) in no word"),
        ([Span(0, 1), Span(3, 4)], "[1, 3) in no word"),
        ([Span(0, 2)], "[2, 4) in no word"),
        ([Span(0, 3), Span(1, 4)], "[1, 3) in two words"),
        ([Span(0, 4), Span(0, 4)], "[0, 4) in two words"),
    ],
)
def test_words_that_do_not_tile(path: Path, words: list[Span], found: str) -> None:
    sentences = ("甲乙", None), ("丙", [Span(0, 1)]), ("甲乙丙丁", words)
    message = f"30: found 'characters {found}', expected words that tile the text"
    assert error_of(path, *sentences, task="segmentation") == message
    assert read(path, *sentences[:2], task="segmentation") == [None, [(0, 1, "")]]


def test_missing_and_empty_files(path: Path, tmp_path: Path) -> None:
    assert error_of(path).endswith("found 'no sentences', expected at least one sentence")
    with pytest.raises(
        DataError, match="no-such: found 'no such file', expected an existing corpus file"
    ):
        Plain().read(tmp_path / "no-such")


def test_the_form_of_texts_is_skipped_only_if_it_changes_none() -> None:
    class OwnForm(ConllReader):
        def shown(self, text: str) -> str:
            return text.lower()

    assert ConllReader().form() is str
    assert OwnForm().form()("A") == "a"
    assert ConllReader(normalisers=[LowercaseNormaliser()]).form()("A") == "a"
