"""Which towers are read, from names and settings alone, and what is refused before anything is built."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import (
    Adversarial,
    Asymmetric,
    CrfTagger,
    HardSharing,
    Model,
    SharingModel,
)
from ner_adv_plugin.models.sharing_graph import in_order, sharing_graph
from tests.planned import planned

FED = {"weibo": "dataset_reader.readers.weibo.head", "msra": "dataset_reader.readers.news.head"}
OWN = {name: [name] for name in FED}
NAMES = ["a", "b", "c"]
CONTEXT = CheckContext("model", "model", planned(FED, FED))


def test_settings_prevail_over_the_preset() -> None:
    preset = {name: ["shared", name] for name in FED}
    settings = {
        "head": {"type": "crf", "reads": ["shared"]},
        "heads": {"msra": {"type": "crf", "reads": None}},
        "towers": {"extra": {"type": "lstm"}},
        "objectives": [{"reads": ["extra"]}, {"reads": None}],
    }
    graph = sharing_graph(FED, preset, settings)
    # `heads.msra` stands in place of `head`, and leaves the preset.
    assert graph.reads == {"weibo": ["shared"], "msra": ["shared", "msra"]}
    assert graph.observed == {"extra", "shared"}
    assert graph.towers == ["shared", "msra", "extra"]
    assert graph.only(["weibo"]).towers == ["shared"] and not graph.only(["weibo"]).observed


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
    )
)
def test_the_towers_are_those_that_something_reads(reads: dict[str, list[str]]) -> None:
    fed = dict.fromkeys(NAMES, "")
    heads = {name: {"type": "crf", "reads": chosen} for name, chosen in reads.items()}
    graph = sharing_graph(fed, {name: [name] for name in NAMES}, {"heads": heads})
    assert set(graph.towers) == {tower for name in NAMES for tower in reads.get(name, [name])}
    assert graph.towers == sorted(graph.towers)
    for name in NAMES:
        assert set(graph.only([name]).towers) == set(reads.get(name, [name]))


def circle_in(reads: dict[str, list[str]], order: tuple[str, ...] | None) -> bool:
    """Whether nothing can be run first, or an order, given, in which something is read before it is run."""
    if order is not None:
        return any(
            order.index(source) >= order.index(name)
            for name, sources in reads.items()
            for source in sources
        )
    left = dict(reads)
    while ready := [name for name, sources in left.items() if not set(sources) & set(left)]:
        left = {name: sources for name, sources in left.items() if name not in ready}
    return bool(left)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True)))
def test_names_stand_after_those_they_read_and_a_circle_is_named(
    reads: dict[str, list[str]],
) -> None:
    try:
        order = in_order(reads, "here")
    except ConfigurationError as error:
        assert circle_in(reads, None) and error.path == "here"
        circle = error.message.partition(": ")[2].split(" reads ")
        assert circle[0] == circle[-1] and len(circle) > 1
        assert all(source in reads[name] for name, source in itertools.pairwise(circle))
    else:
        assert not circle_in(reads, order) and {*reads, *itertools.chain(*reads.values())} == set(
            order
        )


def test_towers_read_towers_and_are_read_with_all_below() -> None:
    settings = {
        "towers": {"top": {"type": "lstm"}},
        "inputs": {"top": ["encoder", "weibo", "shared"], "weibo": ["shared"]},
        "heads": {"msra": {"reads": ["top"]}},
    }
    preset = {name: ["shared", name] for name in FED}
    graph = sharing_graph(FED, preset, settings)
    assert graph.towers == ["shared", "weibo", "top"]
    assert [graph.inputs_of(name) for name in graph.towers] == [
        ["encoder"],
        ["shared"],
        ["encoder", "weibo", "shared"],
    ]
    assert graph.only(["weibo"]).towers == ["shared", "weibo"]
    assert graph.only(["msra"]).towers == ["shared", "weibo", "top"]


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (
            {"inputs": {"msra": ["wiebo"]}},
            "model.inputs.msra",
            'no tower "wiebo". Did you mean "weibo"? Towers: encoder',
        ),
        (
            {"inputs": {"mrsa": ["weibo"]}},
            "model.inputs.mrsa",
            'nothing reads this tower. Did you mean "msra"?',
        ),
        (
            {"inputs": {"msra": ["msra"]}},
            "model.inputs",
            "circular inputs: msra reads msra",
        ),
        (
            {"towers": {"encoder": {}}},
            "model.towers.encoder",
            '"encoder" cannot be the name of a tower: choose another',
        ),
        (
            {"heads": {"mrsa": {}}},
            "model.heads.mrsa",
            'no dataset has this head. Did you mean "msra"? Heads of',
        ),
        (
            {"heads": {"msra": {"reads": ["x"]}}},
            "model.heads.msra.reads",
            'no tower "x". Towers: weibo, msra.',
        ),
        (
            {"head": {"reads": ["wiebo"]}},
            "model.head.reads",
            'no tower "wiebo". Did you mean "weibo"? Towers: ',
        ),
        (
            {"objectives": [{}]},
            "model.objectives.0.reads",
            'no tower "shared". Towers: weibo, msra.',
        ),
        (
            {"objectives": [{"reads": ["msra"]}, {"reads": ["mrsa"]}]},
            "model.objectives.1.reads",
            'no tower "mrsa". Did you mean "msra"?',
        ),
        (
            {"towers": {"mrsa": {}}},
            "model.towers.mrsa",
            'nothing reads this tower. Did you mean "msra"? Towers that',
        ),
        ({"towers": {"a.b": {}}}, "model.towers.a.b", '"a.b" cannot be the name of a tower: choose another'),
    ],
)
def test_what_is_refused(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        sharing_graph(FED, OWN, settings)
    assert error.value.path == path and error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("fed", "path", "message"),
    [
        ({}, "dataset_reader", "no dataset has a head"),
        ({"keys": "dataset_reader.head"}, "dataset_reader.head", '"keys" cannot be the name of a head'),
    ],
)
def test_heads_that_cannot_be(fed: dict[str, str], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        sharing_graph(fed, {name: [name] for name in fed}, {})
    assert error.value.path == path and error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("model", "settings", "path", "message"),
    [
        (
            CrfTagger,
            {},
            "model.type",
            "expected one task, but the datasets have heads weibo, msra; use hard_sharing, asymmetric",
        ),
        (HardSharing, {"objectives": [{}]}, "model.objectives.0.reads", 'no tower "shared"'),
        (
            Asymmetric,
            {"sources": {"wiebo": []}},
            "model.sources.wiebo",
            'no head "wiebo". Did you mean "weibo"?',
        ),
        (
            Asymmetric,
            {"sources": {"msra": ["weibo"], "weibo": ["msra"]}},
            "model.sources",
            "circular inputs: ",
        ),
        (
            Asymmetric,
            {"sources": {"msra": ["weibo"] * 2}},
            "model.sources.msra",
            "expected other tasks, each once",
        ),
        (
            HardSharing,
            {"heads": {"msra": {"type": "crf"}}, "head": None},
            "dataset_reader.readers.weibo.head",
            'no head "weibo" in model.heads. Configured heads: msra; model.head configures all others.',
        ),
        (
            SharingModel,
            {"heads": {"weibo": {}}},
            "dataset_reader.readers.news.head",
            'no head "msra" in model.heads.',
        ),
    ],
)
def test_models_check_their_settings(
    model: type[Model], settings: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        model.check(settings, CONTEXT)
    assert error.value.path == path and error.value.message.startswith(message)


def test_the_default_objective_reads_the_shared_tower() -> None:
    own = {
        "heads": {name: {"reads": [name]} for name in FED},
        "towers": {"shared": {"type": "lstm"}},
    }
    Adversarial.check(own, CONTEXT)
    with pytest.raises(ConfigurationError, match="model.towers.shared: nothing reads this tower"):
        Adversarial.check({**own, "objectives": []}, CONTEXT)


def test_a_head_for_all_others_and_models_of_ones_own_pass() -> None:
    class Mine(Model):
        def __init__(self, vocab: Vocabulary) -> None:
            super().__init__(vocab)

    Mine.check({"heads": {"anything": 3}}, CONTEXT)
    HardSharing.check({"heads": {"msra": {"type": "crf"}}, "head": {"type": "softmax"}}, CONTEXT)
    HardSharing.check({"heads": {"msra": {}, "weibo": {}}, "head": None}, CONTEXT)
