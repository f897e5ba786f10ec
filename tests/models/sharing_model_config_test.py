"""Building models from configs: presets, errors and `only_heads`."""

from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.modules.objectives import DomainAdversarial
from tests.models.building import ADVERSARY, HEAD, TOWER, batch_for, build_model
from tests.modules.examples import vocabulary, vocabulary_of

VOCAB = vocabulary()
HEADS = ["weibo", "msra", "msr"]


def inputs_of(model: SharingModel) -> dict[str, list[str]]:
    return {name: model.graph.inputs_of(name) for name in model.towers}


def test_presets() -> None:
    assert build_model("crf_tagger", vocabulary("msr")).graph.reads == {"msr": ["msr"]}
    assert build_model("hard_sharing", VOCAB).graph.reads == {name: [name] for name in HEADS}
    assert build_model("adversarial", VOCAB).graph.reads == {
        name: ["shared", name] for name in HEADS
    }
    target = build_model("asymmetric", VOCAB, sources={"weibo": ["msr", "msra"]})
    assert target.graph.reads == {
        "weibo": ["weibo", "msr", "msra"],
        "msra": ["msra"],
        "msr": ["msr"],
    }
    chain = {"weibo": ["msra"], "msra": ["msr"]}
    model = build_model("asymmetric", VOCAB, sources=chain)
    assert model.graph.reads == {
        "weibo": ["weibo", "msra"],
        "msra": ["msra", "msr"],
        "msr": ["msr"],
    }
    assert inputs_of(model) == {name: ["encoder"] for name in HEADS}
    model = build_model("asymmetric", VOCAB, sources=chain, join="tower")
    assert model.graph.reads == {name: [name] for name in HEADS}
    assert inputs_of(model) == {
        "msr": ["encoder"],
        "msra": ["encoder", "msr"],
        "weibo": ["encoder", "msra"],
    }
    assert list(model.towers) == ["msr", "msra", "weibo"]


def test_default_objective_is_a_discriminator_of_the_shared_tower() -> None:
    model = build_model("adversarial", VOCAB, objectives=None)
    (objective,) = model.objectives
    assert isinstance(objective, DomainAdversarial)
    assert (objective.reads, objective.weight) == (["shared"], 0.06)
    assert not build_model("adversarial", VOCAB, objectives=[]).objectives


def test_towers_and_heads_of_the_config() -> None:
    model = build_model(
        "adversarial",
        VOCAB,
        towers={"shared": {"type": "gru", "hidden_size": 5}},
        heads={"msr": {"type": "softmax", "weight": 0.5}},
    )
    towers: dict[str, Any] = dict(model.towers.items())
    dims = {name: tower.get_output_dim() for name, tower in towers.items()}
    assert dims == {"shared": 5, "weibo": 6, "msra": 6, "msr": 6}
    assert {name: type(head).__name__ for name, head in model.heads.items()} == {
        "weibo": "CrfHead",
        "msra": "CrfHead",
        "msr": "SoftmaxHead",
    }
    heads: dict[str, Any] = dict(model.heads.items())
    assert all(head.projection.in_features == 11 for head in heads.values())


@pytest.mark.parametrize(
    ("model_type", "only", "towers"),
    [
        ("hard_sharing", ["msra"], {"msra"}),
        ("asymmetric", ["msra"], {"msra"}),
        ("asymmetric", ["weibo"], {"weibo", "msra", "msr"}),
        ("stacked", ["msra"], {"msra", "msr"}),
        ("stacked", ["weibo"], {"weibo", "msra", "msr"}),
        ("adversarial", ["weibo"], {"shared", "weibo"}),
        ("mmoe", ["msra"], {"expert_1", "expert_2", "msra"}),
        ("ple", ["msra"], {"msra_1_1", "shared_1_1", "msra"}),
        ("cross_stitch", ["msra"], {"weibo_1", "msra_1", "msr_1", "msra"}),
        ("adversarial", ["msr", "msra"], {"shared", "msra", "msr"}),
    ],
)
@torch.no_grad()
def test_only_heads_builds_what_they_read(
    model_type: str, only: list[str], towers: set[str]
) -> None:
    combining: dict[str, dict[str, Any]] = {
        "mmoe": {"num_experts": 2},
        "ple": {"num_levels": 1},
        "cross_stitch": {},
    }
    settings = combining.get(model_type, {"towers": {"weibo": TOWER}})
    if model_type == "asymmetric":
        settings["sources"] = {"weibo": ["msra", "msr"]}
    if model_type == "stacked":
        model_type = "asymmetric"
        settings = {"sources": {"weibo": ["msra"], "msra": ["msr"]}, "join": "tower"}
    whole = build_model(model_type, VOCAB, **settings).eval()
    reduced = build_model(model_type, VOCAB, only, **settings).eval()
    assert (
        set(reduced.heads) == set(only) and set(reduced.towers) == towers and not reduced.objectives
    )
    for parameter in reduced.parameters():
        parameter.fill_(9.0)
    reduced.load_weights(whole.state_dict())
    batch = batch_for(VOCAB)
    for head in only:
        sentences = batch.select(batch.sentences_of(head))
        expected_spans, expected_loss_B = whole.predict(sentences, head)
        spans, loss_B = reduced.predict(sentences, head)
        assert spans == expected_spans
        assert loss_B is not None and expected_loss_B is not None
        assert torch.equal(loss_B, expected_loss_B)


def test_incomplete_weights_are_refused() -> None:
    model = build_model("hard_sharing", VOCAB)
    state = {
        name: value
        for name, value in model.state_dict().items()
        if name != "heads.msr.crf.transitions"
    }
    with pytest.raises(RuntimeError, match="heads.msr.crf.transitions"):
        model.load_weights(state)


@pytest.mark.parametrize(
    ("model_type", "settings", "message"),
    [
        (
            "hard_sharing",
            {"heads": {"wiebo": HEAD}},
            'model.heads.wiebo: no dataset .* mean "weibo"',
        ),
        (
            "hard_sharing",
            {"heads": {"reviews": HEAD}},
            "model.heads.reviews: no dataset has this head",
        ),
        (
            "hard_sharing",
            {"heads": {"weibo": {**HEAD, "reads": ["mrsa"]}}},
            'model.heads.weibo.reads: no tower "mrsa". Did you mean "msra"',
        ),
        (
            "hard_sharing",
            {"towers": {"shared": TOWER}, "heads": {"weibo": {**HEAD, "reads": ["sharde"]}}},
            'model.heads.weibo.reads: no tower "sharde". Did you mean "shared"',
        ),
        (
            "hard_sharing",
            {"towers": {"wiebo": TOWER}},
            'model.towers.wiebo: nothing reads .* mean "weibo"',
        ),
        (
            "adversarial",
            {"objectives": [{**ADVERSARY, "reads": ["share"]}]},
            'model.objectives.0.reads: no tower "share". Did you mean "shared"',
        ),
        ("hard_sharing", {"towers": {"a.b": TOWER}}, 'model.towers.a.b: "a.b" cannot be the name'),
        (
            "hard_sharing",
            {"objectives": [ADVERSARY]},
            'model.objectives.0.reads: no tower "shared"',
        ),
        (
            "asymmetric",
            {"sources": {"wiebo": ["msra"]}},
            'model.sources.wiebo: no head "wiebo". Did you mean "weibo"',
        ),
        (
            "asymmetric",
            {"sources": {"weibo": ["mrsa"]}},
            'model.sources.weibo: no head "mrsa". Did you mean "msra"',
        ),
        (
            "asymmetric",
            {"sources": {"weibo": ["weibo"]}},
            "model.sources.weibo: expected other tasks, each once",
        ),
        (
            "asymmetric",
            {"sources": {"weibo": ["msr", "msr"]}},
            "model.sources.weibo: expected other tasks, each once",
        ),
        (
            "asymmetric",
            {"sources": {"weibo": ["msra"], "msra": ["msr"], "msr": ["weibo"]}},
            "model.sources: circular inputs: .*weibo reads msra",
        ),
        (
            "hard_sharing",
            {"inputs": {"weibo": ["encoder", "msra"], "msra": ["weibo"]}},
            "model.inputs: circular inputs: .*weibo reads msra",
        ),
        (
            "adversarial",
            {
                "towers": {"extra": TOWER},
                "objectives": [{"type": "orthogonality", "reads": ["shared", "extra"]}],
            },
            'model.objectives.0.reads: no head reads tower "extra"',
        ),
        # Jsonnet sorts datasets by name, so that there is no natural default for the target.
        ("asymmetric", {}, "model.sources: missing key, required here"),
        ("crf_tagger", {}, "model.type: expected one task, .* heads weibo, msra, msr"),
        ("adversarial", {"head": {**HEAD, "weight": -1}}, "model.head.weight: expected 0 or more"),
        ("adversarial", {"tower": {"type": "gru"}}, "model.tower.hidden_size: missing key"),
        (
            "adversarial",
            {"tower": {"type": "gru", "input_size": 7, "hidden_size": 2}},
            "model.tower: the tower expects states of size 7, but reads states of size 6",
        ),
    ],
)
def test_errors(model_type: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_model(model_type, VOCAB, **settings)


def test_one_domain_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="needs two domains or more"):
        build_model("adversarial", vocabulary("msra", "msr"))


@pytest.mark.parametrize("model_type", ["hard_sharing", "adversarial"])
def test_unlabelled_text_alone_is_an_error(model_type: str) -> None:
    with pytest.raises(ConfigurationError, match="dataset_reader: no dataset has a head"):
        build_model(model_type, vocabulary("reviews"))


@pytest.mark.parametrize("name", ["weibo.2", "keys", "training"])
def test_invalid_names_of_heads(name: str) -> None:
    vocab = vocabulary_of({name: DatasetSpace(name, name, "ner")}, {name: []})
    with pytest.raises(ConfigurationError, match=f'"{name}" cannot be the name of a head'):
        build_model("hard_sharing", vocab)
