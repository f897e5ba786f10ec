"""A proposal to join types, as a table and as Jsonnet."""

from collections.abc import Iterator, Sequence

from ner_adv_plugin.common.jsonnet_text import key, quoted
from ner_adv_plugin.data.joining.joining import JoinedTypes
from ner_adv_plugin.data.joining.matching import Match

WIDTH = 100


def table(joined: Sequence[JoinedTypes]) -> str:
    """Format what becomes of each type of each dataset, and why.

    # Parameters

    joined : the target, then the sources.
    """
    lines = []
    for own in joined:
        rows = [(f"  {row.name}", _new_name(row), row.verdict, _why(row)) for row in own.matches]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines.append(f"{own.dataset} (target)" if own is joined[0] else own.dataset)
        for row in rows:
            columns = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*columns, row[3]]).rstrip())
    return "\n".join(lines)


def jsonnet(joined: Sequence[JoinedTypes], head: str) -> str:
    """Format the keys of the readers, to paste into a config.

    # Parameters

    joined : the target, then the sources.
    head : name of the head.
    """
    lines = ["dataset_reader+: { readers+: {"]
    for own in joined:
        if all(row.target is None for row in own.matches):
            lines.append(f"  // {own.dataset}: no type is joined.")
            continue
        if not own.type_map and own.annotated_types is None and own.dataset == head:
            continue
        lines += [f"  {key(own.dataset)}+: {{", f"    head: {quoted(head)},"]
        lines += [
            f"    // Undecided: {_undecided(row)}" for row in own.matches if row.verdict == "unsure"
        ]
        if own.type_map:
            pairs = [
                f"{key(name)}: {'null' if new is None else quoted(new)}"
                for name, new in own.type_map.items()
            ]
            lines += _listed("type_map", "{", pairs, "}")
        if own.annotated_types is not None:
            lines += _listed("annotated_types", "[", map(quoted, own.annotated_types), "]")
        lines.append("  },")
    return "\n".join([*lines, "} },"])


def _new_name(row: Match) -> str:
    if row.verdict == "unsure":
        return "-> ?"
    return "-> null" if row.target is None else f"-> {row.target}"


def _why(row: Match) -> str:
    score = "" if row.score in (None, 1.0) else f" ({row.score:.2f})"
    may_be = f"; may be {' or '.join(row.candidates)}" if row.candidates else ""
    return f"{row.reason}{score}{may_be}"


def _undecided(row: Match) -> str:
    choices = [*map(quoted, row.candidates), "null"]
    return f"{key(row.name)}: {' or '.join(choices)}"


def _listed(name: str, begin: str, entries: Sequence[str] | Iterator[str], end: str) -> list[str]:
    """Format a list or object in one line if it fits, otherwise with a line for each entry."""
    entries = list(entries)
    space = " " if begin == "{" else ""
    line = f"    {name}: {begin}{space}{', '.join(entries)}{space}{end},"
    if len(line) <= WIDTH:
        return [line]
    return [f"    {name}: {begin}", *(f"      {entry}," for entry in entries), f"    {end},"]
