"""Span heads, which predict nested entities, in every model."""

from typing import Any

import pytest
import torch

from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.models import SharingModel
from tests.data.global_batch import share_totals
from tests.models.building import HEAD, build_model
from tests.modules.examples import character_alphabet, encoded, vocabulary
from tests.modules.heads.building import dataset_of

VOCAB = vocabulary()
NESTED = [Span(0, 6, "PER"), Span(0, 2, "LOC"), Span(3, 6, "LOC"), Span(4, 5, "PER")]
SENTENCES = [
    (9, NESTED),
    (6, [Span(1, 5, "LOC"), Span(1, 3, "PER")]),
    (4, []),
    (2, [Span(0, 2, "PER")]),
]
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("crf_tagger", {}),
    ("hard_sharing", {}),
    ("asymmetric", {"sources": {"weibo": ["msra"]}}),
    ("adversarial", {}),
    ("mmoe", {"num_experts": 2}),
]
each_model = pytest.mark.parametrize(
    ("model_type", "settings"), MODELS, ids=[model_type for model_type, _ in MODELS]
)
each_head = pytest.mark.parametrize("head", ["global_pointer", "biaffine"])


def nested_model(model_type: str, settings: dict[str, Any], head: str) -> SharingModel:
    """Build a model with span heads, and a tagging head if the model has several tasks."""
    tower = {"type": "lstm", "hidden_size": 16, "bidirectional": True}
    encoder = {"type": "character_embedding", "embedding_dim": 16}
    own: dict[str, Any] = {"type": head, "dropout": 0.0}
    if model_type == "crf_tagger":
        return build_model(model_type, vocabulary("weibo"), head=own, tower=tower, encoder=encoder)
    heads = {"weibo": own, "msra": {**own, "flat": True}, "msr": HEAD}
    return build_model(model_type, VOCAB, heads=heads, tower=tower, encoder=encoder, **settings)


def datasets_of(model: SharingModel) -> dict[str, EncodedDataset]:
    """Nested sentences of "weibo" and random sentences of the other datasets, with targets."""
    alphabet = character_alphabet(model.vocab)
    datasets = {
        name: dataset_of(name, SENTENCES, model.vocab)
        if name == "weibo"
        else encoded(model.vocab, alphabet, name, [7, 4, 1])
        for name in model.vocab.datasets
    }
    for dataset in datasets.values():
        dataset.targets = model.targets(dataset)
    return datasets


def batch_of(model: SharingModel) -> Batch:
    return collate([(own, i) for own in datasets_of(model).values() for i in range(len(own))])


@each_head
@each_model
def test_nested_gold_is_learnt_and_found(
    model_type: str, settings: dict[str, Any], head: str
) -> None:
    model = nested_model(model_type, settings, head)
    batch, optimizer = batch_of(model), torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(120):
        optimizer.zero_grad()
        model(batch, 0.5)["loss"].backward()
        optimizer.step()

    own = batch.select(batch.sentences_of("weibo"))
    with torch.no_grad():
        spans, loss_B = model.eval().predict(own, "weibo")
    assert [[span.span for span in found] for found in spans] == [
        sorted(gold) for _, gold in SENTENCES
    ]
    assert loss_B is not None and (loss_B / own.lengths_B < 0.1).all()


@each_head
@each_model
def test_micro_batches_add_up_to_the_global_batch(
    model_type: str, settings: dict[str, Any], head: str
) -> None:
    model = nested_model(model_type, settings, head)
    batch = batch_of(model)
    whole = model(batch, 0.5)["loss"]
    whole.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert set(expected) == {name for name, _ in model.named_parameters()}

    model.zero_grad()
    splits = [[0, 3], [1], [i for i in range(len(batch)) if i not in (0, 1, 3)]]
    losses = [
        model(micro_batch, 0.5)["loss"]
        for micro_batch in share_totals([batch.select(sentences) for sentences in splits])
    ]
    torch.testing.assert_close(sum(losses), whole)
    sum(losses).backward()  # type: ignore[union-attr]
    found = {name: p.grad for name, p in model.named_parameters()}
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_readings_are_ranked_by_any_head() -> None:
    model = nested_model("adversarial", {}, "biaffine").eval()
    batch = batch_of(model).without_targets()
    for name in model.heads:
        ranked = model.rank(batch, name, 3, entropy=True)
        spans, _ = model.predict(batch, name)
        assert [[span.span for span in readings[0]] for readings in ranked.spans] == [
            [span.span for span in own] for own in spans
        ]
        assert (ranked.probabilities_BN.diff(dim=1) <= 0).all() and (
            ranked.probabilities_BN.sum(1) <= 1 + 1e-6
        ).all()
        assert ranked.entropy_B is not None and (ranked.entropy_B >= 0).all()
