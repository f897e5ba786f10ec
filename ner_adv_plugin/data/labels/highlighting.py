"""Texts with coloured spans as HTML, for pages and notebooks."""

import html
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence

from ner_adv_plugin.data.labels.spans import Span

# Hues in degrees, and those of types that many corpora have, so that a type looks the same in all.
HUES = tuple(range(0, 360, 24))
KNOWN_HUES = {"PER": 216, "LOC": 144, "GPE": 96, "ORG": 24, "TIME": 288, "DATE": 264}
FONTS = (
    'system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", '
    '"Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif'
)
# Colours are translucent, so that they fit light and dark backgrounds. The types of spans are
# generated content, which is not copied with the text.
STYLE = f"""\
.ner {{ font-family: {FONTS}; line-height: 2.1; overflow-wrap: anywhere; }}
.ner p {{ margin: .2em 0; white-space: pre-wrap; unicode-bidi: isolate; }}
.ner mark {{
  color: inherit; background: hsl(var(--h) 85% 50% / .28); padding: .15em .25em;
  border-radius: .3em; border-bottom: 2px solid hsl(var(--h) 70% 50%);
  box-decoration-break: clone; -webkit-box-decoration-break: clone;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}}
.ner mark[data-type]::after {{
  content: attr(data-type); margin-left: .4em; font-size: .7em; font-weight: 600;
}}
.ner .legend {{ display: flex; flex-wrap: wrap; gap: .3em 1em; line-height: 1.7; }}
"""
# Visible symbols of control characters, which HTML does not allow.
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_SHOWN = str.maketrans(_CONTROLS | {0x7F: 0x2421} | dict.fromkeys(range(0xD800, 0xE000), 0xFFFD))


class Palette:
    """The hue of each entity type, which is the same for the same types in the same order.

    # Parameters

    types : types that get their hues first; others follow as they are asked for.

    # Examples

    >>> palette = Palette(["LOC", "PER"])
    >>> palette.hue("LOC"), palette.hue("PER.NAM") != palette.hue("PER")
    (144, True)
    """

    def __init__(self, types: Iterable[str] = ()) -> None:
        self.hues: dict[str, int] = {}
        for name in types:
            self.hue(name)

    def hue(self, name: str) -> int:
        """Return the hue of a type in degrees; two types share one only if there are many."""
        if name not in self.hues:
            first = KNOWN_HUES.get(name.upper(), zlib.crc32(name.encode("utf-8", "replace")))
            start = HUES.index(first) if first in HUES else first % len(HUES)
            order = [*HUES[start:], *HUES[:start]]
            taken = set(self.hues.values())
            self.hues[name] = next((hue for hue in order if hue not in taken), order[0])
        return self.hues[name]


def highlighted(
    text: str,
    spans: Iterable[Span],
    palette: Palette,
    scores: Mapping[Span, float] | None = None,
) -> str:
    """Return a text as HTML, with a `mark` around each span, which may nest and overlap.

    A span that crosses the end of another one is in two marks, of which the last one has its type.

    # Parameters

    text : the text; what HTML does not allow is shown as a symbol.
    spans : its spans; those without a type are words.
    palette : the hues of the types.
    scores : probabilities of spans, shown when the pointer is above them.

    # Examples

    >>> highlighted("王明<3", [Span(0, 2, "PER")], Palette())
    '<mark style="--h:216" title="PER" data-type="PER">王明</mark>&lt;3'
    """
    # Longer spans are outside; the type makes the order complete.
    whole = {span for span in spans if span.start < span.end}
    waiting = sorted(whole, key=lambda span: (span.start, -span.end, span.type))
    edges = sorted({0, len(text), *(edge for span in waiting for edge in (span.start, span.end))})
    found: list[str] = []
    # The open marks: their spans, and where they were opened in `found`.
    stack: list[tuple[Span, int]] = []
    position = 0
    for left, right in zip(edges, [*edges[1:], len(text)], strict=True):
        opened = []
        while any(span.end == left for span, _ in stack):
            span, index = stack.pop()
            found.append("</mark>")
            if span.end > left:
                # It crosses the end of another span: this mark is not its last one.
                found[index] = _opening(span, palette, scores, is_last=False)
                opened.append(span)
        while position < len(waiting) and waiting[position].start == left:
            opened.append(waiting[position])
            position += 1
        for span in sorted(opened, key=lambda span: -span.end):
            stack.append((span, len(found)))
            found.append(_opening(span, palette, scores))
        found.append(escaped(text[left:right]))
    return "".join(found)


def legend(counts: Mapping[str, int], palette: Palette) -> str:
    """Return the types with their colours and numbers of spans, as HTML; empty without types."""
    marks = [
        f'<span><mark style="--h:{palette.hue(name)}">{escaped(name)}</mark> {count}</span>'
        for name, count in sorted(counts.items())
        if name
    ]
    return f'<div class="legend">{" ".join(marks)}</div>' if marks else ""


def fragment(parts: Sequence[str]) -> str:
    """Return paragraphs of HTML with their style, for a cell of a notebook."""
    return f'<div class="ner"><style>{STYLE}</style>{"".join(parts)}</div>'


def escaped(text: str) -> str:
    """Return a text as HTML; control characters and halves of surrogate pairs become symbols.

    # Examples

    >>> escaped('<a title="b">' + chr(0))
    '&lt;a title=&quot;b&quot;&gt;␀'
    """
    return html.escape(text.translate(_SHOWN))


def _opening(
    span: Span, palette: Palette, scores: Mapping[Span, float] | None, is_last: bool = True
) -> str:
    """Return the tag that opens a mark of a span."""
    if not span.type:
        return "<mark>"
    name = escaped(span.type)
    score = (scores or {}).get(span, math.nan)
    title = name if math.isnan(score) else f"{name} {score:.3f}"
    label = f' data-type="{name}"' if is_last else ""
    return f'<mark style="--h:{palette.hue(span.type)}" title="{title}"{label}>'
