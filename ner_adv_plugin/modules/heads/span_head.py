"""The base of heads that score every pair of characters as the first and last of a span.

Shape suffixes: B sentences, L characters, C types, S spans, M most gold spans of a sentence, G groups of options, K
options of a group.
"""

import heapq
from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerSpan, Targets
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy, Readings

# Readings that are looked at for one that is kept, as some become the same once conflicts are resolved.
SPARE = 4


class SpanHead(Head):
    """Finds entities among all pairs of characters; they may nest.

    A subclass overrides `forward`, `loss`, `log_probabilities` and `options`. Memory grows with the square of a
    sentence's length.

    # Parameters

    flat : drop an entity that overlaps a more probable one; if false, only those that cross one are dropped.
    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.

    Raises `ConfigurationError` for a task of word segmentation.
    """

    nested = True
    learns_partial_labels = True
    ranks_readings = True
    calibrates = True

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
                f'{type(self).__name__} finds entities, and the datasets of head "{label_space.head}" are segmented'
                ' into words: expected "crf", "softmax" or another head that tags characters',
                "type",
            )
        self.flat = flat

    @abstractmethod
    def log_probabilities(self, output: Tensor, temperature: float) -> Tensor:
        """Logarithms of the probabilities of all options, (B, L, L, G, K), by first and last character.

        The options of a group exclude one another; option 0 is "no span". Pairs that are no span have option 0 alone.
        """

    @abstractmethod
    def options(self, types_S: Tensor) -> tuple[Tensor, Tensor]:
        """Group and option of each of some types, both (S,)."""

    @abstractmethod
    def types(self, groups_S: Tensor, options_S: Tensor) -> Tensor:
        """The type of each of some options other than 0, (S,)."""

    def targets(self, dataset: EncodedDataset) -> Targets:
        """See `Head.targets`: first character, last character and type of each span, by name "spans"."""
        assert dataset.spans is not None
        spans = dataset.spans.keep(dataset.spans.types_S < len(self.label_space.types))
        values = np.stack([spans.starts_S, spans.ends_S - 1, spans.types_S], axis=1).astype(
            np.int64
        )
        return {"spans": PerSpan(values, np.maximum(spans.counts_R, 0))}

    def gold(self, batch: Batch) -> Tensor:
        """Whether each pair of characters is a gold span of each type, (B, L, L, C) bool."""
        spans_BM3, length = batch.targets["spans"], batch.mask_BL.shape[1]
        gold_BLLC = torch.zeros(
            (len(batch), length, length, len(self.label_space.types)),
            dtype=torch.bool,
            device=batch.device,
        )
        sentence_S, place_S = (spans_BM3[..., 0] >= 0).nonzero(as_tuple=True)
        start_S, last_S, type_S = spans_BM3[sentence_S, place_S].unbind(1)
        gold_BLLC[sentence_S, start_S, last_S, type_S] = True
        return gold_BLLC

    def annotated(self, batch: Batch) -> Tensor:
        """Whether the annotators of each sentence marked each type, (B, C) bool."""
        marked_BC = torch.ones((len(batch), len(self.label_space.types)), dtype=torch.bool)
        for i, name in enumerate(batch.datasets):
            marked_BC[i, self.label_space.unannotated(name)] = False
        return marked_BC.to(batch.device)

    def decode_spans(
        self, output: Tensor, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """See `Head.decode_spans`; a span's score is the probability of its option."""
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
        return [self._without_conflicts(spans) for spans in found]

    def span_probabilities(
        self, output: Tensor, batch: Batch, spans: SpanTable, temperature: float | None = None
    ) -> NDArray[np.float64]:
        """See `Head.span_probabilities`: of the span's option."""
        log_p_BLLGK = self.log_probabilities(
            output, float(self.temperature) if temperature is None else temperature
        )
        columns = (spans.sentences_S, spans.starts_S, spans.ends_S - 1, spans.types_S)
        sentence_S, start_S, last_S, type_S = (
            torch.from_numpy(c.astype(np.int64)).to(output.device) for c in columns
        )
        found: NDArray[np.float64] = (
            log_p_BLLGK[(sentence_S, start_S, last_S, *self.options(type_S))]
            .exp()
            .double()
            .cpu()
            .numpy()
        )
        return found

    def _without_conflicts(self, spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
        """The spans, from the most probable on, that do not cross (with `flat`: overlap) one kept before."""
        kept: list[ScoredSpan] = []
        for span in sorted(spans, key=lambda span: (-span.score, span)):
            if not any(self._conflict(span, other) for other in kept):
                kept.append(span)
        return sorted(kept)

    def _conflict(self, one: ScoredSpan, other: ScoredSpan) -> bool:
        if one.end <= other.start or other.end <= one.start:
            return False
        nests = (one.start <= other.start and other.end <= one.end) or (
            other.start <= one.start and one.end <= other.end
        )
        return self.flat or not nests

    def rank(self, output: Tensor, batch: Batch, n: int, entropy: bool = False) -> Readings:
        """See `Head.rank`: groups of options are independent, and conflicts are resolved in each reading on its own.

        Of readings that are the same once conflicts are resolved, the most probable counts.
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
                costs.setdefault(tuple(self._without_conflicts(reading)), cost)
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
        """Changes of the best reading of a sentence by rising cost, each with what is then read: n at least, if
        there are so many, and more for those that turn out the same.
        """
        # No reading among the m best changes anything but the m - 1 cheapest options.
        flat = costs_LLGK.flatten()
        cheapest = flat.topk(min(SPARE * n - 1, len(flat)), largest=False)
        finite = cheapest.values < torch.inf
        costs, changes = cheapest.values[finite].tolist(), cheapest.indices[finite].tolist()
        options = log_p_LLGK.shape[-1]
        best = {
            group: int(best_LLG.flatten()[group])
            for group in best_LLG.flatten().nonzero().flatten().tolist()
        }

        for number, (cost, chosen) in enumerate(
            _cheapest_subsets(costs, [change // options for change in changes])
        ):
            if number == SPARE * n:
                return
            reading = {**best, **{changes[i] // options: changes[i] % options for i in chosen}}
            yield (
                cost,
                [
                    self._span(group, option, log_p_LLGK)
                    for group, option in reading.items()
                    if option
                ],
            )

    def _span(self, group: int, option: int, log_p_LLGK: Tensor) -> ScoredSpan:
        length, groups = log_p_LLGK.shape[1], log_p_LLGK.shape[2]
        start, last, own = group // groups // length, group // groups % length, group % groups
        kind = int(self.types(torch.tensor([own]), torch.tensor([option])))
        score = float(log_p_LLGK[start, last, own, option].exp())
        return ScoredSpan(start, last + 1, self.label_space.types[kind], score)


def _cheapest_subsets(
    costs: Sequence[float], groups: Sequence[int]
) -> Iterator[tuple[float, list[int]]]:
    """Subsets of items by rising cost, none with two items of one group.

    # Parameters

    costs : of the items, rising.
    groups : of the items.
    """
    yield 0.0, []
    queue: list[tuple[float, list[int]]] = [(costs[0], [0])] if costs else []
    while queue:
        cost, chosen = heapq.heappop(queue)
        if len({groups[i] for i in chosen}) == len(chosen):
            yield cost, chosen
        last = chosen[-1]
        if last + 1 < len(costs):
            heapq.heappush(queue, (cost + costs[last + 1], [*chosen, last + 1]))
            heapq.heappush(queue, (cost + costs[last + 1] - costs[last], [*chosen[:-1], last + 1]))


def valid_spans(mask_BL: Tensor) -> Tensor:
    """Whether each pair of characters may be first and last of a span, (B, L, L) bool."""
    length = mask_BL.shape[1]
    ordered_LL = torch.ones((length, length), dtype=torch.bool, device=mask_BL.device).triu()
    return mask_BL.unsqueeze(1) & mask_BL.unsqueeze(2) & ordered_LL
