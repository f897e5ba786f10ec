"""Statistics of paired runs, as plain functions over counts per sentence.

Shape suffixes: S seeds, N sentences of the evaluation set, C = 3 counts (true positives, false
positives, false negatives), K sizes of the training set.
"""

from ner_adv_plugin.studies.statistics.comparison import Comparison, Verdict, compare_arms
from ner_adv_plugin.studies.statistics.label_worth import LabelWorth, label_worth
from ner_adv_plugin.studies.statistics.scores import defined, f1_of, precision_of, recall_of

__all__ = [
    "Comparison",
    "LabelWorth",
    "Verdict",
    "compare_arms",
    "defined",
    "f1_of",
    "label_worth",
    "precision_of",
    "recall_of",
]
