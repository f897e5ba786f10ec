"""Answers of a predictor as sentences, for the writers of corpus formats."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import SCORES, Instance
from ner_adv_plugin.data.labels.spans import Span


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
        scores = {
            Span(entity["start"], entity["end"], entity["type"]): entity["score"]
            for entity in answer["entities"]
            if "score" in entity
        }
        spans = [Span(one["start"], one["end"], one["type"]) for one in answer["entities"]]
        yield Instance(answer["sentence"], spans, {SCORES: scores} if scores else {})


def line_of(answer: Mapping[str, Any]) -> str:
    """Return an answer as a line of JSON."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate cannot be encoded, only escaped.
        return json.dumps(answer)
    return line
