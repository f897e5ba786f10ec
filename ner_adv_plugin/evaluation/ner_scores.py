"""Entity scores: strict micro F1 in front, lenient and per-type scores beside it."""

from collections.abc import Sequence

import numpy as np

from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.evaluation.spans import Spans, label_table, lenient_spans, row_offsets, strict_spans

MAX_WAITING = 1 << 20  # characters


class NerScorer:
    """Counts entities over batches and scores them.

    Strict is seqeval with `mode="strict"` (an entity that is not opened, or closed, as the scheme asks is
    none); lenient is conlleval (Tjong Kim Sang and Buchholz 2000), which is seqeval's default.

    # Parameters

    labels : the label space that tag indices refer to.
    scheme : the scheme of the labels.
    """

    def __init__(self, labels: Sequence[str], scheme: TagScheme) -> None:
        self.table = label_table(labels, scheme)
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        # Rows: predicted, gold, correct. Columns: span types.
        self._strict = np.zeros((3, len(self.table.type_names)), dtype=np.int64)
        self._lenient = np.zeros_like(self._strict)
        # Reading spans costs much the same for ten rows and a thousand: batches are counted together.
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._num_waiting = 0

    def update(self, predicted: np.ndarray, gold: np.ndarray, lengths: np.ndarray | Sequence[int]) -> None:
        """Count a batch of rows laid one after another.

        # Parameters

        predicted, gold : `(N,)` label indices, without padding.
        lengths : `(R,)` characters of each row, N in all; `ValueError` where they do not fit.
        """
        sizes = np.array(lengths, dtype=np.int64)
        check_sizes(predicted, gold, sizes)
        self._waiting.append((predicted.astype(np.int32), gold.astype(np.int32), sizes))
        self._num_waiting += len(gold)
        if self._num_waiting >= MAX_WAITING:
            self._count_waiting()

    def compute(self) -> dict[str, float]:
        """Strict micro `f1`, `precision`, `recall`; `lenient_f1`; strict `f1_<TYPE>`. 0.0 where undefined."""
        self._count_waiting()
        precision, recall, f1 = precision_recall_f1(*self._strict.sum(axis=1).tolist())
        scores = {"f1": f1, "precision": precision, "recall": recall}
        scores["lenient_f1"] = precision_recall_f1(*self._lenient.sum(axis=1).tolist())[2]
        for name, counts in zip(self.table.type_names, self._strict.T.tolist(), strict=True):
            scores[f"f1_{name}"] = precision_recall_f1(*counts)[2]
        return scores

    def _count_waiting(self) -> None:
        if not self._waiting:
            return
        predicted, gold, lengths = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        self._waiting, self._num_waiting = [], 0
        offsets = row_offsets(lengths)
        for counts, read in ((self._strict, strict_spans), (self._lenient, lenient_spans)):
            counts += self._counts(*(read(tags, offsets, self.table) for tags in (predicted, gold)))

    def _counts(self, predicted: Spans, gold: Spans) -> np.ndarray:
        """`(3, types)` spans predicted, there, and both."""
        columns = (predicted.type, gold.type, gold.type[gold.found_in(predicted)])
        return np.stack([np.bincount(types, minlength=len(self.table.type_names)) for types in columns])


def precision_recall_f1(num_predicted: int, num_gold: int, num_correct: int) -> tuple[float, float, float]:
    """Precision, recall and F1 from counts; 0.0 where nothing was predicted, or nothing was there."""
    precision = num_correct / num_predicted if num_predicted else 0.0
    recall = num_correct / num_gold if num_gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if num_correct else 0.0
    return precision, recall, f1


def check_sizes(predicted: np.ndarray, gold: np.ndarray, lengths: np.ndarray) -> None:
    """`ValueError` unless predicted and gold are flat and both as long as the rows together."""
    total = lengths.sum()
    if not predicted.shape == gold.shape == (total,):
        raise ValueError(f"predicted {predicted.shape}, gold {gold.shape} and {total} characters in rows do not fit")
