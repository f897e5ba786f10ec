"""Base class of heads that score each pair of characters as the first and last of a span.

Shape suffixes: B sentences, L characters, C types, S spans, M largest number of gold spans of a
sentence, G groups of options, K options of a group.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerSpan, Targets
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.span_options import (
    CANDIDATES,
    cheapest_readings,
    without_conflicts,
)
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.losses import categorical_divergence
from ner_adv_plugin.modules.heads.readings import Readings


class SpanHead(Head):
    """Head that predicts entities, which may be nested, from all pairs of characters.

    A subclass overrides `forward`, `loss`, `log_probabilities`, `options` and `types`. Memory grows
    with the square of the sentence length.

    # Parameters

    flat : whether to drop every entity that overlaps a more probable one; if false, only entities
        that cross a more probable one are dropped, and nested entities are kept.
    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.

    # Raises

    ConfigurationError : the task is word segmentation.
    """

    nested = True
    learns_partial_labels = True
    ranks_readings = True
    calibrates = True
    has_divergence = True

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: NormalizeBy = "characters",
        flat: bool = False,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by)
        if label_space.segmentation:
            raise ConfigurationError(
                f"{type(self).__name__} predicts entities, but the task of head"
                f' "{label_space.head}" is word segmentation: expected "crf", "softmax" or another'
                " head that tags characters",
                "type",
            )
        self.flat = flat

    @abstractmethod
    def log_probabilities(self, output: Tensor, temperature: float) -> Tensor:
        """Compute the log-probabilities of all options of each pair of characters.

        The options of a group are mutually exclusive, and groups are independent. Option 0 is "no
        span"; pairs that cannot be a span have a probability of 1 for it.

        # Parameters

        output : result of `forward`.
        temperature : temperature by which scores are divided.

        # Returns

        (B, L, L, G, K), by first and last character.
        """

    @abstractmethod
    def options(self, types_S: Tensor) -> tuple[Tensor, Tensor]:
        """Return the group and the option of each type index, both (S,)."""

    @abstractmethod
    def types(self, groups_S: Tensor, options_S: Tensor) -> Tensor:
        """Return the type index of each option other than 0, (S,)."""

    def targets(self, dataset: EncodedDataset) -> Targets:
        """See `Head.targets`: first character, last character and type of each span.

        They are named "spans".
        """
        assert dataset.spans is not None
        spans = dataset.spans.keep(dataset.spans.types_S < len(self.label_space.types))
        values = np.stack([spans.starts_S, spans.ends_S - 1, spans.types_S], axis=1).astype(
            np.int64
        )
        return {"spans": PerSpan(values, np.maximum(spans.counts_R, 0))}

    def gold(self, batch: Batch) -> Tensor:
        """Whether each pair of characters is a gold span of each type, (B, L, L, C) bool."""
        spans_BM3 = batch.targets["spans"]
        length = batch.mask_BL.shape[1]
        shape = len(batch), length, length, len(self.label_space.types)
        start_BM, last_BM, type_BM = spans_BM3.unbind(2)
        sentence_B1 = torch.arange(len(batch), device=batch.device).unsqueeze(1)
        index_BM = ((sentence_B1 * length + start_BM) * length + last_BM) * shape[3] + type_BM

        # Padding writes to an extra element. Leaving it out would make the host wait for a GPU.
        count = math.prod(shape)
        index_BM = index_BM.where(start_BM >= 0, count)
        gold = torch.zeros(count + 1, dtype=torch.bool, device=batch.device)
        return gold.index_fill_(0, index_BM.flatten(), True)[:count].view(shape)

    def annotated(self, batch: Batch) -> Tensor:
        """Whether each type is annotated in each sentence, (B, C) bool."""
        annotated_BC = torch.ones((len(batch), len(self.label_space.types)), dtype=torch.bool)
        for i, name in enumerate(batch.datasets):
            annotated_BC[i, self.label_space.unannotated(name)] = False
        return annotated_BC.to(batch.device, non_blocking=True)

    def divergence(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.divergence`: between the options of each pair of characters, summed over all.

        For sigmoids of scores s this is the sum of (sigmoid(s) - sigmoid(s')) (s - s') / 2.
        """
        divergence_BLLG = categorical_divergence(self.log_probabilities(output, 1.0))
        return divergence_BLLG.flatten(1).sum(1)

    def decode_spans(
        self, output: Tensor, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """See `Head.decode_spans`; the score of a span is the probability of its option."""
        log_p_BLLGK = self.log_probabilities(output, float(self.temperature))
        best_BLLG = log_p_BLLGK.argmax(-1)
        index_S = best_BLLG.nonzero(as_tuple=True)
        options_S = best_BLLG[index_S]
        scores_S = log_p_BLLGK[(*index_S, options_S)].exp()
        sentence_S, start_S, last_S, group_S = index_S

        names = [self.label_space.types[i] for i in self.types(group_S, options_S).tolist()]
        columns = zip(
            start_S.tolist(), (last_S + 1).tolist(), names, scores_S.tolist(), strict=True
        )
        found: list[list[ScoredSpan]] = [[] for _ in range(len(batch))]
        for sentence, span in zip(sentence_S.tolist(), columns, strict=True):
            found[sentence].append(ScoredSpan(*span))
        return [without_conflicts(spans, self.flat) for spans in found]

    def span_probabilities(
        self, output: Tensor, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """See `Head.span_probabilities`: the probability of the span's option."""
        log_p_BLLGK = self.log_probabilities(
            output, float(self.temperature) if temperature is None else temperature
        )
        columns = (spans.sentences_S, spans.starts_S, spans.ends_S - 1, spans.types_S)
        sentence_S, start_S, last_S, type_S = (
            torch.from_numpy(column.astype(np.int64)).to(output.device) for column in columns
        )
        p_S = log_p_BLLGK[(sentence_S, start_S, last_S, *self.options(type_S))].exp()
        probabilities: NDArray[np.float64] = p_S.double().cpu().numpy()
        return probabilities

    def rank(self, output: Tensor, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """See `Head.rank`.

        Groups of options are independent. Conflicts are resolved within each reading; if readings
        become equal, the most probable one is kept.
        """
        log_p_BLLGK = self.log_probabilities(output, float(self.temperature))
        best_BLLG1 = log_p_BLLGK.argmax(-1, keepdim=True)
        best_log_p_BLLG1 = log_p_BLLGK.gather(-1, best_BLLG1)
        costs_BLLGK = (best_log_p_BLLG1 - log_p_BLLGK).scatter(-1, best_BLLG1, torch.inf)
        log_best_B = best_log_p_BLLG1.double().flatten(1).sum(1)

        spans, scores_BN = [], torch.full((len(batch), n), -torch.inf, dtype=torch.float64)
        for i in range(len(batch)):
            costs: dict[tuple[ScoredSpan, ...], float] = {}
            for cost, reading in self._readings(
                log_p_BLLGK[i], best_BLLG1[i, ..., 0], costs_BLLGK[i], n
            ):
                costs.setdefault(tuple(without_conflicts(reading, self.flat)), cost)
                if len(costs) == n:
                    break
            spans.append([list(reading) for reading in costs])
            scores_BN[i, : len(costs)] = log_best_B[i].cpu() - torch.tensor(
                [*costs.values()], dtype=torch.float64
            )
        p_BLLGK = log_p_BLLGK.double().exp()
        entropy_B = -(p_BLLGK * log_p_BLLGK.clamp(min=-1e4)).flatten(1).sum(1) if entropy else None
        return Readings(spans, scores_BN, scores_BN.exp(), entropy_B)

    def _readings(
        self, log_p_LLGK: Tensor, best_LLG: Tensor, costs_LLGK: Tensor, n: int
    ) -> Iterator[tuple[float, list[ScoredSpan]]]:
        """Yield the best readings of a sentence, most probable first.

        # Parameters

        log_p_LLGK : log-probabilities of the options.
        best_LLG : the most probable option of each group.
        costs_LLGK : loss of log-probability if another option is chosen; +inf for the best option.
        n : number of different readings that are needed.

        # Returns

        Cost and spans of each reading; up to `CANDIDATES` x n, as readings may become equal when
        conflicts are resolved.
        """
        # The m best readings differ from the best one in the m - 1 cheapest options only.
        costs_flat = costs_LLGK.flatten()
        cheapest = costs_flat.topk(min(CANDIDATES * n - 1, len(costs_flat)), largest=False)
        finite = cheapest.values < torch.inf
        best_flat = best_LLG.flatten()
        best = {group: int(best_flat[group]) for group in best_flat.nonzero().flatten().tolist()}

        for cost, reading in cheapest_readings(
            best,
            cheapest.values[finite].tolist(),
            cheapest.indices[finite].tolist(),
            log_p_LLGK.shape[-1],
            CANDIDATES * n,
        ):
            yield cost, [self._span(*choice, log_p_LLGK) for choice in reading.items()]

    def _span(self, index: int, option: int, log_p_LLGK: Tensor) -> ScoredSpan:
        """Return the span of an option, given the index of its group in the flattened (L, L, G)."""
        length, groups = log_p_LLGK.shape[1], log_p_LLGK.shape[2]
        pair, group = divmod(index, groups)
        start, last = divmod(pair, length)

        type_index = int(self.types(torch.tensor([group]), torch.tensor([option])))
        score = float(log_p_LLGK[start, last, group, option].exp())
        return ScoredSpan(start, last + 1, self.label_space.types[type_index], score)


def valid_spans(mask_BL: Tensor) -> Tensor:
    """Whether each pair of characters can be the first and last of a span, (B, L, L) bool."""
    length = mask_BL.shape[1]
    position_L = torch.arange(length, device=mask_BL.device)
    ordered_LL = position_L.unsqueeze(1) <= position_L
    return mask_BL.unsqueeze(1) & mask_BL.unsqueeze(2) & ordered_LL
