"""Sharing graphs of every kind."""

from typing import Any

import pytest

from tests.models.building import ADVERSARY, HEAD, TOWER
from tests.modules.examples import vocabulary

VOCAB = vocabulary()
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
