"""Shared and private states kept apart.

Shape suffixes: B sentences, L characters, S size of a shared state, P of a private one.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.objective import Objective, Statistics
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("orthogonality")
class Orthogonality(Objective):
    """||S^T H||_F^2 of a sentence's shared states S and private states H, a character a line: what the private tower holds,
    the shared one need not (Bousmalis et al. 2016; Liu et al. 2017).

    The mean over all labelled sentences; an unlabelled sentence has no private states.
    Registered as "orthogonality".

    # Parameters

    vocab : supplied.
    dims : supplied; the towers that there are.
    reads : the shared tower and, after it, private ones; "shared" and all others by default.
    weight : of the loss.
    normalize_by : divide S^T H by the sentence's characters, or leave it a sum over the sentence ("sentences"), as published for short
        sentences of small states: with states of 256 that is thousands, and grows with a sentence's length.
    schedule : of a factor of `weight` over training; 1 all along by default.
    """

    every_sentence = False

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 0.01,
        normalize_by: Literal["characters", "sentences", "rows"] = "characters",
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(
            reads or ["shared", *(name for name in dims if name != "shared")], weight, schedule
        )
        if len(set(self.reads)) < max(len(self.reads), 2):
            raise ConfigurationError(
                f"expected a shared tower and private ones, each once, found {self.reads}", "reads"
            )

        self.normalize_by = normalize_by

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports nothing."""
        shared, *private = self.reads
        labelled = {sentence for sentence, head in enumerate(batch.heads) if head is not None}
        both = labelled.intersection(states[shared].sequences) if shared in states else set()
        loss = torch.zeros((), device=batch.device)
        for name in private:
            sentences = (
                [sentence for sentence in states[name].sequences if sentence in both]
                if name in states
                else []
            )
            if sentences:
                beyond_BL1 = ~batch.select(sentences).mask_BL[..., None]
                parts = (
                    states[tower].select(sentences).float().masked_fill(beyond_BL1, 0.0)
                    for tower in (shared, name)
                )
                # Sums over long sentences, squared, do not fit into half precision.
                with torch.autocast(batch.device.type, enabled=False):
                    product_BSP = torch.einsum("bls,blp->bsp", *parts)
                    if self.normalize_by == "characters":
                        product_BSP = product_BSP / batch.lengths_B[sentences][:, None, None]
                    loss = loss + product_BSP.square().sum()
        return loss / max(sum(batch.totals.values()), 1), {}
