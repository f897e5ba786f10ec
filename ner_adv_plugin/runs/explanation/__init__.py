"""What a run did, in words, from the files of its folder: `allennlp explain`."""

from ner_adv_plugin.runs.explanation.document import explanation
from ner_adv_plugin.runs.explanation.record import RunRecord, read_run

__all__ = ["RunRecord", "explanation", "read_run"]
