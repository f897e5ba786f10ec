"""Base class of heads that tag each character.

Shape suffixes: B sentences, L characters, D hidden size, T tags, C types, S spans, P datasets with
partial labels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.span_reading import SpanReading
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import TagTable, write_spans
from ner_adv_plugin.data.labels.tag_paths import read_paths
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG, get_scheme
from ner_adv_plugin.modules.crf import ConditionalRandomField, span_probabilities
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.readings import Readings


class TaggingHead(Head):
    """Head with a linear layer from states to tag scores.

    A subclass overrides `negative_log_likelihood` and `decode`. If it implements `marginal`, it
    sets `learns_partial_labels`; if it overrides `as_crf`, it sets `ranks_readings`.

    Entity tags are decoded strictly: an entity that does not begin or end as the scheme requires is
    dropped. Word tags are decoded so that each character belongs to exactly one word.

    # Parameters

    scheme : "BIO", "BIOES", "BMES", "IOB1" or "BILOU"; by default BIO for entities and BMES for
        words.
    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.

    # Raises

    ConfigurationError : the scheme is unknown, or does not fit the task.
    """

    calibrates = True
    # (P, T, T) bool: for each dataset with partial labels, whether gold tag [i] may be tag [j].
    may_be_PTT: Tensor

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: NormalizeBy = "characters",
        scheme: str | None = None,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by)

        default_scheme = "BMES" if label_space.segmentation else "BIO"
        self.scheme = get_scheme(
            scheme or default_scheme, segmentation=label_space.segmentation, path="scheme"
        )
        self.labels = self.scheme.labels(label_space.types)
        self._table = TagTable.of(self.scheme, label_space.types)
        self._reading = SpanReading(self._table)

        self.projection = torch.nn.Linear(input_dim, len(self.labels))
        self.register_buffer("may_be_PTT", self._may_be(), persistent=False)
        self.set_up()

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: refuse a negative weight and an unknown scheme."""
        super().check(settings, context)
        if settings.get("scheme") is not None:
            get_scheme(settings["scheme"], path="scheme")

    def set_up(self) -> None:
        """Create further layers of a subclass; called at the end of the constructor."""

    def _may_be(self) -> Tensor:
        """Compute `may_be_PTT`.

        `O` may be `O` or any tag of a type that the dataset does not annotate; other tags are
        certain.
        """
        space = self.label_space
        types_T = torch.from_numpy(self._table.types_T)
        table_PTT = torch.eye(len(self.labels), dtype=torch.bool).repeat(
            len(space.annotated_types), 1, 1
        )
        for dataset, name in enumerate(space.annotated_types):
            hidden_T = torch.isin(
                types_T, torch.tensor(space.unannotated(name), dtype=types_T.dtype)
            )
            table_PTT[dataset, self.labels.index(OUTSIDE_TAG), hidden_T] = True
        return table_PTT

    def targets(self, dataset: EncodedDataset) -> Targets:
        """See `Head.targets`: the tag index of each character, named "tags"."""
        assert dataset.spans is not None
        spans = dataset.spans.keep(dataset.spans.types_S < len(self.label_space.types))
        return {"tags": PerCharacter(write_spans(spans, dataset.offsets, self._table))}

    def forward(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Compute tag scores, (B, L, T).

        They have the precision of the weights, also under autocast.
        """
        return self._project(self.dropout(states_BLD.to(self.projection.weight.dtype)))

    def _project(self, states_BLD: Tensor) -> Tensor:
        with torch.autocast(states_BLD.device.type, enabled=False):
            scores_BLT: Tensor = self.projection(states_BLD.to(self.projection.weight.dtype))
        return scores_BLT

    @torch.no_grad()
    def posteriors(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Compute the posterior of each tag of each character, without dropout and gradients.

        # Parameters

        states_BLD : see `forward`.
        batch : the sentences.

        # Returns

        Probabilities, (B, L, T), 0 at padding.
        """
        return self.as_crf().marginals(self._project(states_BLD), batch.mask_BL)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.loss`.

        The negative log-likelihood of the gold tags; for partial labels, of all tag paths that are
        compatible with the gold tags.
        """
        tags_BL, mask_BL = batch.targets["tags"], batch.mask_BL
        indices = {name: index for index, name in enumerate(self.label_space.annotated_types)}
        partial = [i for i, name in enumerate(batch.datasets) if name in indices]
        if not partial:
            return self.negative_log_likelihood(output, tags_BL, mask_BL)

        full = [i for i, name in enumerate(batch.datasets) if name not in indices]
        datasets_P = index_tensor([indices[batch.datasets[i]] for i in partial], tags_BL.device)
        index_P = index_tensor(partial, tags_BL.device)
        allowed_PLT = self.may_be_PTT[datasets_P.unsqueeze(1), tags_BL[index_P]]
        losses = [self.marginal(output[index_P], allowed_PLT, mask_BL[index_P])]
        if full:
            index_F = index_tensor(full, tags_BL.device)
            losses.append(
                self.negative_log_likelihood(output[index_F], tags_BL[index_F], mask_BL[index_F])
            )
        original_order = index_tensor(partial + full, tags_BL.device).argsort()
        return torch.cat(losses)[original_order]

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        """Compute the negative log-likelihood of the gold tags of each sentence.

        # Parameters

        emissions_BLT : tag scores, the output of `forward`.
        tags_BL : indices of the gold tags, long.
        mask_BL : True at characters, bool.

        # Returns

        (B,), summed over the characters.
        """
        raise NotImplementedError

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """Compute the negative log of the total probability of all paths over allowed tags, (B,).

        # Parameters

        emissions_BLT : tag scores, the output of `forward`.
        allowed_BLT : whether each tag is allowed, bool.
        mask_BL : True at characters, bool.
        """
        raise NotImplementedError

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """Decode the most probable tags, (B, L) long, 0 at padding."""
        raise NotImplementedError

    def as_crf(self) -> ConditionalRandomField:
        """Return the head's distribution over tag paths as a linear-chain CRF over the emissions.

        By default all transition scores are 0: tags of different characters are independent.
        """
        num_tags, device = len(self.labels), self.projection.weight.device
        zeros_T = torch.zeros(num_tags, device=device)
        zeros_TT = torch.zeros(num_tags, num_tags, device=device)
        return ConditionalRandomField.of_scores(
            {"start_transitions": zeros_T, "end_transitions": zeros_T, "transitions": zeros_TT}
        )

    def decode_spans(
        self, output: Tensor, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """See `Head.decode_spans`.

        The score of a span is its marginal probability, that of all tag paths that contain it.
        """
        tags_BL = self.decode(output, batch.mask_BL).cpu().numpy()
        return self._read(tags_BL, np.arange(len(tags_BL)), output, batch, scored)

    def span_probabilities(
        self, output: Tensor, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """See `Head.span_probabilities`: the probability of all tag paths that contain the span."""
        scale = 1.0 / (float(self.temperature) if temperature is None else temperature)
        return span_probabilities(self.as_crf(), output, batch.mask_BL, spans, self._reading, scale)

    def rank(self, output: Tensor, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """See `Head.rank`: exact n-best tag paths."""
        self.check_ranking()

        crf = self.as_crf().scaled(1.0 / float(self.temperature))
        scale = 1.0 / self.temperature
        best = crf.n_best(output * scale, batch.mask_BL, n)
        counts_B = (best.scores_BN > -torch.inf).sum(1).cpu().numpy()
        tags_RL = best.tags_BNL.cpu().numpy()[np.arange(n) < counts_B[:, None]]
        sentences_R = np.repeat(np.arange(len(counts_B)), counts_B)
        readings = self._read(tags_RL, sentences_R, output, batch, scored=True)
        ends_B = np.cumsum(counts_B).tolist()
        return Readings(
            spans=[readings[start:end] for start, end in zip([0, *ends_B], ends_B, strict=False)],
            scores_BN=best.scores_BN,
            probabilities_BN=best.probabilities_BN,
            entropy_B=crf.entropy(output * scale, batch.mask_BL) if entropy else None,
        )

    def _read(
        self,
        tags_RL: NDArray[np.int64],
        sentences_R: NDArray[np.int64],
        output: Tensor,
        batch: Batch,
        scored: bool,
    ) -> list[list[ScoredSpan]]:
        """Decode R tag paths to spans.

        # Parameters

        tags_RL : the tags of each path; values at padding have no effect.
        sentences_R : index of the sentence of each path, ascending.
        output, batch, scored : see `decode_spans`.
        """

        def probabilities(distinct: SpanTable) -> NDArray[np.float64]:
            return self.span_probabilities(output, batch, distinct)

        return read_paths(
            tags_RL, sentences_R, batch.lengths, self._table, probabilities if scored else None
        )
