"""Gold spans for heads that cannot represent overlapping spans."""

import copy
import logging

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.overlaps import resolve_overlaps
from ner_adv_plugin.data.reading.span_checks import overlap_error
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.heads.head import heads_that

logger = logging.getLogger(__name__)


def flat_dataset(dataset: EncodedDataset, head: Head, training: bool) -> EncodedDataset:
    """Return a dataset whose gold spans do not overlap.

    For evaluation, only the outermost of overlapping spans are kept, with a warning. This affects
    the reported loss only: scores count all gold spans.

    # Parameters

    dataset : sentences of the head's task.
    head : a head that cannot represent overlapping spans.
    training : whether the sentences are for training.

    # Returns

    The dataset itself if no spans overlap, otherwise a copy with fewer spans.

    # Raises

    DataError : spans overlap in training data; names the first two.
    """
    # The instances are whole sentences with known lines; `dataset.spans` may be of windows.
    spans = dataset.spans
    all_spans = dataset.instances.spans
    overlap = None if all_spans is None else all_spans.first_overlap()
    if spans is None or overlap is None:
        return dataset

    name = head.label_space.head
    if training:
        able = ", ".join(f'"{known}"' for known in heads_that("nested"))
        raise overlap_error(
            dataset.instances,
            overlap,
            f'spans that do not overlap: head "{name}" ({type(head).__name__}) cannot represent'
            f' others. Heads that can: {able}. Or set overlaps: "outermost", "innermost" or "first"'
            " in the reader",
        )

    flat = copy.copy(dataset)
    flat.spans = SpanTable.of(
        [
            sentence_spans and resolve_overlaps(sentence_spans, "outermost")
            for sentence_spans in spans
        ],
        spans.types,
    )
    logger.warning(
        '%s: entities overlap, which head "%s" cannot represent: the loss is computed on the'
        " outermost entities, scores count all entities",
        dataset.dataset,
        name,
    )
    return flat
