"""Renaming and dropping of types, in every reader of entities and every tag scheme of a file."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading import ConllReader, DatasetReader

SCHEMES = ["BIO", "BIOES", "BMES", "IOB1", "BILOU"]
POS = {"PER": "nr", "LOC": "ns", "ORG": "nt"}
Sentence = tuple[str, list[Span]]
Writer = Callable[[list[Sentence], str], str]


def conll(sentences: list[Sentence], scheme: str) -> str:
    tags = [get_scheme(scheme).tags(spans, len(text)) for text, spans in sentences]
    return "\n".join(
        "".join(f"{c} {t}\n" for c, t in zip(sentence[0], own, strict=True))
        for sentence, own in zip(sentences, tags, strict=True)
    )


def weibo(sentences: list[Sentence], scheme: str) -> str:
    return conll(sentences, scheme).replace(" ", "0\t")


def span_json(sentences: list[Sentence], scheme: str) -> str:
    lines = []
    for text, spans in sentences:
        label: dict[str, dict[str, list[list[int]]]] = {}
        for span in spans:
            surfaces = label.setdefault(span.type, {})
            surfaces.setdefault(text[span.start : span.end], []).append([span.start, span.end - 1])
        lines.append(json.dumps({"text": text, "label": label}))
    return "\n".join(lines)


def pfr(sentences: list[Sentence], scheme: str) -> str:
    lines = []
    for text, spans in sentences:
        cuts = sorted({0, len(text)} | {edge for span in spans for edge in (span.start, span.end)})
        types = {span.start: POS[span.type] for span in spans}
        words = [(text[start:end], types.get(start)) for start, end in itertools.pairwise(cuts)]
        # Brackets prevent the joining of adjacent names.
        lines.append("  ".join(f"[{word}/n]{pos}" if pos else f"{word}/v" for word, pos in words))
    return "\n".join(lines)


@st.composite
def a_sentence(draw: st.DrawFn) -> Sentence:
    """A text and entities that may be adjacent but do not overlap."""
    spans, position = [], 0
    for gap, length, name in draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(list(POS))), max_size=6
        )
    ):
        spans.append(Span(position + gap, position + gap + length, name))
        position += gap + length
    length = position + draw(st.integers(0 if position else 1, 2))
    return draw(st.text("甲乙😀a", min_size=length, max_size=length)), spans


@pytest.mark.parametrize(
    ("reader", "write"),
    [("conll", conll), ("weibo", weibo), ("span_json", span_json), ("pfr", pfr)],
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    sentences=st.lists(a_sentence(), min_size=1, max_size=3),
    file_scheme=st.sampled_from(SCHEMES),
    type_map=st.dictionaries(
        st.sampled_from(list(POS)), st.sampled_from([None, "PER", "LOC", "X"])
    ),
)
def test_round_trip_of_entities(
    tmp_path: Path,
    reader: str,
    write: Writer,
    sentences: list[Sentence],
    file_scheme: str,
    type_map: dict[str, str | None],
) -> None:
    path = tmp_path / "corpus"
    path.write_text(write(sentences, file_scheme), encoding="utf-8", newline="\n")
    options = {"tag_scheme": file_scheme} if reader in ("conll", "weibo") else {}
    reader_class = DatasetReader.by_name(reader)
    found = reader_class(**options, type_map=type_map, illegal_tags="error").read(path)
    assert [sentence.text for sentence in found] == [text for text, _ in sentences]
    for sentence, (_, spans) in zip(found, sentences, strict=True):
        expected = [(span.start, span.end, type_map.get(span.type, span.type)) for span in spans]
        assert sentence.spans == [entity for entity in expected if entity[2] is not None]


def read(tmp_path: Path, text: str, **options: Any) -> list[list[Span] | None]:
    path = tmp_path / "corpus"
    path.write_text(text, encoding="utf-8")
    return [sentence.spans for sentence in ConllReader(**options).read(path)]


TEXT = "甲 B-PER.NAM\n乙 I-PER.NAM\n丙 B-PER.NOM\n丁 B-GPE.NAM\n戊 O\n\n己 B-LOC.NAM\n"
WEIBO_MAP = {"PER.NAM": "PER", "PER.NOM": "PER", "GPE.NAM": None}


def test_types_by_hand(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(tmp_path, TEXT, type_map=WEIBO_MAP) == [
        [(0, 2, "PER"), (2, 3, "PER")],
        [(0, 1, "LOC.NAM")],
    ]
    # New names are not mapped again.
    swapped = {"PER.NAM": "PER.NOM", "PER.NOM": "PER.NAM"}
    assert read(tmp_path, TEXT, type_map=swapped)[0] == [
        (0, 2, "PER.NOM"),
        (2, 3, "PER.NAM"),
        (3, 4, "GPE.NAM"),
    ]
    assert caplog.text == ""


def test_types_after_repair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read(
        tmp_path, "甲 I-PER.NOM\n乙 I-PER.NAM\n", type_map={"PER.NAM": "PER", "PER.NOM": "PER"}
    )
    assert found == [[(0, 1, "PER"), (1, 2, "PER")]]
    assert "2 illegal tags repaired" in caplog.text


def test_types_that_never_occur(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, TEXT, type_map={"PER.NMA": "PER", "PER.NOM": "PER"})
    assert [record.getMessage() for record in caplog.records] == [
        f'{tmp_path / "corpus"}: no entity of type "PER.NMA", which type_map names. '
        'Did you mean "PER.NAM"? Types: GPE.NAM, LOC.NAM, PER.NAM, PER.NOM.'
    ]
    caplog.clear()
    read(tmp_path, "甲 O\n", type_map={"PER": None})
    assert caplog.messages == [
        f'{tmp_path / "corpus"}: no entity of type "PER", which type_map names. Types: none.'
    ]
    caplog.clear()
    # Types may occur in the part of the file that is not read.
    read(tmp_path, TEXT, type_map={"LOC.NAM": "LOC"}, max_instances=1)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (
            {"type": "msra", "type_map": {"PER": ""}},
            "reader.type_map.PER",
            'found "": expected a type or null',
        ),
        (
            {"type": "weibo", "task": "segmentation", "type_map": {"PER": None}},
            "reader.type_map",
            "words have no types",
        ),
        (
            {"type": "msra", "type_map": {"PER": 1}},
            "reader.type_map.PER",
            "expected a string, found 1",
        ),
        ({"type": "msr", "type_map": {}}, "reader.type_map", "unknown key"),
        (
            {"type": "pfr", "task": "words"},
            "reader.task",
            "found 'words', expected one of 'ner', 'segmentation'",
        ),
        ({"type": "msra", "task": "segmentation"}, "reader.task", "unknown key"),
        ({"type": "msr", "task": "ner"}, "reader.task", "unknown key"),
        ({"type": "pfr", "training_scheme": "BIO"}, "reader.training_scheme", "unknown key"),
        (
            {"type": "msra", "annotated_types": []},
            "reader.annotated_types",
            "found an empty list: expected types or null",
        ),
        (
            {"type": "pfr", "task": "segmentation", "annotated_types": ["PER"]},
            "reader.annotated_types",
            "words have no types: expected null",
        ),
        (
            {"type": "msra", "encoding_errors": "replaced"},
            "reader.encoding_errors",
            "found 'replaced', expected one of",
        ),
        (
            {"type": "unlabelled", "lines_per_sentence": 0},
            "reader.lines_per_sentence",
            "expected 1 or more, found 0",
        ),
    ],
)
def test_invalid_settings(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(DatasetReader, settings, "reader")
    assert error.value.path == path and error.value.message.startswith(message)


def test_annotated_types_against_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mapped = {**WEIBO_MAP, "LOC.NAM": "LOC"}
    assert len(read(tmp_path, TEXT, type_map=mapped, annotated_types=["PER", "LOC"])) == 2
    assert caplog.messages == []
    read(tmp_path, TEXT, type_map=mapped, annotated_types=["PER", "LOC", "ORG"])
    assert caplog.messages == [
        f'{tmp_path / "corpus"}: no entity of type "ORG", which annotated_types names'
    ]
    with pytest.raises(DataError) as error:
        read(tmp_path, TEXT, type_map=mapped, annotated_types=["PER", "LOCATION"])
    expected = "types listed in annotated_types, or null for it in type_map. Did you mean"
    assert str(error.value).startswith(
        f"{tmp_path / 'corpus'}: found 'entities of type LOC', expected {expected}"
    )
