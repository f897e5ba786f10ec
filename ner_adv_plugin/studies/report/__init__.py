"""Reports of studies and of error analyses: HTML, Markdown, LaTeX and text."""

from ner_adv_plugin.studies.report.terminal import print_errors
from ner_adv_plugin.studies.report.writing import write_errors, write_report, write_targets_report

__all__ = ["print_errors", "write_errors", "write_report", "write_targets_report"]
