"""Instance weights against their definitions, and self-training in a run."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.models import Model, SharingModel
from ner_adv_plugin.modules.heads import CrfHead, GlobalPointerHead, Head, SoftmaxHead
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.instance_weighting import (
    Confidence,
    DomainSimilarity,
    InstanceWeighting,
)
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel
from tests.stopping import stopping_before
from tests.tiny import DATA, assert_same_weights, learnt, model_and_loader, tiny_config

# Heads that rank readings, and the number of steps that fit them to a few sentences.
STEPS = {"crf": 30, "global_pointer": 40, "biaffine": 100}
# Noise that changes what a fitted head reads. Readings of the global pointer in which spans cross,
# which it resolves and `two_best` does not, are avoided.
NOISE = {"crf": 0.3, "global_pointer": 0.05, "biaffine": 0.3}
# Probabilities of mutually exclusive options: no span (None), or a span of a type.
Options = Mapping[str | None, float]
CONFIDENCE = {"type": "confidence", "head": "weibo", "batch_size": 7}
SIMILARITY = {"type": "domain_similarity", "target": "weibo"}


@Head.register("unranked")
class UnrankedHead(SoftmaxHead):
    """A head that does not rank readings."""

    ranks_readings = False


def config_of_run(head: str = "crf", **weighting: Any) -> dict[str, Any]:
    """Make a config with unlabelled sentences and a head of a type for Weibo."""
    config = tiny_config(
        data_loader__batch_size=8,
        trainer__num_epochs=3,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__instance_weighting=weighting,
        model__heads={"weibo": {"type": head}},
    )
    readers = config["dataset_reader"]["readers"]
    readers["reviews"] = {"type": "unlabelled", "domain": "social"}
    for reader in readers.values():
        reader["max_instances"] = 12
    config["train_data_path"]["reviews"] = str(DATA / "unlabelled" / "reviews.txt")
    return config


@pytest.fixture(scope="module")
def model_and_sentences() -> tuple[Model, dict[str, EncodedDataset]]:
    model, loader = model_and_loader(config_of_run())
    return model, dict(loader.sentences())


def weighted_sentences(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
    weighting: InstanceWeighting,
    dataset: str,
) -> EncodedDataset:
    weighting.bind(dataset, model_and_sentences[1], model_and_sentences[0])
    weighting.before_epoch(0)
    return weighting.sentences


@torch.no_grad()
def means(model: Model, sentences: EncodedDataset) -> torch.Tensor:
    """Compute the mean states of every sentence, one sentence at a time."""
    model.eval()
    each = [
        model.encode(collate([(sentences, sentence)]))[0].double().mean(0)
        for sentence in range(len(sentences))
    ]
    model.train()
    return torch.stack(each)


def test_domain_similarity_equals_its_definition(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
) -> None:
    model, sentences = model_and_sentences
    v, w = means(model, sentences["msra"]), means(model, sentences["weibo"]).mean(0)
    cosine = torch.nn.functional.cosine_similarity(v, w.expand_as(v))
    distance = (v - w).norm(dim=1)
    middle = float(np.median(distance.numpy()))
    u = (w + v.mean(0)) / 2
    centred = torch.nn.functional.cosine_similarity(v - u, (w - u).expand_as(v))
    entropy = TrigramModel(sentences["weibo"]).cross_entropy(sentences["msra"])
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"similarity": "polynomial", "center": False}, cosine.clamp(0, 1)),
        (
            {"similarity": "polynomial", "degree": 3, "scale": 2.0, "center": False},
            cosine.clamp(0, 1) ** 3 / 2,
        ),
        ({"similarity": "polynomial"}, (1 + centred) / 2),
        ({"similarity": "polynomial", "degree": 2}, ((1 + centred) / 2) ** 2),
        ({"similarity": "gaussian", "sigma": 1.0}, (-(distance**2) / 2).exp()),
        ({"similarity": "gaussian", "sigma": 0.5}, (-(distance**2) / 0.5).exp()),
        ({"similarity": "gaussian"}, (-(distance**2) / (2 * middle**2)).exp()),
        ({"similarity": "cross_entropy", "scale": 6.0}, np.minimum(6.0 / entropy, 1.0)),
        ({"similarity": "cross_entropy"}, np.minimum(np.quantile(entropy, 0.05) / entropy, 1.0)),
    ]
    for settings, expected in cases:
        found = weighted_sentences(
            model_and_sentences, DomainSimilarity("weibo", **settings), "msra"
        ).weights
        np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-4, atol=1e-6)
        assert found.dtype == np.float32 and 0 < found.mean() < 1
    assert model.training
    sentences["msra"].weights = np.ones(len(sentences["msra"]), np.float32)


def test_centring_separates_the_domains(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
) -> None:
    """A component that all states share, as those of pretrained encoders, changes nothing."""
    model, sentences = model_and_sentences
    encode = model.encode
    found = {}
    for shift in (0.0, 30.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model, "encode", lambda batch, shift=shift: encode(batch) + shift)
            for center in (True, False):
                weighting = DomainSimilarity("weibo", center=center)
                weighting.bind("msra", sentences, model)
                found[shift, center] = weighting._similarity()
    np.testing.assert_allclose(found[0.0, True], found[30.0, True], rtol=1e-3)
    assert found[30.0, False].std() < 0.01 < found[0.0, True].std()
    assert found[30.0, False].min() > 0.99


def test_a_width_is_a_number_or_the_median() -> None:
    for sigma in (0.5, "median"):
        weighting = InstanceWeighting.from_params({**SIMILARITY, "sigma": sigma})
        assert isinstance(weighting, DomainSimilarity) and weighting.sigma == sigma
    for wrong in ("mean", None, -1.0):
        with pytest.raises(ConfigurationError, match="sigma: expected"):
            InstanceWeighting.from_params({**SIMILARITY, "sigma": wrong})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"similarity": "gaussian", "sigma": 0.01}, 'all weights are near 0.*`sigma: "median"`'),
        ({"similarity": "gaussian", "sigma": 1e4}, "all weights are nearly equal, 1.000 with"),
        ({"similarity": "cross_entropy", "scale": 1e-3}, "all weights are near 0"),
        (
            {"similarity": "cross_entropy", "scale": 50.0},
            "all weights are nearly equal.*`scale: null`, or another",
        ),
    ],
)
def test_weights_that_cannot_be_meant_stop_the_run(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
    settings: dict[str, Any],
    message: str,
) -> None:
    weighting = DomainSimilarity("weibo", **settings)
    with pytest.raises(UserError, match=f"trainer.instance_weighting.msra: {message}"):
        weighted_sentences(model_and_sentences, weighting, "msra")
    assert model_and_sentences[1]["msra"].weights.min() == 1.0


def test_domain_similarity_is_computed_once(
    model_and_sentences: tuple[Model, dict[str, EncodedDataset]],
) -> None:
    weighting = DomainSimilarity("weibo", "cross_entropy")
    weighting.bind("msra", model_and_sentences[1], model_and_sentences[0])
    weighting.before_epoch(1)
    assert model_and_sentences[1]["msra"].weights.min() == 1.0


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


def test_a_head_that_does_not_rank_is_an_error(tmp_path: Path) -> None:
    config = config_of_run("unranked", reviews={**CONFIDENCE, "wait": 0})
    message = (
        r'head "weibo" \(UnrankedHead\) does not rank readings, .*"confidence" need; '
        'heads that do: "biaffine", "crf"'
    )
    with pytest.raises(UserError, match=message):
        train_model(config, tmp_path / "run")


def test_a_run_that_adds_sentences_to_a_task(tmp_path: Path) -> None:
    train_model(config_of_run(reviews=CONFIDENCE, msra=SIMILARITY), tmp_path / "run")
    epochs = [
        json.loads((tmp_path / "run" / f"metrics_epoch_{epoch}.json").read_text())
        for epoch in range(3)
    ]
    assert "training_reviews_sentence_weight" not in epochs[0]
    assert (
        0 < epochs[1]["training_reviews_sentence_weight"] < 1
        and 0 < epochs[0]["training_msra_sentence_weight"] < 1
    )
    assert epochs[1]["training_msra_sentence_weight"] == epochs[0]["training_msra_sentence_weight"]
    assert (
        epochs[2]["training_reviews_sentence_weight"]
        != epochs[1]["training_reviews_sentence_weight"]
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[dict[str, Any], Path]]:
    """A function from a type of head to the metrics and the folder of an uninterrupted run."""

    @cache
    def run(head: str) -> tuple[dict[str, Any], Path]:
        folder = tmp_path_factory.mktemp("whole")
        return train_model(config_to_stop(head), folder), folder

    return run


def config_to_stop(head: str) -> dict[str, Any]:
    return config_of_run(head, reviews=CONFIDENCE, msra={**SIMILARITY, "similarity": "gaussian"})


@pytest.mark.parametrize(
    ("head", "step"), [("crf", 3), ("crf", 9), ("crf", 15), ("global_pointer", 9), ("biaffine", 9)]
)
def test_a_stopped_run_resumes_exactly(
    tmp_path: Path, whole: Callable[[str], tuple[dict[str, Any], Path]], head: str, step: int
) -> None:
    metrics, folder = whole(head)
    with stopping_before(step):
        train_model(config_to_stop(head), tmp_path / "stopped")
    resumed = train_model(config_to_stop(head), tmp_path / "stopped", recover=True)
    assert (
        learnt(resumed) == learnt(metrics) and 0 < metrics["training_reviews_sentence_weight"] < 1
    )
    assert_same_weights(tmp_path / "stopped" / "best.th", folder / "best.th")


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ({"review": CONFIDENCE}, 'trainer.instance_weighting.review: .*Did you mean "reviews"'),
        (
            {"reviews": {**CONFIDENCE, "head": "weib"}},
            'reviews.head: no head "weib". Did you mean "weibo"',
        ),
        (
            {"msra": CONFIDENCE},
            'instance_weighting.msra: "confidence" needs an unlabelled dataset, .* has head "msra"',
        ),
        ({"reviews": SIMILARITY}, "instance_weighting.reviews: the sentences have no labels"),
        (
            {"msra": {**SIMILARITY, "target": "msra"}},
            "msra.target: sentences cannot be compared with themselves",
        ),
        ({"msra": {**SIMILARITY, "target": "wei"}}, "msra.target: .*weibo"),
        ({"msra": {**SIMILARITY, "sigma": 0.0}}, "msra.sigma: expected above 0, found 0"),
        ({"reviews": {**CONFIDENCE, "wait": -1}}, "reviews.wait: expected 0 or more, found -1"),
        ({"reviews": {**CONFIDENCE, "measure": "entropy"}}, "reviews.measure"),
    ],
)
def test_errors_are_found_before_data_are_read(weighting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_job(config_of_run(**weighting))
