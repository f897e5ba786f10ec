"""The plain port computes the same loss, gradients and spans as the model."""

import pytest
import torch
from seqeval.scheme import IOB2, Entities

from benchmarks.corpora import PEOPLE_DAILY, split_corpus
from benchmarks.models import TINY, build, loader_of, random_bert
from benchmarks.plain_port import PlainPort, largest_difference
from benchmarks.step import random_batches
from ner_adv_plugin.data.labels.spans import Span


@pytest.fixture(params=[2, 3])
def measured(request, monkeypatch):
    monkeypatch.delenv("NER_DATA", raising=False)
    corpus = split_corpus(PEOPLE_DAILY, tasks=request.param)
    with random_bert(TINY) as folder:
        model = build("adversarial", corpus.vocab, folder, hidden_size=8)
    sentences = corpus.encoded(model.alphabet)
    for dataset in sentences.values():
        dataset.targets = model.targets(dataset)
    return model, sentences


def test_gradients(measured):
    model, sentences = measured
    loader = loader_of(sentences)
    batches = [*loader.batches(loader.plan(0)[:1]), *random_batches(sentences, 1)]
    assert largest_difference(model, PlainPort(model), batches) <= 1e-4


def test_gradients_differ_if_a_weight_differs(measured):
    model, sentences = measured
    plain = PlainPort(model)
    with torch.no_grad():
        plain.towers["task1"]._module.weight_hh_l0.mul_(1.01)
    assert largest_difference(model, plain, random_batches(sentences, 1)) > 1e-4


def test_loss_and_spans(measured):
    model, sentences = measured
    plain = PlainPort(model).eval()
    batch = random_batches(sentences, 1)[0]
    torch.testing.assert_close(plain(batch), model.eval()(batch)["loss"], rtol=1e-5, atol=0)
    found = model.predict(batch.unlabelled(), "task0", scored=False)[0]
    paths = plain.decode(batch.token_ids_BL, batch.mask_BL, "task0")
    head = model.heads["task0"]
    tags = [[head.labels[tag] for tag in path] for path in paths]
    # The CRF of the port is unconstrained. As in seqeval, illegal tag sequences are not entities.
    entities = [[entity.to_tuple() for entity in own] for own in Entities(tags, IOB2).entities]
    expected = [[Span(start, end, kind) for _, kind, start, end in own] for own in entities]
    assert [[span.span for span in spans] for spans in found] == expected and any(expected)
