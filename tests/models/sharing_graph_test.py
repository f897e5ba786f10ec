"""Sharing graph: towers that are read, and errors, before anything is built."""

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

HEAD_PATHS = {
    "weibo": "dataset_reader.readers.weibo.head",
    "msra": "dataset_reader.readers.news.head",
}
OWN = {name: [name] for name in HEAD_PATHS}
NAMES = ["a", "b", "c"]
CONTEXT = CheckContext("model", "model", planned(HEAD_PATHS, HEAD_PATHS))


def test_settings_override_the_preset() -> None:
    preset = {name: ["shared", name] for name in HEAD_PATHS}
    settings = {
        "head": {"type": "crf", "reads": ["shared"]},
        "heads": {"msra": {"type": "crf", "reads": None}},
        "towers": {"extra": {"type": "lstm"}},
        "objectives": [{"reads": ["extra"]}, {"reads": None}],
    }
    graph = sharing_graph(HEAD_PATHS, preset, settings)
    # `heads.msra` replaces `head`; without `reads` it has the preset.
    assert graph.reads == {"weibo": ["shared"], "msra": ["shared", "msra"]}
    assert graph.observed == {"extra", "shared"}
    assert graph.towers == ["shared", "msra", "extra"]
    assert graph.only(["weibo"]).towers == ["shared"] and not graph.only(["weibo"]).observed


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
    )
)
def test_towers_are_those_that_are_read(reads: dict[str, list[str]]) -> None:
    head_paths = dict.fromkeys(NAMES, "")
    heads = {name: {"type": "crf", "reads": chosen} for name, chosen in reads.items()}
    graph = sharing_graph(head_paths, {name: [name] for name in NAMES}, {"heads": heads})
    assert set(graph.towers) == {tower for name in NAMES for tower in reads.get(name, [name])}
    assert graph.towers == sorted(graph.towers)
    for name in NAMES:
        assert set(graph.only([name]).towers) == set(reads.get(name, [name]))


def has_cycle(reads: dict[str, list[str]], order: tuple[str, ...] | None) -> bool:
    """Whether there is a cycle.

    If an order is given: whether it has a name before one that it reads.
    """
    if order is not None:
        return any(
            order.index(source) >= order.index(name)
            for name, sources in reads.items()
            for source in sources
        )
    remaining = dict(reads)
    while ready := [
        name for name, sources in remaining.items() if not set(sources) & set(remaining)
    ]:
        remaining = {name: sources for name, sources in remaining.items() if name not in ready}
    return bool(remaining)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True)))
def test_order_and_cycles(
    reads: dict[str, list[str]],
) -> None:
    try:
        order = in_order(reads, "here")
    except ConfigurationError as error:
        assert has_cycle(reads, None) and error.path == "here"
        cycle = error.message.partition(": ")[2].split(" reads ")
        assert cycle[0] == cycle[-1] and len(cycle) > 1
        assert all(source in reads[name] for name, source in itertools.pairwise(cycle))
    else:
        assert not has_cycle(reads, order) and {*reads, *itertools.chain(*reads.values())} == set(
            order
        )


def test_towers_that_read_towers() -> None:
    settings = {
        "towers": {"top": {"type": "lstm"}},
        "inputs": {"top": ["encoder", "weibo", "shared"], "weibo": ["shared"]},
        "heads": {"msra": {"reads": ["top"]}},
    }
    preset = {name: ["shared", name] for name in HEAD_PATHS}
    graph = sharing_graph(HEAD_PATHS, preset, settings)
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
            'no tower "x". Towers: weibo, msra, encoder.',
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
        ({"towers": {"a.b": {}}}, "model.towers.a.b", '"a.b" cannot be the name of a tower'),
    ],
)
def test_errors(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        sharing_graph(HEAD_PATHS, OWN, settings)
    assert error.value.path == path and error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("head_paths", "path", "message"),
    [
        ({}, "dataset_reader", "no dataset has a head"),
        (
            {"keys": "dataset_reader.head"},
            "dataset_reader.head",
            '"keys" cannot be the name of a head',
        ),
    ],
)
def test_errors_of_heads(head_paths: dict[str, str], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        sharing_graph(head_paths, {name: [name] for name in head_paths}, {})
    assert error.value.path == path and error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("model", "settings", "path", "message"),
    [
        (
            CrfTagger,
            {},
            "model.type",
            "expected one task, but the datasets have heads weibo, msra; use hard_sharing",
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
            'no head "weibo" in model.heads. Configured heads: msra; model.head configures all',
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


def test_default_objective_reads_the_shared_tower() -> None:
    own = {
        "heads": {name: {"reads": [name]} for name in HEAD_PATHS},
        "towers": {"shared": {"type": "lstm"}},
    }
    Adversarial.check(own, CONTEXT)
    with pytest.raises(ConfigurationError, match="model.towers.shared: nothing reads this tower"):
        Adversarial.check({**own, "objectives": []}, CONTEXT)


def test_default_head_and_custom_models_pass() -> None:
    class Mine(Model):
        def __init__(self, vocab: Vocabulary) -> None:
            super().__init__(vocab)

    Mine.check({"heads": {"anything": 3}}, CONTEXT)
    HardSharing.check({"heads": {"msra": {"type": "crf"}}, "head": {"type": "softmax"}}, CONTEXT)
    HardSharing.check({"heads": {"msra": {}, "weibo": {}}, "head": None}, CONTEXT)
