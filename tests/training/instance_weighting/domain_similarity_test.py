"""Weights by the similarity of domains, against their definition."""

from typing import Any

import numpy as np
import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.instance_weighting import (
    DomainSimilarity,
    InstanceWeighting,
)
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel
from tests.training.instance_weighting.weighted_run import SIMILARITY, weighted_sentences


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
