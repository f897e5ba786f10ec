"""The sharing graph: which towers every head and objective reads, worked out from names and settings alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError, nearest

# What a tower reads where nothing else is said.
ENCODER = "encoder"


@dataclass(frozen=True)
class SharingGraph:
    """Which towers there are, what each reads, and which of them every head reads.

    # Parameters

    reads : for every head the towers it reads.
    observed : towers that objectives read.
    known : names of towers that may be read, in the order in which they are built and run.
    inputs : for towers that do not read the encoder alone, what they read.
    """

    reads: Mapping[str, list[str]]
    observed: frozenset[str]
    known: tuple[str, ...]
    inputs: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def towers(self) -> list[str]:
        """The towers that a head, an objective or another such tower reads, each after those it reads."""
        read = set(self.observed.union(*self.reads.values()))
        for name in reversed(self.known):
            if name in read:
                read.update(self.inputs_of(name))
        return [name for name in self.known if name in read]

    def inputs_of(self, tower: str) -> list[str]:
        """What a tower reads: "encoder", and towers."""
        return self.inputs.get(tower) or [ENCODER]

    def route(self, heads: Sequence[str | None], observed: Collection[str]) -> dict[str, list[int]]:
        """The sentences that each tower runs over, for the towers that run over any, each after those it reads.

        A tower runs over the sentences whose heads read it, over all if it is observed, and over those of every tower
        that reads it.

        # Parameters

        heads : the head of each sentence, None without labels.
        observed : towers that run over every sentence.
        """
        routes: dict[str, list[int]] = {}
        for name in reversed(self.towers):
            readers = {head for head, reads in self.reads.items() if name in reads}
            above = {
                i
                for tower, members in routes.items()
                if name in self.inputs_of(tower)
                for i in members
            }
            members = [
                i
                for i, head in enumerate(heads)
                if name in observed or head in readers or i in above
            ]
            if members:
                routes[name] = members
        return dict(reversed(routes.items()))

    def only(self, heads: Sequence[str]) -> "SharingGraph":
        """What some heads need, without objectives."""
        return SharingGraph(
            {name: self.reads[name] for name in heads}, frozenset(), self.known, self.inputs
        )


def sharing_graph(
    fed: Mapping[str, str], preset: Mapping[str, list[str]], settings: Mapping[str, Any]
) -> SharingGraph:
    """The graph of a model.

    # Parameters

    fed : the heads that datasets feed, and where in the config a dataset names each.
    preset : for every head the towers it reads where its settings do not say.
    settings : of the model, defaults filled in; `head`, `heads`, `towers`, `inputs` and `objectives` are
        looked at.

    Raises `ConfigurationError` where a name stands for nothing, a tower is read by nothing, or towers read one another
    in a circle.
    """
    heads, towers, inputs = (settings.get(key) or {} for key in ("heads", "towers", "inputs"))
    _check_heads(fed, heads)
    for name in towers:
        _check_name(name, "tower", f"model.towers.{name}")
    places = {name: f"model.heads.{name}" if name in heads else "model.head" for name in fed}
    chosen = {name: _reads(heads.get(name) or settings.get("head")) for name in fed}
    reads = {name: chosen[name] or list(preset[name]) for name in fed}
    # An objective that does not say reads the shared tower.
    observed = [_reads(objective) or ["shared"] for objective in settings.get("objectives") or []]
    known = tuple(
        dict.fromkeys(
            [*(tower for towers in preset.values() for tower in towers), *towers, *inputs]
        )
    )
    for name in fed:
        _check_reads(reads[name], known, f"{places[name]}.reads")
    for index, names in enumerate(observed):
        _check_reads(names, known, f"model.objectives.{index}.reads")
    for name, sources in inputs.items():
        _check_name(name, "tower", f"model.inputs.{name}")
        _check_reads(sources, (ENCODER, *known), f"model.inputs.{name}")
    known = in_order(
        {name: [s for s in inputs.get(name, ()) if s != ENCODER] for name in known}, "model.inputs"
    )
    graph = SharingGraph(reads, frozenset().union(*observed), known, inputs)
    for key, named in (("towers", towers), ("inputs", inputs)):
        _check_towers(named, graph.towers, f"model.{key}")
    return graph


def in_order(reads: Mapping[str, Sequence[str]], place: str) -> tuple[str, ...]:
    """Names in an order in which each stands after those it reads.

    # Parameters

    reads : for every name the names it reads.
    place : where in the config that is said.

    Raises `ConfigurationError` where some read one another in a circle.
    """
    try:
        return tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        circle = " reads ".join(reversed(error.args[1]))
        raise ConfigurationError(
            f"a circle, in which nothing can come first: {circle}", place
        ) from error


def check_described(fed: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    """`ConfigurationError` where `heads` leaves out one that a dataset feeds, and no `head` stands for the others."""
    heads = settings.get("heads")
    if not heads or settings.get("head") is not None:
        return
    for name, place in fed.items():
        if name not in heads:
            raise ConfigurationError(
                f'no head "{name}" in model.heads.{nearest(name, heads)} Heads there: {", ".join(heads)};'
                " model.head would describe all others.",
                place,
                absolute=True,
            )


def _reads(settings: Mapping[str, Any] | None) -> list[str]:
    return list((settings or {}).get("reads") or [])


def _check_heads(fed: Mapping[str, str], heads: Collection[str]) -> None:
    if not fed:
        raise ConfigurationError(
            "no dataset has a head: there is nothing to learn", "dataset_reader", absolute=True
        )
    for name, place in fed.items():
        _check_name(name, "head", place)
    for name in heads:
        if name not in fed:
            raise ConfigurationError(
                f"no dataset feeds this head.{nearest(name, fed)} Heads of datasets: {', '.join(fed)}.",
                f"model.heads.{name}",
            )


def _check_name(name: str, kind: str, place: str) -> None:
    # Parameters are named after heads and towers, with dots between the parts of a name.
    if "." in name or name == ENCODER or hasattr(torch.nn.ModuleDict(), name):
        raise ConfigurationError(
            f'"{name}" cannot name a {kind}: choose another', place, absolute=True
        )


def _check_reads(reads: Sequence[str], known: Sequence[str], place: str) -> None:
    for name in reads:
        if name not in known:
            raise ConfigurationError(
                f'no tower "{name}".{nearest(name, known)} Towers: {", ".join(known)}.', place
            )


def _check_towers(towers: Collection[str], read: Collection[str], place: str) -> None:
    for name in towers:
        if name not in read:
            raise ConfigurationError(
                f"nothing reads this tower.{nearest(name, read)} Towers that are read: {', '.join(sorted(read))}.",
                f"{place}.{name}",
            )
