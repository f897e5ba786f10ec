"""Orthogonality of shared and private states.

Shape suffixes: B sentences, L characters, S size of a shared state, P size of a
private state.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("orthogonality")
class Orthogonality(Objective):
    """Penalise overlap between shared and private states (Bousmalis et al. 2016; Liu et al. 2017).

    ||S^T H||_F^2 of the shared states S and private states H of a sentence, one row per character;
    mean over all labelled sentences. Private states of a sentence are those of the towers of its
    head; unlabelled sentences have none.

    Re-implementations centre and normalise vectors before the product, as the loss of raw states
    falls when states shrink, or when their mean moves: `center` and `unit_norm`. They centre over a
    batch of sentence vectors; here the characters of a sentence are centred, so that the loss does
    not depend on the other sentences of a batch.

    Registered as "orthogonality".

    # Parameters

    vocab : supplied.
    dims : supplied; state size of each tower.
    reads : the shared tower, followed by private towers; "shared" and all others by default.
    weight : weight of the loss.
    normalize_by : "characters" divides S^T H by the sentence's characters. "sentences" keeps the
        sum over the sentence, as published for short sentences and small states; with states of
        size 256 the loss is in the thousands and grows with the length of the sentence.
    schedule : factor of `weight` over training; constant 1 by default.
    center : subtract the mean over the sentence from each state.
    unit_norm : divide each state, after `center`, by its norm; with "characters", the loss of each
        sentence and private tower is then at most 1.

    # Raises

    ConfigurationError : `reads` has fewer than two towers, or one of them twice.

    # Example

    ```jsonnet
    { type: 'orthogonality', reads: ['shared', 'weibo', 'msra'], weight: 0.01,
      center: true, unit_norm: true }
    ```
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
        center: bool = False,
        unit_norm: bool = False,
    ) -> None:
        super().__init__(
            reads or ["shared", *(name for name in dims if name != "shared")], weight, schedule
        )
        if len(set(self.reads)) < max(len(self.reads), 2):
            raise ConfigurationError(
                f"expected a shared tower and private towers, each once, found {self.reads}",
                "reads",
            )

        self.normalize_by = normalize_by
        self.center = center
        self.unit_norm = unit_norm
        self._heads_of: dict[str, set[str]] | None = None

    def attach(self, model: Any) -> None:
        """See `Objective.attach`: other objectives may let a tower run over further sentences."""
        graph = model.graph
        self._heads_of = {
            tower: {head for head in graph.reads if tower in graph.only([head]).towers}
            for tower in self.reads
        }

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports nothing."""
        shared, *private = self.reads
        loss = torch.zeros((), device=batch.device)
        for name in private:
            sentences = self._sentences(name, states, batch)
            if sentences:
                selected = batch.select(sentences)
                shared_and_private = (
                    self._prepared(states[tower].select(sentences).float(), selected)
                    for tower in (shared, name)
                )
                # Squared sums over long sentences overflow in half precision.
                with torch.autocast(batch.device.type, enabled=False):
                    product_BSP = torch.einsum("bls,blp->bsp", *shared_and_private)
                    if self.normalize_by == "characters":
                        product_BSP = product_BSP / selected.lengths_B.clamp(min=1)[:, None, None]
                    loss = loss + product_BSP.square().sum()
        return loss / max(batch.labelled_total, 1), {}

    def _sentences(
        self, private: str, states: Mapping[str, TowerStates], batch: Batch
    ) -> list[int]:
        """Return the labelled sentences with a shared state that have private states of a tower."""
        shared = self.reads[0]
        if private not in states or shared not in states:
            return []
        candidates = set(states[shared].sequences) & set(states[private].sequences)
        return [
            sentence
            for sentence, head in enumerate(batch.heads)
            if sentence in candidates
            and head is not None
            and (self._heads_of is None or head in self._heads_of[private])
        ]

    def _prepared(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Centre and normalise the states of each sentence; 0 at padding."""
        padding_BL1 = ~batch.mask_BL[..., None]
        states_BLD = states_BLD.masked_fill(padding_BL1, 0.0)
        if self.center:
            means_BD = states_BLD.sum(1) / batch.lengths_B.clamp(min=1)[:, None]
            states_BLD = (states_BLD - means_BD[:, None]).masked_fill(padding_BL1, 0.0)
        # A state of 0 stays 0: that of padding, or of a sentence of one character, centred.
        return torch.nn.functional.normalize(states_BLD, dim=-1) if self.unit_norm else states_BLD
