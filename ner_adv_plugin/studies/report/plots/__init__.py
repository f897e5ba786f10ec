"""Plots as inline SVG: text stays text, and colours are those of the page, light or dark."""

from ner_adv_plugin.studies.report.plots.curves import CurveRow, curves, series_key
from ner_adv_plugin.studies.report.plots.forest import (
    ForestRow,
    forest,
    forest_limits,
    forest_rows,
)
from ner_adv_plugin.studies.report.plots.matrix import MatrixCell, matrix
from ner_adv_plugin.studies.report.plots.standalone import standalone

__all__ = [
    "CurveRow",
    "ForestRow",
    "MatrixCell",
    "curves",
    "forest",
    "forest_limits",
    "forest_rows",
    "matrix",
    "series_key",
    "standalone",
]
