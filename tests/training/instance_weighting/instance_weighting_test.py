"""Weights of rows against their definitions, and self-training within a whole run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.inference.ranking import rank_paths
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.train_job import bind_config, train_model
from ner_adv_plugin.training.instance_weighting import Confidence, DomainSimilarity, InstanceWeighting
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel
from tests.stopping import stopping_before
from tests.tiny import DATA, assert_same_weights, learnt, model_and_loader, tiny_config

CONFIDENCE = {"type": "confidence", "head": "weibo", "batch_size": 7}
SIMILARITY = {"type": "domain_similarity", "target": "weibo"}


def config_of_run(**weighting: Any) -> dict[str, Any]:
    """The tiny run with unlabelled rows."""
    config = tiny_config(
        data_loader__batch_size=8,
        trainer__num_epochs=3,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__instance_weighting=weighting,
    )
    readers = config["dataset_reader"]["readers"]
    readers["reviews"] = {"type": "unlabelled", "domain": "social"}
    for reader in readers.values():
        reader["max_instances"] = 12
    config["train_data_path"]["reviews"] = str(DATA / "unlabelled" / "reviews.txt")
    return config


@pytest.fixture(scope="module")
def parts() -> tuple[Model, dict[str, EncodedRows]]:
    model, loader = model_and_loader(config_of_run())
    return model, dict(loader.rows())


def weighed(parts: tuple[Model, dict[str, EncodedRows]], weighting: InstanceWeighting, dataset: str) -> EncodedRows:
    weighting.bind(dataset, parts[1], parts[0])
    weighting.before_epoch(0)
    return weighting.rows


@torch.no_grad()
def means(model: Model, rows: EncodedRows) -> torch.Tensor:
    """Mean states of every row, one row at a time."""
    model.eval()
    each = [model.encode(collate([(rows, row)]))[0].double().mean(0) for row in range(len(rows))]
    model.train()
    return torch.stack(each)


def test_domain_similarity_is_its_definition(parts: tuple[Model, dict[str, EncodedRows]]) -> None:
    model, rows = parts
    v, w = means(model, rows["msra"]), means(model, rows["weibo"]).mean(0)
    cosine = torch.nn.functional.cosine_similarity(v, w.expand_as(v))
    distance = (v - w).norm(dim=1)
    entropy = TrigramModel(rows["weibo"]).cross_entropy(rows["msra"])
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"similarity": "polynomial"}, cosine.clamp(0, 1)),
        ({"similarity": "polynomial", "degree": 3, "scale": 2.0}, cosine.clamp(0, 1) ** 3 / 2),
        ({"similarity": "gaussian"}, (-(distance**2) / 2).exp()),
        ({"similarity": "gaussian", "sigma": 0.5}, (-(distance**2) / 0.5).exp()),
        ({"similarity": "cross_entropy", "scale": 6.0}, np.minimum(6.0 / entropy, 1.0)),
    ]
    for settings, expected in cases:
        found = weighed(parts, DomainSimilarity("weibo", **settings), "msra").weights
        np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-4, atol=1e-6)
        assert found.dtype == np.float32 and 0 < found.mean() < 1
    assert model.training
    rows["msra"].weights = np.ones(len(rows["msra"]), np.float32)


def test_domain_similarity_is_measured_once(parts: tuple[Model, dict[str, EncodedRows]]) -> None:
    weighting = DomainSimilarity("weibo", "cross_entropy")
    weighting.bind("msra", parts[1], parts[0])
    weighting.before_epoch(1)
    assert parts[1]["msra"].weights.min() == 1.0


@pytest.mark.parametrize("measure", ["margin", "ratio"])
def test_confidence_labels_rows_and_weighs_them(parts: tuple[Model, dict[str, EncodedRows]], measure: Any) -> None:
    model, rows = parts
    weighting = Confidence("weibo", measure, wait=2)
    weighting.bind("reviews", rows, model)
    weighting.before_epoch(1)
    assert rows["reviews"].taught_head is None
    weighting.before_epoch(2)
    ranked = rank_paths(model, rows["reviews"], "weibo", 2)
    reviews = rows["reviews"]
    assert reviews.taught_head == "weibo" and reviews.tags is not None
    assert np.array_equal(reviews.tags, ranked.tags_NC[0])
    np.testing.assert_allclose(reviews.weights, getattr(ranked, measure)(), rtol=1e-5, atol=1e-7)
    batch = collate([(reviews, 3), (rows["weibo"], 0)])
    assert batch.heads == ["weibo", "weibo"] and model(batch)["loss"].isfinite()
    # The same labels and weights again, out of the state.
    state = weighting.state_dict()
    reviews.tags, reviews.weights, reviews.head = None, np.ones(len(reviews), np.float32), None
    weighting.load_state_dict(state)
    assert np.array_equal(reviews.tags, ranked.tags_NC[0]) and reviews.taught_head == "weibo"
    np.testing.assert_allclose(reviews.weights, getattr(ranked, measure)(), rtol=1e-5, atol=1e-7)
    reviews.tags, reviews.head = None, None


@torch.no_grad()
def test_confidence_follows_the_model_from_epoch_to_epoch() -> None:
    model, loader = model_and_loader(config_of_run())
    weighting = Confidence("weibo", wait=0)
    weighting.bind("reviews", loader.rows(), model)
    reviews, before = weighting.rows, []
    for epoch in range(3):
        weighting.before_epoch(epoch)
        model.eval()
        for row in range(0, len(reviews), 4):
            paths = model.distribution(collate([(reviews, row)]).without_tags(), "weibo")
            best_BL, best_B = paths.crf.decode_with_scores(paths.emissions_BLT, paths.mask_BL)
            assert reviews.tags is not None
            assert best_BL[0].tolist() == reviews.tags[reviews.offsets[row] : reviews.offsets[row + 1]].tolist()
            # The second best is the best of those that differ from the best in one place or another.
            others = []
            for place, tag in enumerate(best_BL[0]):
                emissions_BLT = paths.emissions_BLT.clone()
                emissions_BLT[0, place, tag] = -torch.inf
                others.append(paths.crf.decode_with_scores(emissions_BLT, paths.mask_BL)[1])
            scores = torch.stack([best_B[0], torch.cat(others).max()])
            first, second = (scores - paths.crf.log_partition(paths.emissions_BLT, paths.mask_BL)).exp().tolist()
            assert reviews.weights[row] == pytest.approx(first - second, rel=1e-3, abs=1e-6)
        before.append((reviews.tags.tolist(), reviews.weights.tolist()))
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in zip(before, before[1:], strict=False))


def test_a_run_in_which_rows_begin_to_teach(tmp_path: Path) -> None:
    train_model(config_of_run(reviews=CONFIDENCE, msra=SIMILARITY), tmp_path / "run")
    epochs = [json.loads((tmp_path / "run" / f"metrics_epoch_{epoch}.json").read_text()) for epoch in range(3)]
    assert "training_reviews_row_weight" not in epochs[0]
    assert 0 < epochs[1]["training_reviews_row_weight"] < 1 and 0 < epochs[0]["training_msra_row_weight"] < 1
    assert epochs[1]["training_msra_row_weight"] == epochs[0]["training_msra_row_weight"]
    assert epochs[2]["training_reviews_row_weight"] != epochs[1]["training_reviews_row_weight"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A run that was not stopped: its metrics and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return train_model(config_of_run(reviews=CONFIDENCE, msra={**SIMILARITY, "similarity": "gaussian"}), folder), folder


@pytest.mark.parametrize("step", [3, 9, 15])
def test_a_stopped_run_ends_as_one_not_stopped(tmp_path: Path, whole: tuple[dict[str, Any], Path], step: int) -> None:
    config = config_of_run(reviews=CONFIDENCE, msra={**SIMILARITY, "similarity": "gaussian"})
    with stopping_before(step):
        train_model(config, tmp_path / "stopped")
    resumed = train_model(config, tmp_path / "stopped", recover=True)
    assert learnt(resumed) == learnt(whole[0])
    assert_same_weights(tmp_path / "stopped" / "best.th", whole[1] / "best.th")


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ({"review": CONFIDENCE}, 'trainer.instance_weighting.review: .*Did you mean "reviews"'),
        ({"reviews": {**CONFIDENCE, "head": "weib"}}, 'reviews.head: no head "weib". Did you mean "weibo"'),
        ({"msra": CONFIDENCE}, 'instance_weighting.msra: "confidence" labels rows without labels.* teach head "msra"'),
        ({"reviews": SIMILARITY}, "instance_weighting.reviews: its rows have no labels"),
        ({"msra": {**SIMILARITY, "target": "msra"}}, "msra.target: rows cannot be compared with themselves"),
        ({"msra": {**SIMILARITY, "target": "wei"}}, "msra.target: .*weibo"),
        ({"msra": {**SIMILARITY, "sigma": 0.0}}, "msra.sigma: expected above 0, found 0"),
        ({"reviews": {**CONFIDENCE, "wait": -1}}, "reviews.wait: expected 0 or more, found -1"),
        ({"reviews": {**CONFIDENCE, "measure": "entropy"}}, "reviews.measure"),
    ],
)
def test_what_does_not_fit_is_told_before_data_are_read(weighting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bind_config(config_of_run(**weighting))
