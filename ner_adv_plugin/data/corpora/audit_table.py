"""Formatting of an audit as a table for the terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from ner_adv_plugin.data.corpora.audit import Audit, SplitSummary
from ner_adv_plugin.data.corpora.overlaps import TRAIN, Overlap

WIDTH = 100
# Number of illegal sentences that the table lists; the JSON output lists all.
SHOWN_SENTENCES = 20
# Number of digits of a fingerprint to show.
SHOWN_DIGITS = 12
Columns = dict[str, list[int | None]]
LEGEND = """\
exact       sentences with the same characters as a sentence of the other split
normalised  sentences equal to one there after NFKC, lower case, letters and digits only
contained   these, and sentences of 8 or more letters and digits contained in a sentence there
same tags   of the exact matches, those with the same entities or words
holders     sentences of the other split that equal or contain one of these"""


def table(audit: Audit) -> str:
    """Format the summaries of all splits, the overlaps between them, and contradictions.

    Lines have at most 100 columns unless names are long.
    """
    named = [
        (f"{name}.{split}", found)
        for name, splits in audit.summaries.items()
        for split, found in splits.items()
    ]
    lines = [*_summaries(named), "", *_overlaps(audit), *_contradictions(audit)]
    return "\n".join(lines)


def _summaries(named: Sequence[tuple[str, SplitSummary]]) -> Iterator[str]:
    """Yield a header, then a row of numbers and further lines for every split."""
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
    # Columns without any value (no words, no encoder) are omitted.
    kept = {
        head: values
        for head, values in columns.items()
        if any(value is not None for value in values)
    }

    header, *rows = _aligned(["", *(name for name, _ in named)], kept)
    yield header
    for row, (_, summary) in zip(rows, named, strict=True):
        yield row
        yield from _details(summary)


def _details(summary: SplitSummary) -> Iterator[str]:
    """Yield the lines below the numbers of a split."""
    corpus = summary.known_as or "not a known public file"
    yield f"  {corpus}, fingerprint {summary.fingerprint[:SHOWN_DIGITS]}"

    if summary.entities:
        yield from _wrapped(
            "  ".join(f"{name} {count:,}" for name, count in summary.entities["types"].items())
        )

    if summary.illegal_sentences:
        shown = ", ".join(map(str, summary.illegal_sentences[:SHOWN_SENTENCES]))
        more = len(summary.illegal_sentences) - SHOWN_SENTENCES
        rest = f" and {more:,} more (--output-file lists all)" if more > 0 else ""
        yield from _wrapped(f"illegal tags in the sentences beginning at lines {shown}{rest}")


def _overlaps(audit: Audit) -> Iterator[str]:
    """Yield a table of overlaps, its legend, and advice if training sentences leak."""
    order = [f"{name}.{split}" for name, splits in audit.summaries.items() for split in splits]
    # One direction shows equal sentences; the other is added if it shows contained ones as well.
    found = [pair for pair in audit.overlaps.pairs if pair.contained]
    main = [pair for pair in found if _is_main(pair, order)]
    others = [
        pair for pair in found if not _is_main(pair, order) and pair.contained > pair.normalised
    ]
    pairs = sorted([*main, *others], key=lambda pair: not pair.flagged)
    if not pairs:
        yield "No sentence occurs in two splits."
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
            "! Training data share sentences with validation or test data. Training sentences that "
            f'equal or contain such a sentence: {leaked or "none"}; data_loader.leakage "drop" '
            '(the default) removes them, "error" stops the run, "allow" keeps them.',
            WIDTH,
        )


def _contradictions(audit: Audit) -> Iterator[str]:
    """Yield the texts that are labelled in different ways, with their labels."""
    for head, splits in audit.contradictions.items():
        for split, found in splits.items():
            if not found.texts:
                continue
            yield ""
            yield f"{head}.{split}: {found.what()}"
            for text, labellings in found.examples.items():
                yield f"  {_shortened(text)}"
                for labelling in labellings:
                    labels = ", ".join(labelling.labels) or "nothing"
                    yield _shortened(f"    {labelling.place}: {labels}")


def _shortened(text: str) -> str:
    """Shorten a line to the width of the table; the JSON output has it all."""
    # Line breaks and halves of surrogate pairs cannot be printed.
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _is_main(pair: Overlap, order: Sequence[str]) -> bool:
    """Return whether this is the direction to show: held-out in training, or later in earlier."""
    in_training = pair.found_in.endswith(f".{TRAIN}")
    held_out = not pair.sentences_of.endswith(f".{TRAIN}")
    return (
        in_training
        if in_training == held_out
        else order.index(pair.sentences_of) > order.index(pair.found_in)
    )


def _wrapped(text: str) -> list[str]:
    """Wrap a text into indented lines."""
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _aligned(names: Sequence[str], columns: Columns) -> list[str]:
    """Format a header and rows, names aligned to the left and numbers to the right."""
    cells = [list(names)]
    for head, values in columns.items():
        cells.append([head, *("-" if value is None else f"{value:,}" for value in values)])

    widths = [max(map(len, column)) for column in cells]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in zip(*cells, strict=True)
    ]
