"""Answers of a predictor: as JSON, as sentences for the writers of corpus formats, as HTML."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import SCORES, Instance, shown
from ner_adv_plugin.data.labels.spans import Span, tiling


class Answer(dict[str, Any]):
    """An answer, which is a dictionary that shows itself in colours in a notebook.

    # Examples

    >>> entity = {"start": 0, "end": 2, "type": "PER", "text": "王明", "score": 0.9}
    >>> "王明" in Answer(sentence="王明在北京", entities=[entity])._repr_html_()
    True
    """

    def _repr_html_(self) -> str:
        return shown([_sentence(self)])


class Answers(list[Answer]):
    """Answers, which show themselves in colours in a notebook: the first 20 of them."""

    def _repr_html_(self) -> str:
        return shown([_sentence(answer) for answer in self])


def sentences_of(answers: Iterable[Mapping[str, Any]], name: str) -> Iterator[Instance]:
    """Yield the sentences of answers with their entities; answers that are errors are left out.

    # Parameters

    answers : as a predictor gives them.
    name : name of the format that they are written in, for the error.

    # Raises

    UserError : if an answer has no entities, such as one of words.

    # Examples

    >>> entity = {"start": 0, "end": 2, "type": "PER", "text": "王明", "score": 0.9}
    >>> sentence, = sentences_of([{"sentence": "王明", "entities": [entity]}], "bio")
    >>> sentence.spans
    [Span(start=0, end=2, type='PER')]
    """
    for answer in answers:
        if "error" in answer and "entities" not in answer:
            continue
        if "entities" not in answer:
            found = "words" if "words" in answer else ", ".join(answer)
            raise UserError(
                f"format {name} holds entities, but the predictor answers with {found}: write "
                "JSON Lines (jsonl), or choose another head (--multitask-head)"
            )
        yield _sentence(answer)


def line_of(answer: Mapping[str, Any]) -> str:
    """Return an answer as a line of JSON."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate cannot be encoded, only escaped.
        return json.dumps(answer)
    return line


def _sentence(answer: Mapping[str, Any]) -> Instance:
    """Return the sentence of an answer with its entities and their scores, or its words."""
    if "entities" not in answer:
        words = answer.get("words", ())
        return Instance(answer.get("sentence", ""), tiling(map(len, words)))
    spans, scores = [], {}
    for entity in answer["entities"]:
        span = Span(entity["start"], entity["end"], entity["type"])
        spans.append(span)
        if "score" in entity:
            scores[span] = entity["score"]
    return Instance(answer["sentence"], spans, {SCORES: scores} if scores else {})
