"""Comparison of an export with its model."""

import random
from pathlib import Path

import numpy as np
import torch

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.namespaces import CHARACTERS
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders import LexiconEncoder, PretrainedTransformer
from ner_adv_plugin.modules.heads import SpanHead
from ner_adv_plugin.runtime.predictor import Predictor

# Lengths of the texts of each batch, longest first; other sizes than those of the trace.
BATCHES = ((1,), (11, 4, 4, 1), (3,) * 9, (60, 2))
# Differences of scores that rounding explains.
TOLERANCE = 1e-3


def check_same(model: SharingModel, head: str, folder: Path) -> None:
    """Check that an export gives the scores of its model, on random texts of many lengths.

    # Parameters

    model : the model, in evaluation mode on the CPU.
    head : name of the head.
    folder : the export, in fp32.

    # Raises

    UserError : the scores differ: a part of the model computes differently with every length or
        batch, which a graph cannot express.
    """
    predictor = Predictor(folder, threads=1)
    for texts in _texts(model):
        expected = _expected(model, head, texts, predictor)
        try:
            found = predictor.scores(texts)
            fault = None if _close(found, expected) else "gives other scores than the model"
        except Exception as error:  # onnxruntime raises its own exceptions
            fault = f"fails ({' '.join(str(error).split())[:200]})"
        if fault:
            raise UserError(
                f'head "{head}" cannot be exported: its graph {fault} on {len(texts)} texts of up'
                f" to {len(texts[0])} characters. A tower, encoder or head must not compute with"
                " lengths or numbers of sentences as Python numbers"
            )


def _texts(model: SharingModel) -> list[list[str]]:
    """Return batches of random texts of known characters; one text is longer than a window."""
    known = list(model.vocab.get_index_to_token_vocabulary(CHARACTERS).values())[2:] or ["\u4e00"]
    draw = random.Random(0)
    batches = [["".join(draw.choices(known, k=n)) for n in lengths] for lengths in BATCHES]

    encoder = model.encoder
    inner = encoder.encoder if isinstance(encoder, LexiconEncoder) else encoder
    if isinstance(inner, PretrainedTransformer):
        batches.append(["".join(draw.choices(known, k=n)) for n in (inner.window + 20, 3)])
    return batches


def _expected(model: SharingModel, head: str, texts: list[str], predictor: Predictor) -> np.ndarray:
    dataset = next(name for name, own in model.vocab.datasets.items() if own.head == head)
    instances = [Instance(text) for text in texts]
    encoded = EncodedDataset(dataset, instances, model.vocab, model.alphabet, predictor.shown)
    module = model.heads[head]
    with torch.inference_mode():
        batch = collate([(encoded, index) for index in range(len(texts))]).unlabelled()
        _, output = model.output(batch, head)
        if isinstance(module, SpanHead):
            output = module.log_probabilities(output, float(module.temperature))
        # Scores at padding are undefined.
        mask_BL = batch.mask_BL
        if isinstance(module, SpanHead):
            return output.numpy()
        return output.masked_fill(~mask_BL.unsqueeze(-1), torch.nan).numpy()


def _close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether scores are equal up to rounding, where they are defined."""
    if found.shape != expected.shape:
        return False
    defined = ~np.isnan(expected)
    return np.allclose(found[defined], expected[defined], rtol=TOLERANCE, atol=TOLERANCE)
