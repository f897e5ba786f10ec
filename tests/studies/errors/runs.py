"""Runs over sentences with a few entities."""

from hypothesis import strategies as st

from ner_adv_plugin.studies.predictions import Entity, PredictedSentence, RunPredictions

TEXT = "老朱在开封博远俱乐部上班"


def run(*sentences: tuple[str, set[Entity], dict[Entity, float]]) -> RunPredictions:
    return RunPredictions(
        [PredictedSentence(text, frozenset(gold), scores) for text, gold, scores in sentences]
    )


def entities(length: int = 12) -> st.SearchStrategy[set[Entity]]:
    span = st.tuples(st.integers(0, length - 1), st.integers(1, 5), st.sampled_from("ABC"))
    return st.sets(span.map(lambda one: (one[0], min(length, one[0] + one[1]), one[2])), max_size=6)
