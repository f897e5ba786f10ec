"""Forward pass of all models: the loss, its gradients and its statistics."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.heads import CrfHead
from ner_adv_plugin.modules.objectives import DomainAdversarial
from ner_adv_plugin.modules.pooling import MeanPooling
from ner_adv_plugin.modules.statistics import averages
from tests.data.global_batch import share_totals
from tests.models.building import ADVERSARY, HEAD, batch_for, build_model
from tests.models.graphs import GRAPHS, VOCAB, WEIGHTED, any_graph
from tests.modules.examples import vocabulary_of

DOMAINS = {"weibo": 0, "msra": 1, "msr": 1, "reviews": 0}


def naive_loss(
    model: SharingModel, batch: Batch, reads: dict[str, list[str]], settings: dict[str, Any]
) -> Tensor:
    """The loss by its definition, with one forward pass of encoder and towers per sentence."""

    def states(sentence: int, names: list[str]) -> Tensor:
        part = batch.select([sentence])
        if names == ["encoder"]:
            encoded: Tensor = model.encoder(part)
            return encoded
        inputs = [
            torch.cat([states(sentence, [source]) for source in model.graph.inputs_of(name)], -1)
            for name in names
        ]
        towers = [
            model.towers[name](x, part.mask_BL) for name, x in zip(names, inputs, strict=True)
        ]
        return torch.cat(towers, -1)

    total = torch.zeros(())
    for name, towers in reads.items():
        head = model.heads[name]
        sentences = [i for i, other in enumerate(batch.heads) if other == name]
        config = settings.get("heads", {}).get(name, HEAD)
        for sentence in sentences:
            part = batch.owned_by(f"heads.{name}").select([sentence])
            assert isinstance(head, CrfHead)
            nll = head.crf(
                head.projection(states(sentence, towers)), part.targets["tags"], part.mask_BL
            ).sum()
            if config.get("normalize_by") != "sentences":
                nll = nll / batch.lengths[sentence]
            total = total + config.get("weight", 1.0) * batch.weights_B[sentence] * nll / len(
                sentences
            )
    for objective in model.objectives:
        assert isinstance(objective, DomainAdversarial)
        for sentence, dataset in enumerate(batch.datasets):
            pooled = states(sentence, objective.reads)[0]
            pooled = pooled.mean(0) if isinstance(objective.pool, MeanPooling) else pooled.amax(0)
            loss = cross_entropy(
                objective.discriminator[-1](pooled), torch.tensor(DOMAINS[dataset])
            )
            total = total + ADVERSARY["weight"] * loss / len(batch)
    return total


@any_graph
def test_loss_equals_its_definition(
    model_type: str, settings: dict[str, Any], reads: dict[str, list[str]], observed: list[str]
) -> None:
    model, batch = build_model(model_type, VOCAB, **settings), batch_for(VOCAB)
    batch.weights_B = torch.linspace(0.2, 1.5, len(batch))
    assert_close(model(batch)["loss"], naive_loss(model, batch, reads, settings))


def gradients(model: SharingModel) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@any_graph
def test_micro_batches_add_up_to_the_global_batch(
    model_type: str, settings: dict[str, Any], reads: dict[str, list[str]], observed: list[str]
) -> None:
    model, batch = build_model(model_type, VOCAB, **settings), batch_for(VOCAB)
    whole = model(batch, 0.5)
    whole["loss"].backward()
    expected = gradients(model)
    # A micro-batch with the sentences of one task, a single sentence, and the rest.
    splits = [batch.sentences_of("weibo"), [batch.sentences_of("msra")[0]]]
    splits.append([i for i in range(len(batch)) if i not in splits[0] + splits[1]])
    model.zero_grad()
    outputs = [
        model(part, 0.5) for part in share_totals([batch.select(sentences) for sentences in splits])
    ]
    total = sum(output["loss"] for output in outputs)
    total.backward()
    assert_close(total, whole["loss"])
    assert_close(gradients(model), expected, rtol=1e-4, atol=1e-6)
    sums: dict[str, Any] = {}
    for output in outputs:
        for name, (value, count) in output["statistics"].items():
            sums[name] = (sums.get(name, (0, 0))[0] + value, sums.get(name, (0, 0))[1] + count)
    positions = "positions_per_character"  # padding depends on the batch
    assert {**averages(sums), positions: 0} == pytest.approx(
        {**averages(whole["statistics"]), positions: 0}, rel=1e-5
    )


def test_statistics_are_unweighted_losses() -> None:
    model = build_model("adversarial", VOCAB, heads=WEIGHTED)
    batch = batch_for(VOCAB)
    output = model(batch, 0.5)
    means = averages(output["statistics"])
    total = (
        0.7 * means["weibo_optimized_loss"]
        + means["msra_optimized_loss"]
        + 0.2 * means["msr_optimized_loss"]
        + 0.3 * means["objective_loss"]
    )
    assert total == pytest.approx(output["loss"].item(), rel=1e-5)
    # msr is normalised by sentences.
    for name in ("weibo", "msra"):
        assert means[f"{name}_loss"] == pytest.approx(means[f"{name}_optimized_loss"], rel=1e-5)
    assert means["msr_loss"] < means["msr_optimized_loss"]
    assert set(means) == {
        *("weibo_loss", "msra_loss", "msr_loss", "objective_loss"),
        *("weibo_optimized_loss", "msra_optimized_loss", "msr_optimized_loss"),
        *("discriminator_accuracy", "reversal_scale", "positions_per_character"),
    }


def test_statistics_of_several_objectives_have_prefixes() -> None:
    _, settings, _, _ = GRAPHS[-1]
    statistics = build_model("hard_sharing", VOCAB, **settings)(batch_for(VOCAB))["statistics"]
    assert {"objective_0_objective_loss", "objective_1_objective_loss"} <= set(statistics)
    assert "objective_loss" not in statistics


def test_batch_without_anything_to_learn_from_has_no_loss() -> None:
    batch = batch_for(VOCAB)
    reviews = batch.select([i for i, name in enumerate(batch.datasets) if name == "reviews"])
    assert "loss" not in build_model("hard_sharing", VOCAB)(reviews)
    assert "loss" in build_model("adversarial", VOCAB)(reviews)


def test_datasets_of_one_task_share_towers_head_and_loss() -> None:
    vocab = vocabulary_of({**VOCAB.datasets, "msra": DatasetSpace("weibo", "news", "ner")})
    model, batch = build_model("adversarial", vocab), batch_for(vocab)
    reads = {"weibo": ["shared", "weibo"], "msr": ["shared", "msr"]}
    assert (
        model.graph.reads == reads
        and set(model.heads) == set(reads)
        and set(model.towers) == {"shared", "weibo", "msr"}
    )
    assert batch.totals["weibo"] == 5
    assert_close(model(batch)["loss"], naive_loss(model, batch, reads, {}))


def test_schedule_of_an_objective_scales_its_weight() -> None:
    batch = batch_for(VOCAB)
    scheduled = build_model(
        "adversarial", VOCAB, objectives=[{**ADVERSARY, "schedule": {"type": "linear_warmup"}}]
    )
    plain = build_model("adversarial", VOCAB)
    without = build_model("adversarial", VOCAB, objectives=[])
    for progress, share in ((0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (1.0, 1.0)):
        added = plain(batch, progress)["loss"] - without(batch, progress)["loss"]
        assert_close(
            scheduled(batch, progress)["loss"] - without(batch, progress)["loss"], share * added
        )


def test_gradient_of_a_head_reaches_its_towers_only() -> None:
    model, batch = build_model("asymmetric", VOCAB, sources={"weibo": ["msra"]}), batch_for(VOCAB)
    for head, expected in {"weibo": {"weibo", "msra"}, "msra": {"msra"}, "msr": {"msr"}}.items():
        model.zero_grad()
        model(batch.select(batch.sentences_of(head)))["loss"].backward()
        trained = {name.split(".")[1] for name in gradients(model) if name.startswith("towers.")}
        assert trained == expected
        assert {name.split(".")[1] for name in gradients(model) if name.startswith("heads.")} == {
            head
        }


def test_shared_tower_gets_the_reversed_gradient_of_the_discriminator() -> None:
    batch = batch_for(VOCAB)
    batch = batch.select([i for i, name in enumerate(batch.datasets) if name == "reviews"])

    def of_scale(scale: float) -> dict[str, Tensor]:
        reversal = {"type": "constant", "scale": scale}
        model = build_model("adversarial", VOCAB, objectives=[{**ADVERSARY, "reversal": reversal}])
        model(batch)["loss"].backward()
        return gradients(model)

    once, twice = of_scale(1.0), of_scale(2.0)
    assert {name.split(".")[0] for name in once} == {"encoder", "towers", "objectives"}
    for name, gradient in once.items():
        assert_close(twice[name], gradient if name.startswith("objectives") else 2 * gradient)
