"""Forward pass of all models: the sentences that every component runs over."""

from collections import defaultdict
from typing import Any

import torch
from torch.testing import assert_close

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import SharingModel
from tests.models.building import batch_for, build_model
from tests.models.graphs import OWN, STACKED, VOCAB, each_graph

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
