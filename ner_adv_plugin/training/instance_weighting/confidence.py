"""Self-training: text without labels, labelled anew before every epoch."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting.instance_weighting import InstanceWeighting

# Of `SpanTable`, as checkpoints hold them.
COLUMNS = ("starts_S", "ends_S", "types_S", "counts_R")


@InstanceWeighting.register("confidence")
class Confidence(InstanceWeighting):
    """Self-training: before every epoch the model labels sentences without labels, weighted by its confidence.

    The weight of a sentence is the confidence in its best reading over the second best, both found exactly (He and Sun
    2017, "A unified model for cross-domain and semi-supervised named entity recognition in Chinese social media"):
    "margin", P(y1) - P(y2), or their "ratio", (s1 - s2) / s1 of the scores, cut to 0 to 1. A sentence of one possible
    reading has weight 1. The paper found one to five times as many such sentences as labelled ones to help, eight times
    not. The head must rank readings.
    Registered as "confidence".

    # Parameters

    head : labels the sentences and learns from them.
    measure : "margin" or "ratio", which depends on how a CRF's scores happen to be shifted, and is 0 for heads whose
        scores are logarithms of probabilities, such as "global_pointer" and "biaffine".
    wait : epochs before the first labelling, in which the sentences belong to no task.
    batch_size : sentences labelled together at most.
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
        """See `Registrable.check`: the head is one, and the dataset has none."""
        _check_numbers(settings["wait"], settings["batch_size"])
        if context.run is None:
            return

        head, heads = settings["head"], context.run.heads
        if head not in heads:
            raise ConfigurationError(
                f'no head "{head}".{nearest(head, heads)} Heads: {", ".join(heads)}.', "head"
            )

        own = context.run.datasets[context.name].head
        if own is not None:
            raise ConfigurationError(
                f'"confidence" labels sentences without labels, these teach head "{own}": expected a dataset without head,'
                ' or "domain_similarity"'
            )

    def bind(self, dataset: str, every: Mapping[str, EncodedDataset], model: Model) -> None:
        """See `InstanceWeighting.bind`; `UserError` if the head does not rank readings."""
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
        types = self.model.vocab.label_space(self.head).types
        self._label(
            SpanTable.of([[span.span for span in readings[0]] for readings in ranked.spans], types)
        )

    def state_dict(self) -> dict[str, Any]:
        """See `InstanceWeighting.state_dict`."""
        spans = self.sentences.spans
        columns = (
            None
            if spans is None
            else {name: torch.from_numpy(getattr(spans, name).copy()) for name in COLUMNS}
        )
        return {**super().state_dict(), "spans": columns}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `InstanceWeighting.load_state_dict`."""
        super().load_state_dict(state)
        if state["spans"] is not None:
            columns = {name: column.numpy() for name, column in state["spans"].items()}
            self._label(SpanTable(self.model.vocab.label_space(self.head).types, **columns))

    def _label(self, spans: SpanTable) -> None:
        """Make the sentences teach the head these spans."""
        self.sentences.label(self.head, spans)
        self.sentences.targets = self.model.targets(self.sentences)


def _check_numbers(wait: int, batch_size: int) -> None:
    for name, value, least in (("wait", wait, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ConfigurationError(f"expected {least} or more, found {value}", name)
