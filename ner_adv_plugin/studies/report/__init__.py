"""Reports of studies and of error analyses: HTML, Markdown and LaTeX."""

from ner_adv_plugin.studies.report.writing import write_errors, write_report

__all__ = ["write_errors", "write_report"]
