"""The base of all heads.

Shape suffixes: B sentences, L characters, D hidden size, N readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.dropout import Dropout

# From (B, ...) a loss of every sentence.
# "rows" is how version 0.1 spelled "sentences".
NormalizeBy = Literal["characters", "sentences", "rows"]


@dataclass
class Readings:
    """The most probable readings of every sentence of a batch, best first.

    # Parameters

    spans : for each sentence its readings, at most N, each a list of spans.
    scores_BN : logarithms of the readings' unnormalised probabilities, -inf if a sentence has fewer.
    probabilities_BN : 0 if a sentence has fewer.
    entropy_B : of the distribution over all readings, in nats; None if nobody asked for it.
    """

    spans: list[list[list[ScoredSpan]]]
    scores_BN: Tensor
    probabilities_BN: Tensor
    entropy_B: Tensor | None = None


class Head(torch.nn.Module, Registrable):
    """Turns the states of the towers it reads into spans, and gold spans into a loss.

    A subclass overrides `targets`, `forward`, `loss` and `decode_spans`; one that labels characters with tags starts
    from `TaggingHead`, one that scores pairs of characters from `SpanHead`. `rank` is optional: `predict` with
    `n_best`, `select` and the instance weighting "confidence" need it.

    `nested` says whether it can represent spans that nest or overlap; `learns_partial_labels` whether its loss respects
    `annotated_types`; `ranks_readings` whether it has `rank`; `calibrates` whether it has `span_probabilities`, which
    `trainer.calibration` needs.

    # Parameters

    label_space : supplied; the types it finds.
    input_dim : supplied; size of the states of all towers it reads.
    reads : towers it reads; those the model's type presets if null.
    weight : of its loss.
    dropout : on the states.
    normalize_by : divide a sentence's loss by its characters, or leave it a sum over the sentence ("sentences").
    """

    default_implementation = "crf"
    nested: ClassVar[bool] = False
    learns_partial_labels: ClassVar[bool] = False
    ranks_readings: ClassVar[bool] = False
    calibrates: ClassVar[bool] = False
    # Divides scores before they become probabilities; 1 unless it was fitted on validation data.
    temperature: Tensor

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: NormalizeBy = "characters",
    ) -> None:
        super().__init__()
        _check_weight(weight)
        if label_space.annotated_types and not self.learns_partial_labels:
            learns = " or ".join(f'"{name}"' for name in heads_that("learns_partial_labels"))
            raise ConfigurationError(
                f"{type(self).__name__} does not learn partial labels, which dataset_reader declares by annotated_types"
                f" for {', '.join(label_space.annotated_types)}: expected {learns}",
                "type",
            )

        self.label_space = label_space
        self.input_dim = input_dim
        self.reads = reads
        self.weight = weight
        self.normalize_by = normalize_by
        self.dropout = Dropout(dropout)
        self.register_buffer("temperature", torch.ones(()))

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight."""
        _check_weight(settings.get("weight", 1.0))

    def targets(self, dataset: EncodedDataset) -> Targets:
        """What the head learns from, made once for a dataset; found again in `batch.targets`.

        # Parameters

        dataset : sentences with gold spans, whose types beyond those of `label_space` the head does not know.
        """
        raise NotImplementedError

    def forward(self, states_BLD: Tensor, batch: Batch) -> Any:
        """The output from which loss and spans are computed.

        # Parameters

        states_BLD : of all towers it reads, side by side.
        batch : sentences, with or without targets.
        """
        raise NotImplementedError

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """The loss of each sentence, (B,), a sum over the sentence."""
        raise NotImplementedError

    def decode_spans(
        self, output: Any, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """The spans of each sentence.

        # Parameters

        output : of `forward`.
        batch : the same.
        scored : whether anybody looks at scores; if not, they may be NaN.
        """
        raise NotImplementedError

    def span_probabilities(
        self, output: Any, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """The probability, (S,), of each of some spans; `UserError` if the head has no such thing.

        # Parameters

        output, batch : as in `decode_spans`.
        spans : of the batch's sentences, with the types of `label_space`.
        temperature : divides the scores that become probabilities; the fitted one by default.
        """
        self.check_calibration()
        raise NotImplementedError

    def rank(self, output: Any, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """The `n` most probable readings of each sentence; `UserError` if the head has no such thing.

        # Parameters

        output, batch : as in `decode_spans`.
        n : how many, 1 or more.
        entropy : whether to compute the entropy over all readings.
        """
        self.check_ranking()
        raise NotImplementedError

    def check_ranking(self) -> None:
        """`UserError` if the head does not rank readings."""
        needed = 'does not rank readings, which n_best, select and instance weighting by "confidence" need'
        self._check_ability("ranks_readings", needed)

    def check_calibration(self) -> None:
        """`UserError` if the head has no `span_probabilities`."""
        self._check_ability("calibrates", "has no temperature, which trainer.calibration fits")

    def _check_ability(self, ability: str, needed: str) -> None:
        if not getattr(self, ability):
            able = ", ".join(f'"{name}"' for name in heads_that(ability))
            raise UserError(
                f'head "{self.label_space.head}" ({type(self).__name__}) {needed}; heads that do: {able}'
            )

    def task_loss(self, loss_B: Tensor, batch: Batch) -> Tensor:
        """This batch's contribution to the loss of the task, normalised by the global batch size.

        # Parameters

        loss_B : from `loss`.
        batch : sentences of this head alone.
        """
        weighted_B = loss_B * batch.weights_B
        if self.normalize_by == "characters":
            weighted_B = weighted_B / batch.lengths_B.clamp(min=1)
        return weighted_B.sum() / batch.totals[self.label_space.head]


def _check_weight(weight: float) -> None:
    if weight < 0:
        raise ConfigurationError(f"expected 0 or more, found {weight}", "weight")


def heads_that(capability: str) -> list[str]:
    """Names of the registered heads with a capability, such as "nested"."""
    classes = {name: Head.by_name(name) for name in Head.list_available()}
    return sorted(name for name, head in classes.items() if getattr(head, capability, False))


LazyHead: TypeAlias = Annotated[Lazy[Head], Supplied("label_space", "input_dim")]
