"""Sharing graph: the towers that heads and objectives read, derived from the config alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import torch

from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.heads.head_settings import head_settings
from ner_adv_plugin.modules.objectives import Objective

# What a tower reads by default.
ENCODER = "encoder"


@dataclass(frozen=True)
class SharingGraph:
    """Graph of encoder, towers and heads.

    # Parameters

    reads : for each head the towers that it reads, or "encoder".
    observed : towers that objectives read.
    known : names of all towers that can be read, in the order in which they are built and run.
    inputs : for each tower that does not read the encoder alone, what it reads.

    # Examples

    >>> graph = SharingGraph(
    ...     reads={"weibo": ["shared", "weibo"], "msra": ["shared", "msra"]},
    ...     observed=frozenset({"shared"}),
    ...     known=("shared", "weibo", "msra"),
    ... )
    >>> graph.route(["weibo", "msra", None], observed=["shared"])
    {'shared': [0, 1, 2], 'weibo': [0], 'msra': [1]}
    """

    reads: Mapping[str, list[str]]
    observed: frozenset[str]
    known: tuple[str, ...]
    inputs: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def towers(self) -> list[str]:
        """Towers that heads and objectives read, also through other towers, in running order."""
        read = set(self.observed.union(*self.reads.values()))
        for name in reversed(self.known):
            if name in read:
                read.update(self.inputs_of(name))
        return [name for name in self.known if name in read]

    def inputs_of(self, tower: str) -> list[str]:
        """What a tower reads: "encoder" and names of towers."""
        return self.inputs.get(tower) or [ENCODER]

    def route(
        self,
        heads: Sequence[str | None],
        observed: Collection[str],
        further: Mapping[str, Collection[int]] | None = None,
    ) -> dict[str, list[int]]:
        """Determine the sentences that each tower runs over.

        A tower runs over the sentences whose heads read it, over those of the towers that read it,
        and over all sentences if it is observed.

        # Parameters

        heads : head of each sentence, None without labels.
        observed : towers that run over every sentence.
        further : by tower, sentences that it runs over in any case.

        # Returns

        Indices of sentences by tower, each tower after those that it reads; towers that run over no
        sentence are missing.
        """
        routes: dict[str, list[int]] = {}
        for name in reversed(self.towers):
            reading_heads = {head for head, reads in self.reads.items() if name in reads}
            needed = {
                sentence
                for tower, sentences in routes.items()
                if name in self.inputs_of(tower)
                for sentence in sentences
            }
            sentences = [
                sentence
                for sentence, head in enumerate(heads)
                if name in observed
                or head in reading_heads
                or sentence in needed
                or sentence in (further or {}).get(name, ())
            ]
            if sentences:
                routes[name] = sentences
        return dict(reversed(routes.items()))

    def sources_of(self, reads: Collection[str]) -> list[str]:
        """Return towers and all towers that they read, in running order.

        # Parameters

        reads : names of the towers, or "encoder".
        """
        return SharingGraph({}, frozenset(reads), self.known, self.inputs).towers

    def only(self, heads: Sequence[str]) -> "SharingGraph":
        """Return the part of the graph that some heads need, without objectives."""
        return SharingGraph(
            {name: self.reads[name] for name in heads}, frozenset(), self.known, self.inputs
        )


def sharing_graph(
    head_paths: Mapping[str, str],
    preset: Mapping[str, list[str]],
    settings: Mapping[str, Any],
    whole: bool = True,
) -> SharingGraph:
    """Build the graph of a model.

    # Parameters

    head_paths : the heads of the datasets, with the config path that names each.
    preset : for each head the towers that it reads unless its config has `reads`.
    settings : config of the model, defaults filled in; the keys `head`, `heads`, `towers`, `inputs`
        and `objectives` are used.
    whole : every tower must be read; false if the settings lack what only training needs.

    # Raises

    ConfigurationError : a name is unknown or not allowed, nothing reads a tower, or the inputs of
        towers are circular.
    """
    heads, towers, inputs = (settings.get(key) or {} for key in ("heads", "towers", "inputs"))
    _check_heads(head_paths, heads)
    for name in towers:
        _check_name(name, "tower", f"model.towers.{name}")

    paths = {name: f"model.heads.{name}" if name in heads else "model.head" for name in head_paths}
    reads = {
        name: _reads_of_head(head_settings(settings, name), paths[name]) or list(preset[name])
        for name in head_paths
    }
    observed = [
        _reads_of_objective(objective, f"model.objectives.{index}", reads)
        for index, objective in enumerate(settings.get("objectives") or [])
    ]
    known = tuple(
        dict.fromkeys(
            [*(tower for towers in preset.values() for tower in towers), *towers, *inputs]
        )
    )

    for name in head_paths:
        _check_reads(reads[name], (*known, ENCODER), f"{paths[name]}.reads")
    for index, names in enumerate(observed):
        _check_reads(names, known, f"model.objectives.{index}.reads")
    for name, sources in inputs.items():
        _check_name(name, "tower", f"model.inputs.{name}")
        check_some(sources, 'tower, or "encoder"', f"model.inputs.{name}")
        _check_reads(sources, (ENCODER, *known), f"model.inputs.{name}")

    tower_inputs = {
        name: [source for source in inputs.get(name, ()) if source != ENCODER] for name in known
    }
    known = in_order(tower_inputs, "model.inputs")
    graph = SharingGraph(reads, frozenset().union(*observed), known, inputs)
    if whole:
        _check_towers(towers, graph.towers, "model.towers")
        _check_towers(inputs, graph.towers, "model.inputs")
    return graph


def in_order(reads: Mapping[str, Sequence[str]], path: str) -> tuple[str, ...]:
    """Sort names topologically, each after those that it reads.

    # Parameters

    reads : for each name the names that it reads.
    path : config path shown in errors.

    # Raises

    ConfigurationError : there is a cycle.

    # Examples

    >>> in_order({"weibo": ["msra"], "msra": []}, "model.sources")
    ('msra', 'weibo')
    """
    try:
        return tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        cycle = " reads ".join(reversed(error.args[1]))
        raise ConfigurationError(f"circular inputs: {cycle}", path) from error


def check_described(head_paths: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    """Check that `heads` has the head of every dataset, unless `head` configures the others.

    # Parameters

    head_paths : the heads of the datasets, with the config path that names each.
    settings : config of the model.

    # Raises

    ConfigurationError : a head has no config.
    """
    heads = settings.get("heads")
    if not heads or settings.get("head") is not None:
        return

    for name, path in head_paths.items():
        if name not in heads:
            raise ConfigurationError(
                f'no head "{name}" in model.heads.{nearest(name, heads)} Configured heads:'
                f" {', '.join(heads)}; model.head configures all others.",
                path,
                absolute=True,
            )


def _reads_of_head(settings: Mapping[str, Any], path: str) -> list[str]:
    """Return the towers that a head reads by its config or its class; empty for the preset."""
    target = class_of(Head, settings)
    return _reads(settings, path) or list(getattr(target, "default_reads", None) or ())


def _reads_of_objective(
    settings: Mapping[str, Any], path: str, heads: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the towers that an objective reads by its config or its class."""
    target = class_of(Objective, settings) or Objective
    return _reads(settings, path) or target.towers_read(settings, heads)


def _reads(settings: Mapping[str, Any], path: str) -> list[str]:
    check_some(settings.get("reads"), "tower, or null for the default", f"{path}.reads")
    return list(settings.get("reads") or [])


def _check_heads(head_paths: Mapping[str, str], heads: Collection[str]) -> None:
    """Check the names of the datasets' heads, and that each configured head has a dataset."""
    if not head_paths:
        raise ConfigurationError(
            "no dataset has a head: there is nothing to learn", "dataset_reader", absolute=True
        )

    for name, path in head_paths.items():
        _check_name(name, "head", path)
    for name in heads:
        if name not in head_paths:
            raise ConfigurationError(
                f"no dataset has this head.{nearest(name, head_paths)} Heads of datasets:"
                f" {', '.join(head_paths)}.",
                f"model.heads.{name}",
            )


def _check_name(name: str, component: str, path: str) -> None:
    # Parameters are named after heads and towers, with dots as separators.
    if "." in name or name == ENCODER or hasattr(torch.nn.ModuleDict(), name):
        raise ConfigurationError(
            f'"{name}" cannot be the name of a {component}: choose another', path, absolute=True
        )


def _check_reads(reads: Sequence[str], known: Sequence[str], path: str) -> None:
    for name in reads:
        if name not in known:
            raise ConfigurationError(
                f'no tower "{name}".{nearest(name, known)} Towers: {", ".join(known)}.', path
            )


def _check_towers(towers: Collection[str], read: Collection[str], path: str) -> None:
    for name in towers:
        if name not in read:
            raise ConfigurationError(
                f"nothing reads this tower.{nearest(name, read)} Towers that are read:"
                f" {', '.join(sorted(read))}.",
                f"{path}.{name}",
            )
