"""Word segmentation scores: word F1, and recall of words that training did not show."""

from collections.abc import Collection, Sequence

import numpy as np

from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.evaluation.ner_scores import check_sizes, precision_recall_f1
from ner_adv_plugin.evaluation.spans import label_table, lenient_spans, row_offsets


class SegmentationScorer:
    """Counts words over batches and scores them as the SIGHAN bake-off does (Emerson 2005).

    A word begins at BEGIN or SINGLE, after END or SINGLE and at the start of a row, so that every character
    is in exactly one word whatever the tags.

    # Parameters

    labels : the label space that tag indices refer to.
    scheme : the scheme of the labels, for segmentation.
    known_words : the words of the training data; gold words not among them are out of vocabulary.
    """

    def __init__(self, labels: Sequence[str], scheme: TagScheme, known_words: Collection[str]) -> None:
        self.table = label_table(labels, scheme)
        self.known_words = frozenset(known_words)
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._num_predicted = self._num_gold = self._num_correct = 0
        self._num_unknown = self._num_unknown_correct = 0

    def update(
        self,
        predicted: np.ndarray,
        gold: np.ndarray,
        lengths: np.ndarray | Sequence[int],
        texts: Sequence[str],
    ) -> None:
        """Count a batch of rows laid one after another.

        # Parameters

        predicted, gold : `(N,)` label indices, without padding.
        lengths : `(R,)` characters of each row, N in all; `ValueError` where they do not fit.
        texts : the R texts, each of its row's length.
        """
        offsets = row_offsets(lengths)
        check_sizes(predicted, gold, np.diff(offsets))
        if [len(text) for text in texts] != list(lengths):
            raise ValueError("the texts are not as long as the rows")
        guesses, words = (lenient_spans(tags, offsets, self.table) for tags in (predicted, gold))
        correct = words.found_in(guesses)
        characters = "".join(texts)
        bounds = zip(words.start.tolist(), words.end.tolist(), strict=True)
        unknown = np.array([characters[i:j] not in self.known_words for i, j in bounds], dtype=bool)

        self._num_predicted += len(guesses.start)
        self._num_gold += len(words.start)
        self._num_correct += int(correct.sum())
        self._num_unknown += int(unknown.sum())
        self._num_unknown_correct += int((unknown & correct).sum())

    def compute(self) -> dict[str, float]:
        """`f1`, `precision`, `recall`, `oov_recall` and `oov_rate` over gold words; 0.0 where undefined."""
        precision, recall, f1 = precision_recall_f1(self._num_predicted, self._num_gold, self._num_correct)
        return {
            "f1": f1,
            "precision": precision,
            "recall": recall,
            "oov_recall": self._num_unknown_correct / self._num_unknown if self._num_unknown else 0.0,
            "oov_rate": self._num_unknown / self._num_gold if self._num_gold else 0.0,
        }
