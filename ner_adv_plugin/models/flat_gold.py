"""Gold spans for heads that cannot represent nested ones."""

import copy
import logging

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.dataset_reader import overlap_error
from ner_adv_plugin.data.reading.overlaps import resolve_overlaps
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.heads.head import heads_that

logger = logging.getLogger(__name__)


def flat_dataset(dataset: EncodedDataset, head: Head, training: bool) -> EncodedDataset:
    """The dataset with gold spans that a flat head can represent; itself if none overlap.

    Scores count all gold spans; only the loss of held-out sentences is that of the outermost.

    # Parameters

    dataset : sentences of the head.
    head : cannot represent spans that overlap.
    training : whether the head is to learn from them.

    Raises `DataError` at the first two spans that overlap, in training.
    """
    # Of whole sentences, whose lines are known; `dataset.spans` may be of windows.
    spans, whole = dataset.spans, dataset.instances.spans
    found = None if whole is None else whole.first_overlap()
    if spans is None or found is None:
        return dataset
    if training:
        name, able = (
            head.label_space.head,
            ", ".join(f'"{known}"' for known in heads_that("nested")),
        )
        raise overlap_error(
            dataset.instances,
            found,
            f'spans that do not overlap: head "{name}" ({type(head).__name__}) cannot represent others. Heads that can:'
            f' {able}. Or set overlaps: "outermost", "innermost" or "first" in the reader',
        )

    flat = copy.copy(dataset)
    flat.spans = SpanTable.of(
        [own and resolve_overlaps(own, "outermost") for own in spans], spans.types
    )
    message = '%s: entities overlap, which head "%s" cannot represent: its loss is of the outermost, scores count all'
    logger.warning(message, dataset.dataset, head.label_space.head)
    return flat
