"""What a format writes, it reads back: texts, spans and which sentences are unlabelled."""

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.formats import CorpusFile, CorpusFormat, recognised
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

# Characters that have broken readers: spaces, breaks that are none, emoji, marks, controls.
ODD = '\u3000 \t\u2028\u0085\x0c\ufeff\ufffd😀👨\u200d#-0O"\\/,;[]{}abcZ9\u0301王明北京。'
TYPES = ("PER", "LOC.NAM", "组织", "a-b", "O")


@st.composite
def sentences(draw: st.DrawFn, overlapping: bool, unlabelled: bool, breaks: bool) -> list[Instance]:
    alphabet = st.sampled_from(ODD + ("\n\r" if breaks else "")) | st.characters(
        exclude_categories=["Cs"], exclude_characters="" if breaks else "\n\r"
    )
    found = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.text(alphabet, min_size=1, max_size=12))
        spans: list[Span] | None = []
        if unlabelled and draw(st.booleans()):
            spans = None
        elif overlapping:
            pairs = draw(st.lists(st.tuples(_edges(text), _edges(text)), max_size=4))
            ranges = {(min(a, b), max(a, b)) for a, b in pairs if a != b}
            spans = sorted(Span(a, b, draw(st.sampled_from(TYPES))) for a, b in ranges)
        else:
            edges = sorted(draw(st.sets(_edges(text), max_size=6)))
            pairs = list(zip(edges, edges[1:], strict=False))
            spans = [Span(a, b, draw(st.sampled_from(TYPES))) for a, b in pairs]
            spans = [span for span in spans if draw(st.booleans())]
        found.append(Instance(text, spans))
    return found


def _edges(text: str) -> st.SearchStrategy[int]:
    return st.integers(0, len(text))


def written_and_read(corpus_format: CorpusFormat, given: list[Instance]) -> list[Instance]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"corpus{corpus_format.ending}"
        if corpus_format.is_folder:
            path.mkdir()
        corpus_format.write(given, path)
        return list(corpus_format.read(CorpusFile(str(path))))


def content(found: list[Instance]) -> list[tuple[str, list[Span] | None]]:
    return [(one.text, None if one.spans is None else sorted(one.spans)) for one in found]


def check(settings_of: dict[str, Any], given: list[Instance]) -> None:
    found = written_and_read(CorpusFormat.from_params(settings_of), given)
    assert content(found) == content(given)


FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OFFSETS = ["code_points"]


@pytest.mark.parametrize("name", ["doccano", "prodigy", "entities", "label_studio", "brat"])
@FAST
@given(found=sentences(overlapping=True, unlabelled=True, breaks=True))
def test_formats_of_positions(name: str, found: list[Instance]) -> None:
    check({"type": name}, found)


@FAST
@given(found=sentences(overlapping=True, unlabelled=False, breaks=True))
def test_cluener(found: list[Instance]) -> None:
    check({"type": "cluener"}, found)


@FAST
@given(found=sentences(overlapping=True, unlabelled=True, breaks=True))
@pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="needs spaCy")
def test_spacy(found: list[Instance]) -> None:
    check({"type": "spacy"}, found)


@pytest.mark.parametrize("scheme", ["BIO", "BIOES", "BMES", "IOB1", "BILOU"])
@pytest.mark.parametrize("units", ["characters", "words"])
@FAST
@given(found=sentences(overlapping=False, unlabelled=False, breaks=False))
def test_columns(scheme: str, units: str, found: list[Instance]) -> None:
    check({"type": "conll", "tag_scheme": scheme, "units": units}, found)


@FAST
@given(found=sentences(overlapping=False, unlabelled=False, breaks=False))
def test_columns_of_label_studio(found: list[Instance]) -> None:
    check({"type": "conll", "tag_scheme": "BIO", "label_studio": True}, found)


@pytest.mark.parametrize("scheme", ["BIO", "BIOES", "BMES", "IOB1", "BILOU"])
@FAST
@given(found=sentences(overlapping=False, unlabelled=False, breaks=True))
def test_tokens(scheme: str, found: list[Instance]) -> None:
    check({"type": "huggingface", "tag_scheme": scheme}, found)


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs datasets")
@settings(max_examples=10, deadline=None)
@given(found=sentences(overlapping=False, unlabelled=False, breaks=True))
def test_parquet(found: list[Instance]) -> None:
    corpus_format = CorpusFormat.from_params({"type": "huggingface", "tag_scheme": "BIOES"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        corpus_format.write(found, path)
        assert recognised(str(path))[0] == "huggingface"
        assert content(list(corpus_format.read(CorpusFile(str(path))))) == content(found)


@pytest.mark.parametrize("occurrences", ["all", "in_order"])
@FAST
@given(found=sentences(overlapping=False, unlabelled=True, breaks=True))
def test_answers_keep_their_positions_or_are_refused(
    occurrences: str, found: list[Instance]
) -> None:
    for sentence in found:
        try:
            check({"type": "language_model", "occurrences": occurrences}, [sentence])
        except UserError as error:
            assert "would not be found again" in str(error)


@FAST
@given(
    found=sentences(overlapping=False, unlabelled=False, breaks=False),
    name=st.sampled_from(
        ["doccano", "prodigy", "entities", "label_studio", "cluener", "huggingface", "brat"]
    ),
)
def test_what_is_written_is_recognised(found: list[Instance], name: str) -> None:
    """One plain sentence with an entity says enough; odd ones before it do not mislead."""
    plain = Instance("王明在北京", [Span(0, 2, "PER")])
    corpus_format = CorpusFormat.from_params({"type": name})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"corpus{corpus_format.ending}"
        if corpus_format.is_folder:
            path.mkdir()
        corpus_format.write([*found, plain], path)
        assert recognised(str(path))[0] == name
        auto = CorpusFormat.from_params("auto").read(CorpusFile(str(path)))
        assert content(list(auto)) == content([*found, plain])
