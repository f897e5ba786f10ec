"""The base of heads that label every character with a tag.

Shape suffixes: B sentences, L characters, D hidden size, T tags, C types, S spans, P datasets with partial labels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_arrays import (
    TagTable,
    lenient_spans,
    sentence_offsets,
    strict_spans,
    write_spans,
)
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG, get_scheme
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.crf import ConditionalRandomField, SpanReading, span_probabilities
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy, Readings


class TaggingHead(Head):
    """A linear layer from states to tag scores, and what a subclass makes of those.

    A subclass overrides `negative_log_likelihood` and `decode`. One that computes `marginal` sets
    `learns_partial_labels`; one that overrides `as_crf` sets `ranks_readings`.

    Tags are read as spans strictly: an entity that is not opened, or closed, as the scheme asks is none. Tags of words
    are read so that every character belongs to one word.

    # Parameters

    scheme : "BIO", "BIOES", "BMES", "IOB1" or "BILOU"; by default BIO for entities and BMES for words.
    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.
    """

    calibrates = True
    # (P, T, T) bool: for each dataset with partial labels, which tags a gold tag [from] may be [to].
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
        words = label_space.segmentation
        self.scheme = get_scheme(
            scheme or ("BMES" if words else "BIO"), segmentation=words, path="scheme"
        )
        self.labels = self.scheme.labels(label_space.types)
        self._table = TagTable.of(self.scheme, label_space.types)
        self._reading = SpanReading(self._table)

        self.projection = torch.nn.Linear(input_dim, len(self.labels))
        self.register_buffer("may_be_PTT", self._may_be(), persistent=False)
        self.set_up()

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the weight, and the name of the scheme."""
        super().check(settings, context)
        if settings.get("scheme") is not None:
            get_scheme(settings["scheme"], path="scheme")

    def set_up(self) -> None:
        """Make what a subclass needs beside the projection."""

    def _may_be(self) -> Tensor:
        """See `may_be_PTT`: `O` may be any tag of the types that the dataset does not mark, another tag is itself."""
        space, types_T = self.label_space, torch.from_numpy(self._table.types_T)
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
        """See `Head.targets`: the tag of each character, by name "tags"."""
        assert dataset.spans is not None
        spans = dataset.spans.keep(dataset.spans.types_S < len(self.label_space.types))
        return {"tags": PerCharacter(write_spans(spans, dataset.offsets, self._table))}

    def forward(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Tag scores (B, L, T), in the precision of the weights also under autocast."""
        with torch.autocast(states_BLD.device.type, enabled=False):
            scores_BLT: Tensor = self.projection(
                self.dropout(states_BLD.to(self.projection.weight.dtype))
            )
        return scores_BLT

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.loss`: of the gold path or, under partial labels, of all paths that its tags may be."""
        tags_BL, mask_BL = batch.targets["tags"], batch.mask_BL
        indices = {name: index for index, name in enumerate(self.label_space.annotated_types)}
        partial = [i for i, name in enumerate(batch.datasets) if name in indices]
        if not partial:
            return self.negative_log_likelihood(output, tags_BL, mask_BL)

        full = [i for i, name in enumerate(batch.datasets) if name not in indices]
        datasets_P1 = torch.tensor(
            [[indices[batch.datasets[i]]] for i in partial], device=tags_BL.device
        )
        allowed_PLT = self.may_be_PTT[datasets_P1, tags_BL[partial]]
        parts = [self.marginal(output[partial], allowed_PLT, mask_BL[partial])]
        if full:
            parts.append(self.negative_log_likelihood(output[full], tags_BL[full], mask_BL[full]))
        order = torch.tensor(partial + full, device=tags_BL.device).argsort()
        return torch.cat(parts)[order]

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        """Negative log-likelihood of each sentence's gold tags, (B,), summed over its characters."""
        raise NotImplementedError

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """Negative log-likelihood of each sentence's paths over the allowed tags together, (B,)."""
        raise NotImplementedError

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """The best tags, (B, L) long, 0 at padding."""
        raise NotImplementedError

    def as_crf(self) -> ConditionalRandomField:
        """Its distribution over tag paths as a linear-chain CRF over the emissions.

        By default characters are independent: transitions score 0.
        """
        crf = ConditionalRandomField(len(self.labels)).to(self.projection.weight.device)
        for parameter in crf.parameters():
            torch.nn.init.zeros_(parameter)
        return crf

    def decode_spans(
        self, output: Tensor, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """See `Head.decode_spans`; a span's score is the probability of all tag paths that have exactly this span."""
        tags_BL = self.decode(output, batch.mask_BL).cpu().numpy()
        (spans,) = self._read([tags_BL], output, batch, scored)
        return spans

    def span_probabilities(
        self, output: Tensor, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """See `Head.span_probabilities`: of all tag paths that have exactly this span."""
        scale = 1.0 / (float(self.temperature) if temperature is None else temperature)
        return span_probabilities(self.as_crf(), output, batch.mask_BL, spans, self._reading, scale)

    def rank(self, output: Tensor, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """See `Head.rank`: the best tag paths, found exactly."""
        self.check_ranking()
        crf, scale = self.as_crf().scaled(1.0 / float(self.temperature)), 1.0 / self.temperature
        best = crf.n_best(output * scale, batch.mask_BL, n)
        readings = self._read(
            list(best.tags_BNL.cpu().numpy().transpose(1, 0, 2)), output, batch, scored=True
        )
        counts = (best.scores_BN > -torch.inf).sum(1).tolist()
        return Readings(
            spans=[[reading[i] for reading in readings[:count]] for i, count in enumerate(counts)],
            scores_BN=best.scores_BN,
            probabilities_BN=best.probabilities_BN,
            entropy_B=crf.entropy(output * scale, batch.mask_BL) if entropy else None,
        )

    def _read(
        self, paths: Sequence[NDArray[np.int64]], output: Tensor, batch: Batch, scored: bool
    ) -> list[list[list[ScoredSpan]]]:
        """The spans of each of several tag paths (B, L) of a batch."""
        offsets = sentence_offsets(batch.lengths)
        inside_BL = np.arange(paths[0].shape[1])[None, :] < np.array(batch.lengths)[:, None]
        read = lenient_spans if self.label_space.segmentation else strict_spans
        readings = []
        for tags_BL in paths:
            spans = read(tags_BL[inside_BL], offsets, self._table)
            scores_S = np.full(len(spans.starts_S), np.nan)
            if scored:
                scores_S = self.span_probabilities(output, batch, spans)
            readings.append(_as_lists(spans, scores_S.tolist()))
        return readings


def _as_lists(spans: SpanTable, scores: Sequence[float]) -> list[list[ScoredSpan]]:
    names = [spans.types[i] for i in spans.types_S.tolist()]
    flat = list(map(ScoredSpan, spans.starts_S.tolist(), spans.ends_S.tolist(), names, scores))
    offsets = spans.offsets.tolist()
    return [flat[start:end] for start, end in zip(offsets, offsets[1:], strict=False)]
