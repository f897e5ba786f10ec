"""Splitting texts of several lines into sentences."""

import re
from collections.abc import Iterator

from ner_adv_plugin.data.instance import SCORES, Instance
from ner_adv_plugin.data.labels.spans import Span

_BREAK = re.compile(r"[\r\n]+")


def split_lines(sentence: Instance) -> Iterator[Instance]:
    r"""Yield the lines of a text as sentences of their own; blank ones are left out.

    A line break inside a span does not split. The spans keep their characters.

    # Examples

    >>> sentence = Instance("张三\n在北京", [Span(0, 2, "PER"), Span(4, 6, "LOC")])
    >>> [(line.text, line.spans) for line in split_lines(sentence)][1]
    ('在北京', [Span(start=1, end=3, type='LOC')])
    """
    text = sentence.text
    if "\n" not in text and "\r" not in text:
        yield sentence
        return

    spans = sorted(sentence.spans or ())
    start = 0
    breaks = [match.span() for match in _BREAK.finditer(text)]
    for end, after in [*breaks, (len(text), len(text))]:
        if any(span.start < after and span.end > end for span in spans) and end < len(text):
            continue
        if text[start:end].strip():
            own = [
                Span(span.start - start, span.end - start, span.type)
                for span in spans
                if start <= span.start and span.end <= end
            ]
            is_labelled = sentence.spans is not None
            metadata = dict(sentence.metadata)
            if SCORES in metadata:
                metadata[SCORES] = {
                    Span(span.start - start, span.end - start, span.type): score
                    for span, score in metadata[SCORES].items()
                }
            yield Instance(text[start:end], own if is_labelled else None, metadata)
        start = after
