"""Perturbed embeddings against changed embedding tables.

No character occurs twice in a batch, so that both have the same effect.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from transformers import BertConfig

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.encoders import CharacterEmbedding, Encoder, Perturbation
from tests.modules.encoders.transformers import SUBWORDS, encoder_of, write_tiny_transformer
from tests.modules.examples import TEXT, character_alphabet, text_batch, vocabulary

Made = tuple[Encoder, torch.nn.Embedding, Batch]
CHARACTERS = "".join(dict.fromkeys(TEXT))
CONFIG = {
    "vocab_size": len(SUBWORDS),
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def of_characters(folder: Path) -> Made:
    encoder = CharacterEmbedding(vocabulary(), embedding_dim=5)
    batch = text_batch(
        character_alphabet(vocabulary()), CHARACTERS[:7], CHARACTERS[7:10], CHARACTERS[10]
    )
    return encoder, encoder.embedding, batch


def of_subwords(texts: tuple[str, ...], **settings: object) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        write_tiny_transformer(
            folder, BertConfig(**CONFIG, intermediate_size=16, max_position_embeddings=32)
        )
        encoder = encoder_of(folder, **settings)
        return (
            encoder,
            encoder.transformer.get_input_embeddings(),
            text_batch(encoder.alphabet, *texts),
        )

    return make


CASES: dict[str, Callable[[Path], Made]] = {
    "characters": of_characters,
    "one_call": of_subwords((CHARACTERS[:6], CHARACTERS[6:10], CHARACTERS[10:11]), overlap=3),
    "one_call_per_length": of_subwords(
        (CHARACTERS[:6], CHARACTERS[6:10], CHARACTERS[10:11]), overlap=3
    ),
    # Windows of 5 subwords besides [CLS] and [SEP], 3 of them shared: a character is in up to three
    # windows.
    "windows": of_subwords((CHARACTERS[:13], CHARACTERS[13:15]), window=7, overlap=3),
    # "½" is split into three subwords, so that the shorter text has more subwords.
    "several_subwords": of_subwords((CHARACTERS[:4], CHARACTERS[4:6] + "½"), overlap=3),
}


def states_of(encoder: Encoder, batch: Batch) -> Tensor:
    states: Tensor = encoder(batch)[batch.mask_BL]
    return states


@pytest.mark.parametrize(
    ("name", "subwords"),
    [
        ("characters", 11),
        ("one_call", 11),
        ("one_call_per_length", 11),
        ("windows", 15),
        ("several_subwords", 9),
    ],
)
def test_perturbation_equals_a_changed_embedding(
    name: str, subwords: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overhead = {"cpu": 10**6 if name == "one_call" else 0}
    monkeypatch.setattr(
        "ner_adv_plugin.modules.encoders.pretrained_transformer.CALL_OVERHEAD", overhead
    )
    encoder, table, batch = CASES[name](tmp_path)
    plain = states_of(encoder, batch)
    direction = torch.randn(plain.shape)
    seen: list[Tensor] = []
    added = encoder.added
    monkeypatch.setattr(encoder, "added", lambda ids, size: (seen.append(ids), added(ids, size))[1])

    perturbation = Perturbation()
    with encoder.perturbed(perturbation):
        clean = states_of(encoder, batch)
    assert_close(clean, plain)
    (clean * direction).sum().backward()
    gradient_BPE = perturbation.delta_BPE.grad
    ids_BP = seen[0]
    # Padding gets no gradient, and every position has its own.
    real_BP = gradient_BPE.any(-1)
    assert len(ids_BP[real_BP].unique()) == int(real_BP.sum()) == subwords
    assert_close(gradient_BPE[real_BP], table.weight.grad[ids_BP[real_BP]])

    delta_BPE = torch.randn_like(gradient_BPE)
    with encoder.perturbed(Perturbation(delta_BPE)):
        moved = states_of(encoder, batch)
    with torch.no_grad():
        table.weight[ids_BP[real_BP]] += delta_BPE[real_BP]
    assert (moved - plain).abs().max() > 0.01
    assert_close(moved, states_of(encoder, batch))


@pytest.mark.parametrize("name", CASES)
def test_measures_the_embeddings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, table, batch = CASES[name](tmp_path)
    seen: list[Tensor] = []
    added = encoder.added
    monkeypatch.setattr(encoder, "added", lambda ids, size: (seen.append(ids), added(ids, size))[1])
    perturbation = Perturbation()
    with encoder.perturbed(perturbation):
        states = states_of(encoder, batch)
    (states * torch.randn(states.shape)).sum().backward()
    assert perturbation.delta_BPE is not None and perturbation.norm_B11 is not None
    for ids_P, gradient_PE, norm_11 in zip(
        seen[0], perturbation.delta_BPE.grad, perturbation.norm_B11, strict=True
    ):
        vectors = [table.weight[i] for i, g in zip(ids_P, gradient_PE, strict=True) if g.any()]
        mean = sum(float(vector.square().sum()) for vector in vectors) / len(vectors)
        assert float(norm_11) == pytest.approx(mean**0.5, rel=1e-5)
