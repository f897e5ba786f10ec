"""Short documents of headings, lists and tables, as text, as Markdown or as one HTML file."""

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# Without anything from a network; light and dark, narrow screens scroll within tables.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid #8886; padding: .3rem .8rem; text-align: left; }}
pre {{ overflow-x: auto; border: 1px solid #8886; padding: .8rem; font-size: .8rem; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@dataclass
class Heading:
    """A heading of level 1 or 2."""

    text: str
    level: int = 2


@dataclass
class Items:
    """A list."""

    items: Sequence[str]


@dataclass
class Table:
    """A table: its header and its rows, which are as wide."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Code:
    """Lines of fixed width, in a language such as "python"."""

    text: str
    language: str = "text"


# A string is a paragraph.
Block = Heading | Items | Table | Code | str


def markdown(blocks: Iterable[Block]) -> str:
    r"""Return a document as Markdown, in which all text is literal.

    # Examples

    >>> print(markdown([Heading("A"), "b*c", Items(["d"])]), end="")
    ## A
    <BLANKLINE>
    b\*c
    <BLANKLINE>
    - d
    """
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def plain(blocks: Iterable[Block]) -> str:
    """Return a document as text for a terminal.

    # Examples

    >>> print(plain([Heading("A"), "b", Items(["c", "d"])]), end="")
    A
      b
      - c
      - d
    """
    lines: list[str] = []
    for block in blocks:
        if isinstance(block, Heading):
            lines += ["", _printable(block.text)] if lines else [_printable(block.text)]
        elif isinstance(block, Items):
            lines += [f"  - {_printable(item)}" for item in block.items]
        elif isinstance(block, Table):
            rows = [list(map(_printable, row)) for row in (block.header, *block.rows)]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        elif isinstance(block, Code):
            lines += [f"    {_printable(line)}" for line in block.text.splitlines()]
        else:
            lines.append(f"  {_printable(block)}")
    return "\n".join(lines) + "\n"


def page(title: str, blocks: Iterable[Block]) -> str:
    """Return a document as one file of HTML."""
    return _PAGE.format(title=html.escape(title), body="\n".join(map(_html, blocks)))


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_literal(block.text)}"
    if isinstance(block, Items):
        return "\n".join(f"- {_literal(item)}" for item in block.items)
    if isinstance(block, Table):
        rows = [[_literal(cell) for cell in row] for row in (block.header, *block.rows)]
        rows.insert(1, ["---"] * len(block.header))
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if isinstance(block, Code):
        return f"```{block.language}\n{_printable(block.text, keep=chr(10))}\n```"
    return _literal(block)


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{_escaped(block.text)}</h{block.level}>"
    if isinstance(block, Items):
        return f"<ul>{''.join(f'<li>{_escaped(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, Table):
        return f"<div><table>{''.join(_rows(block))}</table></div>"
    if isinstance(block, Code):
        return f"<pre>{html.escape(_printable(block.text, keep=chr(10)))}</pre>"
    return f"<p>{_escaped(block)}</p>"


def _rows(table: Table) -> Iterator[str]:
    for row, name in [(table.header, "th"), *((row, "td") for row in table.rows)]:
        yield f"<tr>{''.join(f'<{name}>{_escaped(cell)}</{name}>' for cell in row)}</tr>"


def _escaped(text: str) -> str:
    return html.escape(_printable(text))


def _literal(text: str) -> str:
    """Escape what Markdown would not show as it is."""
    return "".join(f"\\{c}" if c in "\\`*|<[]" else c for c in _printable(text))


def _printable(text: str, keep: str = "") -> str:
    """Escape line breaks, control characters and halves of surrogate pairs."""
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
