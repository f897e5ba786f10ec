"""Formulas as MathML, which browsers show without a script."""

from docutils.nodes import SkipNode, math, math_block
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

RENDERER = "mathml"


def setup(app: Sphinx) -> None:
    """Register the renderer; `html_math_renderer = RENDERER` chooses it."""
    app.add_html_math_renderer(RENDERER, (_visit_inline, None), (_visit_block, None))


def _visit_inline(translator: HTML5Translator, node: math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _visit_block(translator: HTML5Translator, node: math_block) -> None:
    translator.body.append(f"<div>{tex2mathml(node.astext(), as_block=True)}</div>")
    raise SkipNode
