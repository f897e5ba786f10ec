"""Configuration of Sphinx."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from sphinx.application import Sphinx  # noqa: E402

from docs.site import math, reference, rst  # noqa: E402
from ner_adv_plugin import __version__  # noqa: E402

project = "ner_adv_plugin"
author = "the authors of ner_adv_plugin"
project_copyright = f"{author}. Apache License 2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "docs.site.math", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "site", "diagrams"]
# Dashes alone: quotes in texts are those of configs.
smartquotes_action = "D"
nitpicky = True
# Classes of Python, torch and others, which this site does not document.
nitpick_ignore_regex = [("py:.*", r".*")]

# `type` is a field of several classes.
suppress_warnings = ["ref.python"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"ner_adv_plugin {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_math_renderer = math.RENDERER
html_copy_source = False
html_show_sphinx = False
pygments_style = "tango"
pygments_dark_style = "monokai"
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True


def setup(app: Sphinx) -> None:
    """Write the generated pages before Sphinx looks for pages; translate docstrings."""
    app.connect("builder-inited", lambda _: reference.write(DOCS / "reference" / "generated"))
    app.connect("autodoc-process-docstring", _translate)


def _translate(
    app: Sphinx, kind: str, name: str, target: object, options: object, lines: list[str]
) -> None:
    lines[:] = rst.to_rst(lines)
