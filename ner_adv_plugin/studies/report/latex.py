"""The table of arms for papers, with booktabs."""

from collections.abc import Iterator
from typing import Any

from ner_adv_plugin.studies.report.numbers import interval, p_value, points

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "∞": r"$\infty$",
    "<": "$<$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def results_latex(results: dict[str, Any]) -> str:
    r"""Return a table of all arms; it needs `\usepackage{booktabs}`.

    # Parameters

    results : the content of `results.json`.
    """
    return "\n".join(_lines(results)) + "\n"


def escaped(value: str) -> str:
    r"""Return a text as LaTeX sets it.

    # Examples

    >>> print(escaped("a_b <5%"))
    a\_b $<$5\%
    """
    return "".join(SPECIAL.get(character, character) for character in value)


def _lines(results: dict[str, Any]) -> Iterator[str]:
    yield r"% \usepackage{booktabs}"
    yield r"\begin{tabular}{lrrrrl}"
    yield r"\toprule"
    yield r"Arm & Mean F1 & Difference & 95\,\% interval & $p$ (Holm) & Verdict \\"
    for family in results["families"]:
        title = (
            f"{family['sentences']:,} training sentences, equal {family['budget']},"
            f" {len(family['seeds'])} seeds"
        )
        yield r"\midrule"
        yield rf"\multicolumn{{6}}{{l}}{{\emph{{{escaped(title)}}}}} \\"
        for name, arm in family["arms"].items():
            cells = [name, points(arm["mean_f1"])]
            if "difference" in arm:
                cells += [
                    points(arm["difference"], signed=True),
                    interval(arm["interval"]),
                    p_value(arm["p_holm"]),
                    arm["verdict"],
                ]
            else:
                cells += ["", "", "", "baseline"]
            yield " & ".join(escaped(cell) for cell in cells) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
