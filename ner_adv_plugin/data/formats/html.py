"""Pages of texts with highlighted entities."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat
from ner_adv_plugin.data.instance import SCORES, Instance
from ner_adv_plugin.data.labels.highlighting import (
    STYLE,
    Palette,
    escaped,
    highlighted,
    legend,
)

# The colours of page and text are those of the browser, light or dark. Sentences outside of the
# window are not laid out, so that pages of many sentences open at once.
_HEAD = """\
<!DOCTYPE html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 52rem; margin: 0 auto; padding: 0 1rem 3rem; }}
header {{ position: sticky; top: 0; padding: .6rem 0; border-bottom: 1px solid #8886; }}
header, body {{ background: Canvas; color: CanvasText; }}
h1 {{ font-size: 1.1rem; margin: 0; line-height: 1.5; }}
ol {{ padding: 0; list-style: none; }}
li {{ content-visibility: auto; contain-intrinsic-height: auto 2.5em; }}
li {{ position: relative; padding-left: 3.2em; }}
li::before {{
  content: attr(data-number); position: absolute; left: 0; width: 3em;
  font-size: .75em; line-height: 2.8; color: GrayText;
}}
.unlabelled {{ font-style: italic; }}
@media print {{ header {{ position: static; }} li {{ content-visibility: visible; }} }}
{style}</style>
</head>
<body class="ner">
<header>
<h1>{title}</h1>
<div>{sentences:,} sentences, {entities:,} entities</div>
{legend}
</header>
<main>
<ol>
"""
_TAIL = "</ol>\n</main>\n</body>\n</html>\n"


@CorpusFormat.register("html")
@dataclass(kw_only=True)
class HtmlFormat(CorpusFormat):
    """One page of HTML with coloured entities; it is only written. Registered as "html".

    The page has a legend, needs neither scripts nor a network, and follows the light or dark mode
    of the browser. If sentences have scores, they are shown when the pointer is above an entity.
    Sentences without labels are in italics.

    # Parameters

    title : title of the page.

    # Example

    ```jsonnet
    { type: 'html', title: 'Test set' }
    ```
    """

    is_readable = False
    ending = ".html"

    title: str = "Entities"

    def read(self, file: CorpusFile) -> Iterable[Instance]:
        """Raise an error: a page is not read."""
        raise UserError(f"{file.path}: format html is only written, not read")

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        palette = Palette()
        counts: Counter[str] = Counter()
        written = 0
        # The legend comes first, but is known last.
        with tempfile.TemporaryFile(dir=path.parent) as body:
            for written, sentence in enumerate(sentences, 1):
                counts.update(span.type for span in sentence.spans or ())
                body.write(_item(written, sentence, palette).encode())
            body.seek(0)

            head = _HEAD.format(
                title=escaped(self.title),
                style=STYLE,
                sentences=written,
                entities=counts.total(),
                legend=legend(counts, palette),
            )
            with path.open("wb") as file:
                file.write(head.encode())
                shutil.copyfileobj(body, file)
                file.write(_TAIL.encode())


def _item(number: int, sentence: Instance, palette: Palette) -> str:
    """Return a sentence as an item of the list."""
    name = "" if sentence.spans is not None else ' class="unlabelled"'
    scores = sentence.metadata.get(SCORES)
    content = highlighted(sentence.text, sentence.spans or (), palette, scores)
    return f"<li{name} data-number={number}><p>{content}</p></li>\n"
