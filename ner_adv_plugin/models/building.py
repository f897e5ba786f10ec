"""Building the parts of a sharing model from its graph and their configs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.sharing_graph import ENCODER, SharingGraph
from ner_adv_plugin.models.tower_states import observed_towers
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import CrfHead, Head, TaggingHead
from ner_adv_plugin.modules.initialisation import named_initialisation
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.towers import Combination, build_tower, default_tower

BuildCombination: TypeAlias = Callable[[Sequence[int]], Combination]


def build_towers(
    graph: SharingGraph,
    encoder: Encoder,
    tasks: list[str],
    default: Lazy[Seq2SeqEncoder] | None,
    named: Mapping[str, Lazy[Seq2SeqEncoder]],
    combinations: Mapping[str, BuildCombination],
) -> torch.nn.ModuleDict:
    """Build the towers of a graph, each after those that it reads.

    # Parameters

    graph : the graph.
    encoder : the encoder, whose states the towers read.
    tasks : names of the heads, for towers that embed the task.
    default : config of the towers that are not in `named`; a bidirectional LSTM if None.
    named : configs of towers by name.
    combinations : for each tower that combines others, what builds it from the sizes of the states
        that it reads.

    # Returns

    Towers by name.
    """
    towers: dict[str, Seq2SeqEncoder] = {}
    for name in graph.towers:
        sizes = state_sizes(encoder, towers)
        input_sizes = [sizes[source] for source in graph.inputs_of(name)]
        with named_initialisation(f"towers.{name}"):
            if name in combinations:
                towers[name] = combinations[name](input_sizes)
            else:
                lazy = named.get(name) or default or default_tower()
                towers[name] = build_tower(lazy, sum(input_sizes), tasks)
    return torch.nn.ModuleDict(towers)


def state_sizes(encoder: Encoder, towers: Mapping[str, Seq2SeqEncoder]) -> dict[str, int]:
    """Return the sizes of the states of the encoder and of towers, by name."""
    return {
        ENCODER: encoder.get_output_dim(),
        **{name: tower.get_output_dim() for name, tower in towers.items()},
    }


def build_heads(
    graph: SharingGraph,
    encoder: Encoder,
    sizes: Mapping[str, int],
    vocab: Vocabulary,
    default: Lazy[Head] | None,
    named: Mapping[str, Lazy[Head]],
) -> torch.nn.ModuleDict:
    """Build the heads of a graph.

    # Parameters

    graph : the graph.
    encoder : the encoder, which the heads get to know.
    sizes : sizes of the states of the encoder and of the towers, by name.
    vocab : the run's vocabulary.
    default : config of the heads that are not in `named`; "crf" if None.
    named : configs of heads by name.

    # Returns

    Heads by name.
    """
    heads = torch.nn.ModuleDict()
    for name, reads in graph.reads.items():
        lazy = named.get(name) or default
        label_space, input_dim = vocab.label_space(name), sum(sizes[tower] for tower in reads)
        with named_initialisation(f"heads.{name}"):
            head = (
                CrfHead(label_space=label_space, input_dim=input_dim)
                if lazy is None
                else lazy.construct(label_space=label_space, input_dim=input_dim)
            )
            head.attach(encoder)
        heads[name] = head
    return heads


def build_objectives(
    lazies: Sequence[Lazy[Objective]],
    vocab: Vocabulary,
    sizes: Mapping[str, int],
    heads: torch.nn.ModuleDict,
) -> torch.nn.ModuleList:
    """Build the objectives.

    # Parameters

    lazies : configs of the objectives.
    vocab : the run's vocabulary.
    sizes : sizes of the states of the towers, by name.
    heads : the heads of the model, whose predictions an objective may read.
    """
    tag_counts = {
        name: len(head.labels) for name, head in heads.items() if isinstance(head, TaggingHead)
    }
    objectives = torch.nn.ModuleList()
    for index, lazy in enumerate(lazies):
        with named_initialisation(f"objectives.{index}"):
            objectives.append(lazy.construct(vocab=vocab, dims=sizes, tag_counts=tag_counts))
    return objectives


def check_objectives(graph: SharingGraph, objectives: Sequence[Objective]) -> None:
    """Refuse an objective that reads a tower that does not run over any sentence.

    # Raises

    ConfigurationError : names the objective and the tower.
    """
    running = replace(graph, observed=observed_towers(graph, objectives)).towers
    for index, objective in enumerate(objectives):
        for name in objective.reads:
            if name not in running:
                raise ConfigurationError(
                    f'no head reads tower "{name}", so it does not run over any sentence',
                    f"model.objectives.{index}.reads",
                )


def head_paths(vocab: Vocabulary) -> dict[str, str]:
    """Return for each head of the datasets the config path that names it."""
    return {
        space.head: f"dataset_reader.readers.{name}.head"
        for name, space in vocab.datasets.items()
        if space.head is not None
    }


def filled(value: Any) -> Any:
    """Replace lazy components, however nested, by their configs."""
    if isinstance(value, Lazy):
        return value.filled
    if isinstance(value, Mapping):
        return {name: filled(child) for name, child in value.items()}
    return [filled(child) for child in value] if isinstance(value, Sequence) else value
