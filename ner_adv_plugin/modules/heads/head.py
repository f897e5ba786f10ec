"""Base class of heads.

Shape suffixes: B sentences, L characters, D hidden size, S spans.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.heads.losses import loss_per_character
from ner_adv_plugin.modules.heads.readings import Readings
from ner_adv_plugin.modules.statistics import Statistics

# Whether the loss of a sentence is divided by its length. "rows" is the name of "sentences" in
# version 0.1.
NormalizeBy = Literal["characters", "sentences", "rows"]


class Head(torch.nn.Module, Registrable):
    """Output layer of a task: predicts spans from tower states and computes the task loss.

    A subclass overrides `targets`, `forward`, `loss` and `decode_spans`. Derive heads that tag
    characters from `TaggingHead` and heads that score pairs of characters from `SpanHead`. `rank`
    is optional: `predict` with `n_best`, `select` and the instance weighting "confidence" need it.

    # Parameters

    label_space : supplied; the span types that it predicts.
    input_dim : supplied; total size of the states of the towers that it reads, D.
    reads : names of the towers that it reads, or "encoder" for the states of the encoder; null for
        the default of the model.
    weight : weight of the task loss, 0 or more.
    dropout : dropout probability on the states.
    normalize_by : "characters" divides the loss of a sentence by its length in characters,
        "sentences" keeps the sum over the sentence. The metric `<task>_loss` is in nats per
        character with both.

    # Raises

    ConfigurationError : the weight is negative, or the head cannot learn from the datasets of the
        task: their labels are partial, or they have none.
    """

    default_implementation = "crf"
    # What it reads unless the config has `reads`; None for the default of the model.
    default_reads: ClassVar[tuple[str, ...] | None] = None
    # Whether it can represent spans that nest or overlap.
    nested: ClassVar[bool] = False
    # Whether its loss respects `annotated_types`.
    learns_partial_labels: ClassVar[bool] = False
    # Whether it learns from raw text, and from nothing else.
    learns_raw_text: ClassVar[bool] = False
    # Whether it implements `rank`.
    ranks_readings: ClassVar[bool] = False
    # Whether it implements `span_probabilities`, which `trainer.calibration` needs.
    calibrates: ClassVar[bool] = False
    # Whether it implements `divergence`, which the training step "r_drop" needs.
    has_divergence: ClassVar[bool] = False
    # Temperature by which scores are divided to get probabilities; 1 unless calibrated.
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
        # `reads` is not kept: the model finds it in the config, from which it makes its graph.
        super().__init__()
        at_least(0, weight, "weight")
        _check_learns(type(self), label_space.raw_text)
        if label_space.annotated_types and not self.learns_partial_labels:
            able = " or ".join(f'"{name}"' for name in heads_that("learns_partial_labels"))
            datasets = ", ".join(label_space.annotated_types)
            raise ConfigurationError(
                f"{type(self).__name__} does not learn partial labels, which dataset_reader"
                f" declares by annotated_types for {datasets}: expected {able}",
                "type",
            )

        self.label_space = label_space
        self.input_dim = input_dim
        self.weight = weight
        self.normalize_by = normalize_by
        self.dropout = Dropout(dropout)
        self.register_buffer("temperature", torch.ones(()))

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: refuse a negative weight, and datasets of another kind."""
        at_least(0, settings.get("weight", 1.0), "weight")
        run = context.run
        if run is not None:
            for space in run.datasets.values():
                if space.head == context.name:
                    _check_learns(cls, space.task == "raw_text")

    def attach(self, encoder: torch.nn.Module) -> None:
        """Get to know the encoder, whose states the towers read; called once, by default ignored.

        Parameters that it creates are seeded like those of the constructor.
        """

    def inputs(self, batch: Batch) -> Tensor:
        """Return the character indices that the encoder reads; by default those of the batch.

        # Parameters

        batch : sentences of any task, with the targets of the head.

        # Returns

        (B, L); sentences of other tasks must stay as they are.
        """
        return batch.token_ids_BL

    def targets(self, dataset: EncodedDataset) -> Targets:
        """Make the targets of a dataset, before training and whenever sentences change.

        # Parameters

        dataset : sentences with gold spans; the head ignores types that are not in `label_space`.

        # Returns

        Targets by name, available in `batch.targets`.
        """
        raise NotImplementedError

    def forward(self, states_BLD: Tensor, batch: Batch) -> Any:
        """Compute the output from which `loss` and `decode_spans` start.

        # Parameters

        states_BLD : concatenated states of the towers that it reads.
        batch : sentences, with or without targets.

        # Returns

        Output in a format of the head's choice, such as tag scores.
        """
        raise NotImplementedError

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Compute the loss of each sentence.

        # Parameters

        output : result of `forward`.
        batch : the batch, with targets.

        # Returns

        Loss of each sentence in nats, summed over its characters or spans, (B,). Metrics divide it
        by the length of the sentence: see `loss_per_character`.
        """
        raise NotImplementedError

    def statistics(self, output: Any, loss_B: Tensor, batch: Batch) -> Statistics:
        """Return sums and counts to report, such as "loss", the metric `<task>_loss`.

        # Parameters

        output : result of `forward`.
        loss_B : result of `loss`, detached.
        batch : the batch, with targets.
        """
        return {"loss": (loss_per_character(loss_B, batch).sum(), len(batch))}

    def divergence(self, output: Any, batch: Batch) -> Tensor:
        """Compute how much the predictions for the two copies of each sentence differ.

        # Parameters

        output : result of `forward` for pairs of sentences, see `Batch.in_pairs`.
        batch : the pairs.

        # Returns

        Of each pair, the mean of both directions of the Kullback-Leibler divergence between the
        predicted distributions, in nats, (B / 2,).
        """
        raise NotImplementedError

    def decode_spans(
        self, output: Any, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """Decode the predicted spans of each sentence.

        # Parameters

        output : result of `forward`.
        batch : the batch.
        scored : whether to compute the scores of the spans; if false, they may be NaN.
        """
        raise NotImplementedError

    def span_probabilities(
        self, output: Any, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """Compute the probabilities of spans.

        # Parameters

        output, batch : see `decode_spans`.
        spans : spans of the batch's sentences, with the types of `label_space`.
        temperature : temperature by which scores are divided; the calibrated one by default.

        # Returns

        Probabilities, (S,).

        # Raises

        UserError : the head does not compute probabilities.
        """
        self.check_calibration()
        raise NotImplementedError

    def rank(self, output: Any, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """Decode the `n` most probable readings of each sentence.

        # Parameters

        output, batch : see `decode_spans`.
        n : number of readings, 1 or more.
        entropy : whether to compute the entropy of the distribution over all readings.

        # Raises

        UserError : the head does not rank readings.
        """
        self.check_ranking()
        raise NotImplementedError

    def check_ranking(self) -> None:
        """Raise `UserError` if the head does not rank readings."""
        self._check_ability(
            "ranks_readings",
            "does not rank readings, which n_best, select and instance weighting by"
            ' "confidence" need',
        )

    def check_calibration(self) -> None:
        """Raise `UserError` if the head does not compute span probabilities."""
        self._check_ability("calibrates", "has no temperature, which trainer.calibration fits")

    def _check_ability(self, ability: str, problem: str) -> None:
        if not getattr(self, ability):
            able = ", ".join(f'"{name}"' for name in heads_that(ability))
            raise UserError(
                f'head "{self.label_space.head}" ({type(self).__name__}) {problem};'
                f" heads that do: {able}"
            )

    def task_loss(self, loss_B: Tensor, batch: Batch) -> Tensor:
        """Return this batch's contribution to the task loss, normalised by the global batch size.

        # Parameters

        loss_B : result of `loss`.
        batch : the micro-batch's sentences of this task.
        """
        weighted_B = loss_B * batch.weights_B
        if self.normalize_by == "characters":
            weighted_B = loss_per_character(weighted_B, batch)
        return weighted_B.sum() / batch.totals[self.label_space.head]


def _check_learns(head: type[Head], raw_text: bool) -> None:
    """Check that a head learns from raw text, or from labels, as the datasets of its task have."""
    if raw_text and not head.learns_raw_text:
        able = " or ".join(f'"{name}"' for name in heads_that("learns_raw_text"))
        raise ConfigurationError(
            f"{head.__name__} learns from labels, but the datasets of this task are raw text:"
            f" expected {able}, or head: null in their readers",
            "type",
        )
    if head.learns_raw_text and not raw_text:
        raise ConfigurationError(
            f"{head.__name__} learns from raw text, but the datasets of this task have labels:"
            ' expected a reader of type "unlabelled" with this head',
            "type",
        )


def heads_that(capability: str) -> list[str]:
    """Names of the registered heads with a capability, such as "nested", sorted."""
    classes = {name: Head.by_name(name) for name in Head.list_available()}
    return sorted(name for name, head in classes.items() if getattr(head, capability, False))


LazyHead: TypeAlias = Annotated[Lazy[Head], Supplied("label_space", "input_dim")]
