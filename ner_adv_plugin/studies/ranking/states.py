"""States of a frozen encoder for a sample of a corpus.

Shape suffixes: N sentences, C characters of all of them, D state size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.processes import use_cpu
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.pooling import MeanPooling
from ner_adv_plugin.runs.job import TrainJob

BATCH_SIZE = 32
SEED = 0
OUTSIDE = "O"


@dataclass(frozen=True)
class EncodedSample:
    """What the encoder says of some sentences of a corpus.

    # Parameters

    characters_CD : state of every character.
    sentences_ND : mean state of every sentence.
    classes : class of every character, see `character_classes`; None without labels.
    """

    characters_CD: NDArray[np.float64]
    sentences_ND: NDArray[np.float64]
    classes: list[str] | None


def pretrained_encoder(job: TrainJob) -> dict[str, Any] | None:
    """Return the config of a job's encoder; None if its weights are not pretrained."""
    encoder = job.model.filled.get("encoder")
    if not isinstance(encoder, dict) or encoder.get("model_name") is None:
        return None
    return encoder


def encode_sample(
    encoder: Encoder, reader: DatasetReader, table: InstanceTable, sentences: int
) -> EncodedSample:
    """Encode a random sample of a corpus, without dropout and gradients.

    # Parameters

    encoder : of `build_encoder`.
    reader : of the corpus.
    table : its training sentences; empty ones are left out.
    sentences : at most so many are sampled, with a fixed seed.
    """
    filled = np.flatnonzero(table.lengths > 0)
    order = np.random.default_rng(SEED).permutation(filled)[:sentences]
    sample = table.select(order)
    vocab = Vocabulary.from_instances({"train": {table.dataset: sample}}, {table.dataset: reader})
    dataset = EncodedDataset(table.dataset, sample, vocab, encoder.alphabet, reader.shown)

    by_length = np.argsort(dataset.lengths, kind="stable")[::-1].tolist()
    states: dict[int, torch.Tensor] = {}
    pooled: dict[int, torch.Tensor] = {}
    device = next(encoder.parameters()).device
    with torch.no_grad():
        for start in range(0, len(by_length), BATCH_SIZE):
            batch = collate([(dataset, i) for i in by_length[start : start + BATCH_SIZE]])
            batch = batch.to(device)
            states_BLD = encoder(batch).float()
            pooled_BD = MeanPooling(states_BLD.shape[2])(states_BLD, batch.mask_BL).cpu()
            for row, i in enumerate(batch.sentence_ids):
                states[i] = states_BLD[row, : batch.lengths[row]].cpu()
                pooled[i] = pooled_BD[row]

    return EncodedSample(
        torch.cat([states[i] for i in range(len(sample))]).double().numpy(),
        torch.stack([pooled[i] for i in range(len(sample))]).double().numpy(),
        None
        if sample.spans is None
        else [
            name
            for instance in sample
            for name in character_classes(len(instance.text), instance.spans or ())
        ],
    )


def build_encoder(settings: dict[str, Any], cuda_device: int | None) -> Encoder:
    """Build an encoder with its pretrained weights, ready to encode.

    # Parameters

    settings : its config.
    cuda_device : as `trainer.cuda_device`.
    """
    # A pretrained encoder brings its own characters.
    vocab = Vocabulary.from_instances({}, {})
    encoder: Encoder = construct(Encoder, settings, "model.encoder", vocab=vocab)
    device = device_of(-1 if use_cpu(cuda_device) else cuda_device or 0)
    return encoder.to(device).eval()


def character_classes(length: int, spans: Sequence[Span]) -> list[str]:
    """Return the class of every character: B-<type>, I-<type> or O, as tags of the longest span.

    # Parameters

    length : number of characters.
    spans : entities, which may nest; or words, whose type is empty.

    # Examples

    >>> character_classes(4, [Span(0, 2, "LOC"), Span(0, 3, "ORG")])
    ['B-ORG', 'I-ORG', 'I-ORG', 'O']
    """
    classes = [OUTSIDE] * length
    # The longest span is written last.
    for span in sorted(spans, key=lambda span: span.end - span.start):
        classes[span.start : span.end] = [f"I-{span.type}"] * (span.end - span.start)
        classes[span.start] = f"B-{span.type}"
    return classes
