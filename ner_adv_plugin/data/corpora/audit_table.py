"""An audit as a table for the terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from ner_adv_plugin.data.corpora.audit import Audit, SplitSummary
from ner_adv_plugin.data.corpora.overlaps import TRAIN, Overlap

WIDTH = 100
# Illegal sentences that the table names; JSON names all.
SHOWN_SENTENCES = 20
# Of a fingerprint, enough to tell it from others.
SHOWN_DIGITS = 12
Columns = dict[str, list[int | None]]
LEGEND = """\
exact       sentences with the same characters as a sentence there
normalised  sentences equal to one there after NFKC, lower case, letters and digits only
contained   those, and sentences of 8 or more letters and digits that stand inside a sentence there
same tags   of the exact ones, those with the same entities or words there
holders     sentences there that equal or hold one of these"""


def table(audit: Audit) -> str:
    """What every split holds, then the sentences that stand in several; lines of 100 columns where names are short."""
    named = [
        (f"{name}.{split}", found)
        for name, splits in audit.summaries.items()
        for split, found in splits.items()
    ]
    lines = [*_corpora(named), "", *_overlaps(audit)]
    return "\n".join(lines)


def _corpora(named: Sequence[tuple[str, SplitSummary]]) -> Iterator[str]:
    columns: Columns = {
        "sentences": [summary.sentences for _, summary in named],
        "chars": [summary.characters for _, summary in named],
        "entities": [
            summary.entities["total"] if summary.entities else None for _, summary in named
        ],
        "words": [summary.words for _, summary in named],
        "longest": [summary.max_length for _, summary in named],
        "duplicates": [summary.duplicates for _, summary in named],
        "illegal": [summary.illegal_transitions for _, summary in named],
        "unknown": [summary.unknown_characters for _, summary in named],
    }
    # A column without any value, of words or of an unnamed encoder, is left out.
    kept = {
        head: values
        for head, values in columns.items()
        if any(value is not None for value in values)
    }
    header, *sentences = _aligned(["", *(name for name, _ in named)], kept)
    yield header
    for sentence, (_, summary) in zip(sentences, named, strict=True):
        yield sentence
        yield from _details(summary)


def _details(summary: SplitSummary) -> Iterator[str]:
    """The lines below a split's numbers."""
    yield f"  {summary.known_as or 'no public file known here'}, fingerprint {summary.fingerprint[:SHOWN_DIGITS]}"
    if summary.entities:
        yield from _wrapped(
            "  ".join(f"{name} {count:,}" for name, count in summary.entities["types"].items())
        )
    if summary.illegal_sentences:
        shown = ", ".join(map(str, summary.illegal_sentences[:SHOWN_SENTENCES]))
        more = len(summary.illegal_sentences) - SHOWN_SENTENCES
        rest = f" and {more:,} more (--output-file has all)" if more > 0 else ""
        yield from _wrapped(f"illegal tags in the sentences that begin at lines {shown}{rest}")


def _overlaps(audit: Audit) -> Iterator[str]:
    order = [f"{name}.{split}" for name, splits in audit.summaries.items() for split in splits]
    # One direction tells of equal sentences; the other is shown where it tells of sentences inside others.
    found = [pair for pair in audit.overlaps.pairs if pair.contained]
    main = [pair for pair in found if _is_main(pair, order)]
    others = [
        pair for pair in found if not _is_main(pair, order) and pair.contained > pair.normalised
    ]
    pairs = sorted([*main, *others], key=lambda pair: not pair.flagged)
    if not pairs:
        yield "No sentence stands in two splits."
        return
    columns: Columns = {
        "exact": [pair.exact for pair in pairs],
        "normalised": [pair.normalised for pair in pairs],
        "contained": [pair.contained for pair in pairs],
        "same tags": [pair.same_tags for pair in pairs],
        "holders": [pair.holders for pair in pairs],
    }
    names = [
        f"{'!' if pair.flagged else ' '} {pair.sentences_of} in {pair.found_in}" for pair in pairs
    ]
    yield from _aligned(["Sentences found elsewhere", *names], columns)
    yield ""
    yield from LEGEND.splitlines()
    if any(pair.flagged for pair in pairs):
        leaked = ", ".join(
            f"{count:,} of {name}"
            for name, count in audit.overlaps.leaked_sentences.items()
            if count
        )
        yield from textwrap.wrap(
            "! Training shares sentences with what is scored. Training sentences that equal or hold such a sentence: "
            f'{leaked or "none"}; data_loader.leakage "drop" (the default) leaves them out, "error" stops, "allow" '
            "keeps them.",
            WIDTH,
        )


def _is_main(pair: Overlap, order: Sequence[str]) -> bool:
    """Scored sentences are looked for in training, and else those of the later split in the earlier."""
    trains, scored = (
        pair.found_in.endswith(f".{TRAIN}"),
        not pair.sentences_of.endswith(f".{TRAIN}"),
    )
    return (
        trains if trains == scored else order.index(pair.sentences_of) > order.index(pair.found_in)
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _aligned(names: Sequence[str], columns: Columns) -> list[str]:
    """A header and sentences: names to the left, numbers to the right of their columns."""
    cells = [list(names)]
    for head, values in columns.items():
        cells.append([head, *("-" if value is None else f"{value:,}" for value in values)])
    widths = [max(map(len, column)) for column in cells]
    return [
        "  ".join(
            [
                sentence[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(sentence[1:], widths[1:], strict=True)),
            ]
        )
        for sentence in zip(*cells, strict=True)
    ]
