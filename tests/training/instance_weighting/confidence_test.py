"""Weights and labels by confidence, against their definition."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.heads import CrfHead, GlobalPointerHead
from ner_adv_plugin.training.instance_weighting import Confidence
from tests.tiny import model_and_loader
from tests.training.instance_weighting.weighted_run import config_of_run

# Heads that rank readings, and the number of steps that fit them to a few sentences.
STEPS = {"crf": 30, "global_pointer": 40, "biaffine": 100}
# Noise that changes what a fitted head reads. Readings of the global pointer in which spans cross,
# which it resolves and `two_best` does not, are avoided.
NOISE = {"crf": 0.3, "global_pointer": 0.05, "biaffine": 0.3}
# Probabilities of mutually exclusive options: no span (None), or a span of a type.
Options = Mapping[str | None, float]


@torch.enable_grad()
def fitted(head: str) -> tuple[SharingModel, EncodedDataset, Mapping[str, EncodedDataset]]:
    """Fit a model to a few sentences of Weibo.

    # Returns

    The model, the same sentences without labels as "reviews", and all datasets.
    """
    config = config_of_run(head)
    readers = config["dataset_reader"]["readers"]
    readers["reviews"] = {"type": "weibo", "head": None}
    config["train_data_path"]["reviews"] = config["train_data_path"]["weibo"]
    for reader in readers.values():
        reader["max_instances"] = 6
    model, loader = model_and_loader(config)
    assert isinstance(model, SharingModel)

    sentences = loader.sentences()
    batch = collate([(sentences["weibo"], i) for i in range(len(sentences["weibo"]))])
    optimizer = torch.optim.AdamW(model.parameters(), 0.02)
    for _ in range(STEPS[head]):
        optimizer.zero_grad()
        model(batch)["losses"]["heads.weibo"].backward()
        optimizer.step()
    return model.eval(), sentences["reviews"], sentences


@pytest.mark.parametrize(
    ("head", "measure"),
    [("crf", "margin"), ("crf", "ratio"), ("global_pointer", "margin"), ("biaffine", "margin")],
)
def test_confidence_labels_and_weights_sentences(head: str, measure: Any) -> None:
    model, reviews, sentences = fitted(head)
    weighting = Confidence("weibo", measure, wait=2)
    weighting.bind("reviews", sentences, model)
    weighting.before_epoch(1)
    assert reviews.head is None and reviews.spans is None

    weighting.before_epoch(2)
    ranked = rank_readings(model, reviews, "weibo", 2)
    best = [[span.span for span in readings[0]] for readings in ranked.spans]
    assert reviews.head == "weibo" and reviews.spans is not None
    assert list(reviews.spans) == best and any(best)
    np.testing.assert_allclose(reviews.weights, getattr(ranked, measure)(), rtol=1e-5, atol=1e-7)
    assert 0 < reviews.weights.mean() < 1
    batch = collate([(reviews, 3), (sentences["weibo"], 0)])
    loss = model(batch)["loss"]
    assert batch.heads == ["weibo", "weibo"] and loss.isfinite()

    # The state restores labels and weights.
    state = weighting.state_dict()
    reviews.spans, reviews.targets, reviews.head = None, {}, None
    reviews.weights = np.ones(len(reviews), np.float32)
    weighting.load_state_dict(state)
    assert reviews.head == "weibo" and list(reviews.spans) == best
    np.testing.assert_allclose(reviews.weights, getattr(ranked, measure)(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        model(collate([(reviews, 3), (sentences["weibo"], 0)]))["loss"], loss
    )


def two_best_of_crf(head: CrfHead, emissions_1LT: torch.Tensor) -> tuple[list[Span], float, float]:
    """Return the best reading of a CRF, its probability and that of the second best reading.

    The second best reading is the best path that differs from the first one at some character.
    """
    mask_1L = torch.ones(emissions_1LT.shape[:2], dtype=torch.bool)
    best_1L, best_1 = head.crf.decode_with_scores(emissions_1LT, mask_1L)
    others = []
    for index, tag in enumerate(best_1L[0]):
        without_1LT = emissions_1LT.clone()
        without_1LT[0, index, tag] = -torch.inf
        others.append(head.crf.decode_with_scores(without_1LT, mask_1L)[1])

    scores = torch.stack([best_1[0], torch.cat(others).max()])
    first, second = (scores - head.crf.log_partition(emissions_1LT, mask_1L)).exp().tolist()
    return head.scheme.spans([head.labels[tag] for tag in best_1L[0].tolist()]), first, second


def two_best_of_groups(
    groups: Iterable[tuple[int, int, Options]],
) -> tuple[list[Span], float, float]:
    """Return the same for independent groups of options.

    # Parameters

    groups : first character, last character and options of each group.
    """
    candidates = []
    first, ratio = 1.0, 0.0
    for start, last, options in groups:
        best = max(options, key=lambda option: options[option])
        second = max(probability for option, probability in options.items() if option != best)
        first *= options[best]
        ratio = max(ratio, second / options[best])
        if best is not None:
            candidates.append((options[best], Span(start, last + 1, best)))

    kept: list[Span] = []
    for _, span in sorted(candidates, reverse=True):
        if not any(crosses(span, other) or crosses(other, span) for other in kept):
            kept.append(span)
    return sorted(kept), first, first * ratio


def crosses(one: Span, other: Span) -> bool:
    return one.start < other.start < one.end < other.end


def two_best(head: Any, output: torch.Tensor) -> tuple[list[Span], float, float]:
    """Return the best reading of a sentence and the probabilities of the two best ones."""
    if isinstance(head, CrfHead):
        return two_best_of_crf(head, output)

    types, length = head.label_space.types, output.shape[2]
    pairs = [(i, j) for i in range(length) for j in range(i, length)]
    if isinstance(head, GlobalPointerHead):
        p_CLL = output[0].double().sigmoid()
        binary = [
            (i, j, own, float(p_CLL[c, i, j])) for i, j in pairs for c, own in enumerate(types)
        ]
        return two_best_of_groups((i, j, {own: p, None: 1 - p}) for i, j, own, p in binary)
    p_LLK = output[0].double().softmax(-1)
    return two_best_of_groups(
        (i, j, dict(zip([None, *types], p_LLK[i, j].tolist(), strict=True))) for i, j in pairs
    )


@torch.no_grad()
@pytest.mark.parametrize("head", list(STEPS))
def test_confidence_follows_the_model_from_epoch_to_epoch(head: str) -> None:
    model, reviews, sentences = fitted(head)
    weighting = Confidence("weibo", wait=0)
    weighting.bind("reviews", sentences, model)
    module, found, outputs = model.heads["weibo"], [], []
    module.register_forward_hook(lambda *arguments: outputs.append(arguments[-1]))
    learnt_weights = [parameter.clone() for parameter in model.parameters()]
    for epoch in range(3):
        weighting.before_epoch(epoch)
        for sentence in range(0, len(reviews), 2):
            model.predict(collate([(reviews, sentence)]).without_targets(), "weibo")
            best, first, second = two_best(module, outputs[-1])
            assert best == reviews.gold(sentence)
            assert reviews.weights[sentence] == pytest.approx(first - second, rel=1e-3, abs=1e-5)
        found.append((list(reviews.spans), reviews.weights.tolist()))
        for parameter, value in zip(model.parameters(), learnt_weights, strict=True):
            parameter.copy_(value if epoch else value + NOISE[head] * torch.randn_like(value))
    assert found[0][0] != found[1][0] and found[0][1] != found[1][1] and found[0] == found[2]
