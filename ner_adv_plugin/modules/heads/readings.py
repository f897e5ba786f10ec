"""Most probable readings of sentences.

Shape suffixes: B sentences, N readings.
"""

from dataclasses import dataclass

from torch import Tensor

from ner_adv_plugin.data.labels.spans import ScoredSpan


@dataclass
class Readings:
    """The N most probable readings of each sentence of a batch, best first.

    A reading is a set of spans, such as a tag path decoded to spans.

    # Parameters

    spans : for each sentence its readings, at most N, each a list of spans.
    scores_BN : logarithms of the unnormalised probabilities; -inf for missing readings, if a
        sentence has fewer than N.
    probabilities_BN : probabilities; 0 for missing readings.
    entropy_B : entropy of the distribution over all readings in nats; None unless requested.
    """

    spans: list[list[list[ScoredSpan]]]
    scores_BN: Tensor
    probabilities_BN: Tensor
    entropy_B: Tensor | None = None
