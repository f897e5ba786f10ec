"""Running the towers of a sharing graph: which states heads and objectives read.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models.sharing_graph import ENCODER, SharingGraph
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.towers import TaskTower, TowerStates, run_together, run_tower


def observed_towers(graph: SharingGraph, objectives: Sequence[Objective]) -> frozenset[str]:
    """Return the towers that run over every sentence, because an objective reads them."""
    names: set[str] = set()
    for objective in objectives:
        if objective.every_sentence:
            names.update(objective.reads)
        for head in objective.predictions:
            names.update(graph.reads[head])
    return frozenset(names)


def run_towers(
    graph: SharingGraph,
    towers: Mapping[str, Seq2SeqEncoder],
    encoded: TowerStates,
    routes: Mapping[str, list[int]],
    watched: Callable[[dict[str, TowerStates]], dict[str, TowerStates]],
    head: str | None = None,
) -> tuple[dict[str, TowerStates], dict[str, TowerStates]]:
    """Run each tower over the sentences of its route, after the towers that it reads.

    # Parameters

    graph : the graph of the towers.
    towers : towers by name.
    encoded : states of the encoder for all sentences.
    routes : for each tower the sentences that it runs over, in running order.
    watched : returns states as heads and other towers read them, see `Objective.watched`.
    head : the task of all sentences, as in prediction; each sentence's own task if None.

    # Returns

    States for heads to read, and states for objectives to read: the same values, with gradients
    that objectives can tell apart.
    """
    batch = encoded.batch
    first_towers = {name: towers[name] for name in routes if graph.inputs_of(name) == [ENCODER]}
    observed = {
        ENCODER: encoded,
        **run_together(first_towers, encoded.states_BLD, batch, routes),
    }
    states = watched(observed)
    for name, sentences in routes.items():
        if name not in states:
            inputs_BLD = concatenated(states, graph.inputs_of(name), sentences)
            observed[name] = run_tower(towers[name], inputs_BLD, batch, sentences, head)
            states.update(watched({name: observed[name]}))
    return states, observed


def states_as_of(
    head: str,
    graph: SharingGraph,
    towers: Mapping[str, Seq2SeqEncoder],
    states: Mapping[str, TowerStates],
    batch: Batch,
    sentences: list[int],
) -> Mapping[str, TowerStates]:
    """Return states as a head reads them in prediction, also of sentences of other tasks.

    Towers that read the task of a sentence run again.

    # Parameters

    head : name of the head.
    graph : the graph of the towers.
    towers : towers by name.
    states : states by tower, each of sentences with their own task.
    batch : the whole micro-batch.
    sentences : indices of the sentences, over which the towers of the head ran.
    """
    if all(batch.heads[i] == head for i in sentences):
        return states

    states, again = dict(states), set[str]()
    for name in graph.only([head]).towers:
        inputs, tower = graph.inputs_of(name), towers[name]
        if isinstance(tower, TaskTower) or again.intersection(inputs):
            inputs_BLD = concatenated(states, inputs, sentences)
            states[name] = run_tower(tower, inputs_BLD, batch, sentences, head)
            again.add(name)
    return states


def concatenated(
    states: Mapping[str, TowerStates], names: Sequence[str], sentences: list[int]
) -> Tensor:
    """Concatenate the states of several towers for some sentences, (B, L, sum of state sizes)."""
    tensors = [states[name].select(sentences) for name in names]
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, -1)
