"""Tables of scores as HTML, for notebooks."""

from collections.abc import Mapping

from ner_adv_plugin.data.labels.highlighting import escaped


def table(values: Mapping[str, float]) -> str:
    """Return names and values as a table of HTML.

    # Examples

    >>> table({"f1": 0.5})
    '<table><tr><th>f1</th><td>0.5000</td></tr></table>'
    """
    rows = [
        f"<tr><th>{escaped(name)}</th><td>{value:.4f}</td></tr>" for name, value in values.items()
    ]
    return f"<table>{''.join(rows)}</table>"
