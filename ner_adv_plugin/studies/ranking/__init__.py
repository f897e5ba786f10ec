"""Ranking of source corpora for a target before anything is trained."""

from ner_adv_plugin.studies.ranking.agreement import Agreement, agreement_with, read_finished
from ner_adv_plugin.studies.ranking.evidence import EVIDENCE, Ranking, rank_candidates
from ner_adv_plugin.studies.ranking.printing import print_agreement, print_ranking

__all__ = [
    "EVIDENCE",
    "Agreement",
    "Ranking",
    "agreement_with",
    "print_agreement",
    "print_ranking",
    "rank_candidates",
    "read_finished",
]
