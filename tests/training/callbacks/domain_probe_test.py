"""The probe on features that separate all, no or some classes, and on features of a model."""

import pytest
import torch

from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.training.callbacks.domain_probe import probe, tower_features
from tests.tiny import model_and_loader, tiny_config


def classes(*counts: int) -> torch.Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def noise(sentences: int, size: int = 5) -> torch.Tensor:
    return torch.randn(sentences, size, generator=torch.Generator().manual_seed(0))


def test_separable_classes() -> None:
    class_N = classes(30, 50)
    found = probe(noise(80) + 20.0 * class_N[:, None], class_N)
    assert found is not None
    assert (found.accuracy, found.chance, found.a_distance) == (1.0, 0.5, 2.0)


def test_classes_of_one_distribution() -> None:
    found = probe(noise(600), classes(300, 300))
    assert found is not None
    # The accuracy of 600 random guesses has standard deviation 0.02.
    assert found.accuracy == pytest.approx(0.5, abs=0.08) and found.a_distance < 0.32


def test_constant_features() -> None:
    found = probe(torch.ones(60, 3), classes(40, 20))
    # Every prediction is a tie, whatever the sizes of the classes.
    assert found is not None
    assert (found.accuracy, found.a_distance) == (0.5, pytest.approx(0.0, abs=1e-9))


def test_more_features_than_sentences_do_not_overfit() -> None:
    found = probe(noise(200, 500), classes(100, 100))
    assert found is not None and found.accuracy == pytest.approx(0.5, abs=0.14)


def test_distance_is_the_mean_over_pairs() -> None:
    class_N = classes(200, 200, 200)
    # The third class is separate, the others have the same distribution.
    found = probe(noise(600, 2) + 30.0 * (class_N == 2)[:, None], class_N)
    assert found is not None and found.chance == pytest.approx(1 / 3)
    assert found.accuracy == pytest.approx(2 / 3, abs=0.08)
    assert found.a_distance == pytest.approx((2 + 2 + 0) / 3, abs=0.12)


def test_classes_of_few_sentences() -> None:
    assert probe(noise(11), classes(10, 1)) is None
    # The third class is left out; class indices need not be consecutive.
    class_N = torch.tensor([1] * 10 + [3] * 10 + [4])
    found = probe(noise(21) + 20.0 * class_N[:, None], class_N)
    assert found is not None and found.chance == 0.5 and found.accuracy == 1.0


def test_features_are_means_and_maxima_of_states() -> None:
    model, loader = model_and_loader(tiny_config())
    model.train()
    objective = model.objectives[0]
    assert isinstance(objective, Objective)
    classes_by_dataset = {"weibo": "social", "msra": "news", "msr": None}
    features, class_N = tower_features(model, objective, loader.sentences(), classes_by_dataset, 12)
    assert class_N.bincount().tolist() == [12, 12] and set(features) == {"shared"}
    assert features["shared"].shape == (24, 64) and model.training
    mean_NF, max_NF = features["shared"].chunk(2, 1)
    assert (mean_NF <= max_NF).all() and not features["shared"].requires_grad
    again, _ = tower_features(model, objective, loader.sentences(), classes_by_dataset, 12)
    # No dropout, and the same sentences.
    assert torch.equal(features["shared"], again["shared"])
