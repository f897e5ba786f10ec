"""Contradictions, compared with a definition by pairs of sentences."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.corpora.contradictions import LabelledFile, find_contradictions
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.reading.instance_table import InstanceTable

Sentence = tuple[str, list[Span] | None]
PER, LOC = Span(0, 1, "PER"), Span(0, 1, "LOC")
sentences = st.lists(
    st.tuples(
        st.sampled_from(["甲", "乙", "丙"]),
        st.one_of(st.none(), st.lists(st.sampled_from([PER, LOC]), unique=True)),
    ),
    min_size=1,
    max_size=6,
)
types = st.sampled_from([None, ["PER"], ["LOC"], ["PER", "LOC"]])


def table(sentences: list[Sentence]) -> InstanceTable:
    return InstanceTable.of(
        [
            Instance(text, spans, {"line": line})
            for line, (text, spans) in enumerate(sentences, start=1)
        ],
        "d",
    )


@given(st.lists(st.tuples(sentences, types), min_size=1, max_size=3))
def test_numbers_of_texts_and_sentences(
    drawn: list[tuple[list[Sentence], list[str] | None]],
) -> None:
    files = []
    labelled = []
    for own, annotated in drawn:
        marked: list[Sentence] = [
            (text, spans and [s for s in spans if annotated is None or s.type in annotated])
            for text, spans in own
        ]
        files.append(LabelledFile(table(marked), annotated))
        labelled += [(text, set(spans), annotated) for text, spans in marked if spans is not None]

    differing = set()
    for (text, spans, own), (other_text, other_spans, other) in combinations(labelled, 2):
        compared = {"PER", "LOC"} & set(own or ["PER", "LOC"]) & set(other or ["PER", "LOC"])
        if text == other_text and any(span.type in compared for span in spans ^ other_spans):
            differing.add(text)

    found = find_contradictions(files)
    assert found.texts == len(differing)
    assert found.sentences == sum(text in differing for text, _, _ in labelled)
    assert set(found.examples) == differing
    assert all(len(labellings) >= 2 for labellings in found.examples.values())


def test_words_contradict_too() -> None:
    one = table([("北京大学", tiling([2, 2])), ("你好", tiling([2]))])
    other = table([("你好", tiling([2])), ("北京大学", tiling([4]))])
    found = find_contradictions([LabelledFile(one), LabelledFile(other)])
    assert (found.texts, found.sentences) == (1, 2)
    assert [(own.place, own.labels) for own in found.examples["北京大学"]] == [
        ("d:1", ["北京 [0, 2)", "大学 [2, 4)"]),
        ("d:2", ["北京大学 [0, 4)"]),
    ]
    assert find_contradictions([LabelledFile(one)]).texts == 0


def test_at_most_five_examples() -> None:
    texts = [f"甲{i}" for i in range(8)]
    found = find_contradictions(
        [LabelledFile(table([(text, spans) for spans in ([PER], []) for text in texts]))]
    )
    assert (found.texts, found.sentences, list(found.examples)) == (8, 16, texts[:5])


def test_sentences_of_a_selection() -> None:
    """Line and labels are those of the selected sentences."""
    whole = table([("甲", [LOC]), ("甲", [PER]), ("乙", []), ("甲", [])])
    found = find_contradictions([LabelledFile(whole[1:])])
    assert (found.texts, found.sentences) == (1, 2)
    places = [(own.place, own.labels) for own in found.examples["甲"]]
    assert places == [("d:2", ["PER 甲 [0, 1)"]), ("d:4", [])]
