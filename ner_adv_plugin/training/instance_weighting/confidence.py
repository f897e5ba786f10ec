"""Self-training on unlabelled sentences, with labels predicted before every epoch."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting.instance_weighting import InstanceWeighting

# Columns of `SpanTable` in a checkpoint.
COLUMNS = ("starts_S", "ends_S", "types_S", "counts_R")


@InstanceWeighting.register("confidence")
class Confidence(InstanceWeighting):
    """Self-training: before every epoch the model labels unlabelled sentences for its own training.

    Registered as "confidence". The weight of a sentence is the confidence in its best reading y1
    over the second best one y2, both found exactly: "margin" is P(y1) - P(y2), "ratio" is
    (s1 - s2) / s1 of their scores, clipped to 0 to 1. A sentence with only one possible reading has
    weight 1. The head must be able to rank readings.

    Source: He & Sun 2017, "A unified model for cross-domain and semi-supervised named entity
    recognition in Chinese social media". In the paper, one to five times as many unlabelled as
    labelled sentences improve the result, eight times do not.

    # Parameters

    head : head that labels the sentences and is trained on them.
    measure : "margin" or "ratio". The ratio changes if a constant is added to the scores of a CRF,
        and is 0 for heads whose scores are log-probabilities, such as "global_pointer" and
        "biaffine".
    wait : number of epochs before the first labelling; in them the sentences belong to no task.
    batch_size : maximum number of sentences labelled together.

    # Example

    The value for one dataset in `trainer.instance_weighting`:

    ```jsonnet
    { type: 'confidence', head: 'weibo', measure: 'margin', wait: 1 }
    ```
    """

    def __init__(
        self,
        head: str,
        measure: Literal["margin", "ratio"] = "margin",
        wait: int = 1,
        batch_size: int = 64,
    ) -> None:
        _check_numbers(wait, batch_size)
        self.head = head
        self.measure = measure
        self.wait = wait
        self.batch_size = batch_size

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the head exists, and the dataset has none."""
        _check_numbers(settings["wait"], settings["batch_size"])
        if context.run is None:
            return

        head, heads = settings["head"], context.run.heads
        if head not in heads:
            raise ConfigurationError(
                f'no head "{head}".{nearest(head, heads)} Heads: {", ".join(heads)}.', "head"
            )

        own_head = context.run.datasets[context.name].head
        if own_head is not None:
            raise ConfigurationError(
                f'"confidence" needs an unlabelled dataset, this one has head "{own_head}": set the'
                ' reader\'s head to null, or use "domain_similarity"'
            )

    def bind(self, dataset: str, every: Mapping[str, EncodedDataset], model: Model) -> None:
        """See `InstanceWeighting.bind`.

        # Raises

        UserError : if the head does not rank readings.
        """
        super().bind(dataset, every, model)
        model.check_ranking(self.head)

    def before_epoch(self, epoch: int) -> None:
        """See `InstanceWeighting.before_epoch`."""
        if epoch < self.wait:
            return

        ranked = rank_readings(
            self.model, self.sentences, self.head, 2, self.batch_size, f"labelling {self.dataset}"
        )
        confidence = ranked.ratio() if self.measure == "ratio" else ranked.margin()
        self.sentences.weights = confidence.astype(np.float32)

        best = [[span.span for span in readings[0]] for readings in ranked.spans]
        types = self.model.vocab.label_space(self.head).types
        self._label(SpanTable.of(best, types))

    def state_dict(self) -> dict[str, Any]:
        """See `InstanceWeighting.state_dict`."""
        spans = self.sentences.spans
        columns = None
        if spans is not None:
            columns = {name: torch.from_numpy(getattr(spans, name).copy()) for name in COLUMNS}
        return {**super().state_dict(), "spans": columns}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `InstanceWeighting.load_state_dict`."""
        super().load_state_dict(state)
        if state["spans"] is not None:
            columns = {name: column.numpy() for name, column in state["spans"].items()}
            self._label(SpanTable(self.model.vocab.label_space(self.head).types, **columns))

    def _label(self, spans: SpanTable) -> None:
        """Set the labels of the sentences, and make them belong to the head's task."""
        self.sentences.label(self.head, spans)
        self.sentences.targets = self.model.targets(self.sentences)


def _check_numbers(wait: int, batch_size: int) -> None:
    at_least(0, wait, "wait")
    at_least(1, batch_size, "batch_size")
