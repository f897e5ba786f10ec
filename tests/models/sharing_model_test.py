"""Forward pass of all models: routes of sentences, and the loss."""

from collections import defaultdict
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
from tests.models.building import ADVERSARY, HEAD, TOWER, batch_for, build_model
from tests.modules.examples import vocabulary, vocabulary_of

VOCAB = vocabulary()
DOMAINS = {"weibo": 0, "msra": 1, "msr": 1, "reviews": 0}
WEIGHTED = {
    "weibo": {**HEAD, "weight": 0.7},
    "msr": {**HEAD, "weight": 0.2, "normalize_by": "sentences"},
}
# For each model: its type and settings, the towers that each head reads, and those that objectives
# read.
GRAPHS: list[tuple[str, dict[str, Any], dict[str, list[str]], list[str]]] = [
    ("hard_sharing", {}, {"weibo": ["weibo"], "msra": ["msra"], "msr": ["msr"]}, []),
    (
        "hard_sharing",
        {"heads": WEIGHTED},
        {"weibo": ["weibo"], "msra": ["msra"], "msr": ["msr"]},
        [],
    ),
    (
        "asymmetric",
        {"sources": {"weibo": ["msra", "msr"]}},
        {"weibo": ["weibo", "msra", "msr"], "msra": ["msra"], "msr": ["msr"]},
        [],
    ),
    (
        "adversarial",
        {"heads": WEIGHTED},
        {"weibo": ["shared", "weibo"], "msra": ["shared", "msra"], "msr": ["shared", "msr"]},
        ["shared"],
    ),
    (
        "hard_sharing",
        {
            "towers": {"ner": TOWER},
            "heads": {
                "weibo": {**HEAD, "reads": ["ner"]},
                "msra": {**HEAD, "reads": ["ner", "msra"]},
            },
            "objectives": [
                {**ADVERSARY, "reads": ["msr"]},
                {**ADVERSARY, "reads": ["msr", "ner"], "pooling": "mean"},
            ],
        },
        {"weibo": ["ner"], "msra": ["ner", "msra"], "msr": ["msr"]},
        ["msr", "ner"],
    ),
]
IDS = ["hard", "weighted", "asymmetric", "adversarial", "custom graph"]
OWN = {name: [name] for name in ("weibo", "msra", "msr")}
# The same for graphs in which towers read towers.
STACKED: list[tuple[str, dict[str, Any], dict[str, list[str]], list[str]]] = [
    (
        "asymmetric",
        {"sources": {"weibo": ["msra", "msr"], "msra": ["msr"]}, "join": "tower"},
        OWN,
        [],
    ),
    (
        "adversarial",
        {
            "towers": {"decoder": TOWER},
            "inputs": {"decoder": ["shared"]},
            "head": {**HEAD, "reads": ["decoder"]},
            "objectives": [{**ADVERSARY, "reads": ["decoder"]}],
        },
        dict.fromkeys(OWN, ["decoder"]),
        ["decoder"],
    ),
    ("mmoe", {"num_experts": 2, "objectives": [{**ADVERSARY, "reads": ["expert_2"]}]}, OWN, []),
    ("ple", {}, OWN, []),
    ("cross_stitch", {"heads": WEIGHTED}, OWN, []),
]
each_graph = pytest.mark.parametrize(
    ("model_type", "settings", "reads", "observed"), GRAPHS, ids=IDS
)
any_graph = pytest.mark.parametrize(
    ("model_type", "settings", "reads", "observed"),
    GRAPHS + STACKED,
    ids=[*IDS, "hierarchy", "decoder", "mmoe", "ple", "cross_stitch"],
)
Seen = dict[str, list[tuple[Any, ...]]]


def watch(model: SharingModel) -> Seen:
    """Record the inputs of all calls of the encoder, the towers and the CRFs from now on."""
    seen: Seen = defaultdict(list)
    components: dict[str, Any] = {"encoder": model.encoder}
    components |= {f"towers.{name}": tower for name, tower in model.towers.items()}
    components |= {f"heads.{name}": head.crf for name, head in model.heads.items()}
    for name, component in components.items():
        component.register_forward_hook(lambda _, inputs, __, name=name: seen[name].append(inputs))
    return seen


@each_graph
def test_every_component_runs_once_over_its_sentences(
    model_type: str, settings: dict[str, Any], reads: dict[str, list[str]], observed: list[str]
) -> None:
    model, batch = build_model(model_type, VOCAB, **settings), batch_for(VOCAB)
    assert model.graph.reads == reads
    seen = watch(model)
    model(batch)
    assert {name: len(calls) for name, calls in seen.items()} == dict.fromkeys(seen, 1)
    assert set(seen) == {
        "encoder",
        *(f"heads.{name}" for name in reads),
        *(f"towers.{name}" for name in model.towers),
    }
    assert set(model.towers) == {tower for towers in reads.values() for tower in towers} | set(
        observed
    )
    (encoder_batch,) = seen["encoder"][0]
    assert (
        isinstance(encoder_batch, Batch)
        and torch.equal(encoder_batch.token_ids_BL, batch.token_ids_BL)
        and not encoder_batch.all_targets
    )
    states = model.encoder(batch)
    for tower in model.towers:
        readers = {head for head, towers in reads.items() if tower in towers}
        sentences = [
            i for i, head in enumerate(batch.heads) if head in readers or tower in observed
        ]
        inputs, mask = seen[f"towers.{tower}"][0]
        assert mask.sum(1).tolist() == [batch.lengths[i] for i in sentences]
        assert mask.shape[1] == max(batch.lengths[i] for i in sentences)
        for index, sentence in enumerate(sentences):
            assert torch.equal(
                inputs[index, : batch.lengths[sentence]],
                states[sentence, : batch.lengths[sentence]],
            )
    for head in reads:
        sentences = batch.sentences_of(head)
        emissions, tags, mask = seen[f"heads.{head}"][0]
        assert len(sentences) == len(emissions) and mask.sum(1).tolist() == [
            batch.lengths[i] for i in sentences
        ]
        assert torch.equal(
            tags, batch.owned_by(f"heads.{head}").targets["tags"][sentences, : mask.shape[1]]
        )


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


@torch.no_grad()
def test_tower_runs_over_the_sentences_of_its_readers() -> None:
    model_type, settings, _, _ = STACKED[0]
    model, batch = build_model(model_type, VOCAB, **settings), batch_for(VOCAB)
    sentences = {name: batch.sentences_of(name) for name in OWN}
    assert model.routes(batch) == {
        "msr": sorted(sentences["weibo"] + sentences["msra"] + sentences["msr"]),
        "msra": sorted(sentences["weibo"] + sentences["msra"]),
        "weibo": sentences["weibo"],
    }
    everything = list(range(len(batch)))
    assert model.routes(batch, "msra") == {"msr": everything, "msra": everything}
    seen = watch(model)
    model(batch)
    assert {name: len(calls) for name, calls in seen.items()} == dict.fromkeys(seen, 1)
    inputs, mask = seen["towers.weibo"][0]
    # The encoder's states, then those of the sources.
    encoded = model.encoder(batch)
    msr = model.towers["msr"](encoded, batch.mask_BL)
    msra = model.towers["msra"](torch.cat([encoded, msr], -1), batch.mask_BL)
    expected = torch.cat([encoded, msra, msr], -1)
    for index, sentence in enumerate(sentences["weibo"]):
        assert_close(inputs[index, mask[index]], expected[sentence, : batch.lengths[sentence]])


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


def test_orthogonality_does_not_change_the_routes_of_private_towers() -> None:
    objectives = [{"type": "orthogonality"}]
    model, batch = build_model("adversarial", VOCAB, objectives=objectives), batch_for(VOCAB)
    labelled = [i for i, head in enumerate(batch.heads) if head is not None]
    sentences = {"shared": labelled, **{name: batch.sentences_of(name) for name in OWN}}
    assert model.routes(batch) == sentences
    loss = model(batch)["statistics"]["objective_loss"][0] / batch.total
    total = torch.zeros(())
    for sentence in labelled:
        part, name = batch.select([sentence]), str(batch.heads[sentence])
        shared, private = (
            model.towers[tower](model.encoder(part), part.mask_BL)[0] for tower in ("shared", name)
        )
        total = total + (shared.T @ private / batch.lengths[sentence]).square().sum()
    assert_close(loss, total.detach() / len(labelled))
    reviews = batch.select([i for i, head in enumerate(batch.heads) if head is None])
    assert "loss" not in model(reviews)


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


@torch.no_grad()
def test_any_head_predicts_all_sentences() -> None:
    model, batch = build_model("adversarial", VOCAB).eval(), batch_for(VOCAB)
    seen = watch(model)
    spans, loss_B = model.predict(batch.without_targets(), "msra")
    assert loss_B is None and len(spans) == len(batch)
    assert len(seen["encoder"]) == len(seen["towers.shared"]) == len(seen["towers.msra"]) == 1
    assert not {"towers.weibo", "towers.msr", "heads.weibo"} & set(seen)
    assert any(spans) and {span.type for own in spans for span in own} <= set(
        VOCAB.label_space("msra").types
    )
    for own, length in zip(spans, batch.lengths, strict=True):
        ends = [0, *(span.end for span in own)]
        assert all(
            end <= span.start < span.end <= length for end, span in zip(ends, own, strict=False)
        )
        assert all(0 <= span.score <= 1 for span in own)
