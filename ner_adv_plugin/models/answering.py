"""What a model answers in prediction, from the output of one head.

Shape suffixes: B sentences, L characters, T tags.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.modules.heads import Head, Readings, TaggingHead
from ner_adv_plugin.modules.statistics import Statistics


class AnsweringModel(Model):
    """Base class of models that answer by heads, which a subclass builds and runs.

    # Attributes

    heads : heads by name.
    """

    heads: torch.nn.ModuleDict

    @abstractmethod
    def output(self, batch: Batch, head: str) -> tuple[Batch, Any]:
        """Return the batch with the targets of a head, and the head's output for all sentences.

        # Parameters

        batch : the sentences.
        head : name of the head.
        """

    def _head(self, name: str) -> Head:
        return cast(Head, self.heads[name])

    def predict(
        self, batch: Batch, head: str, scored: bool = True
    ) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        """See `Model.predict`."""
        batch, output = self.output(batch, head)
        loss_B = self._head(head).loss(output, batch) if batch.targets else None
        return self._head(head).decode_spans(output, batch, scored), loss_B

    def measure(self, batch: Batch, head: str) -> Statistics:
        """See `Model.measure`."""
        batch, output = self.output(batch, head)
        module = self._head(head)
        return module.statistics(output, module.loss(output, batch), batch)

    def span_probabilities(
        self, batch: Batch, head: str, temperatures: Sequence[float]
    ) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        """See `Model.span_probabilities`."""
        batch, output = self.output(batch, head)
        module = self._head(head)
        spans = module.decode_spans(output, batch, scored=False)

        table = SpanTable.of(spans, module.label_space.types)
        probabilities = [
            module.span_probabilities(output, batch, table, temperature)
            for temperature in temperatures
        ]
        return spans, np.stack(probabilities)

    def rank(self, batch: Batch, head: str, n: int, entropy: bool = False) -> Readings:
        """See `Model.rank`."""
        batch, output = self.output(batch, head)
        return self._head(head).rank(output, batch, n, entropy)

    def check_calibration(self, head: str) -> None:
        """See `Model.check_calibration`."""
        self._head(head).check_calibration()

    def set_temperature(self, head: str, temperature: float) -> None:
        """See `Model.set_temperature`."""
        self._head(head).temperature.fill_(temperature)

    def check_ranking(self, head: str) -> None:
        """See `Model.check_ranking`."""
        self._head(head).check_ranking()

    def scheme(self, head: str) -> TagScheme | None:
        """See `Model.scheme`."""
        module = self._head(head)
        return module.scheme if isinstance(module, TaggingHead) else None

    def tagging_head(self, head: str) -> TaggingHead | None:
        """Return a head if it tags characters."""
        module = self._head(head)
        return module if isinstance(module, TaggingHead) else None

    def tag_scores(self, batch: Batch, head: str) -> Tensor:
        """Compute the tag scores of a tagging head for all sentences, (B, L, T).

        # Parameters

        batch : the sentences, of any task.
        head : name of the head.
        """
        scores_BLT: Tensor = self.output(batch.unlabelled(), head)[1]
        return scores_BLT
