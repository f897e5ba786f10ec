"""One forward pass for all sharing architectures: encoder, towers, heads and objectives.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import below
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.building import (
    BuildCombination,
    build_heads,
    build_objectives,
    build_towers,
    check_objectives,
    filled,
    head_paths,
    state_sizes,
)
from ner_adv_plugin.models.flat_gold import flat_dataset
from ner_adv_plugin.models.planned_model import PlannedModel
from ner_adv_plugin.models.sharing_graph import ENCODER, sharing_graph
from ner_adv_plugin.models.tower_states import (
    concatenated,
    observed_towers,
    run_towers,
    states_as_of,
)
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import Head, TaggingHead
from ner_adv_plugin.modules.heads.losses import loss_per_character
from ner_adv_plugin.modules.loss_weighting import FixedWeighting, LossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective, Objective
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


class SharingModel(PlannedModel):
    """Base class of sharing architectures: one encoder, a graph of towers, heads and objectives.

    The encoder runs over all sentences, a tower over the sentences whose heads or objectives read
    it, a head over the sentences of its task. A subclass defines the towers that each head reads by
    default, and the default objectives, see `PlannedModel`.

    # Parameters

    vocab : supplied; lists the heads.
    encoder : the encoder, shared by all towers.
    preset : for each head the towers that it reads unless its config has `reads`.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name.
    inputs : for each tower that does not read the encoder alone, what it reads: "encoder" and names
        of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; `default_objectives` if None.
    loss_weighting : weighting of the task losses; "fixed" if None.
    only_heads : supplied in prediction; build only these heads and their towers, and no objectives.
    combinations : for each tower that combines others, what builds it from the sizes of the states
        that it reads.

    # Raises

    ConfigurationError : heads, towers, objectives and datasets do not fit together.
    """

    adds_divergence = True

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: Lazy[Encoder],
        preset: Mapping[str, list[str]],
        *,
        tower: Lazy[Seq2SeqEncoder] | None = None,
        towers: Mapping[str, Lazy[Seq2SeqEncoder]] | None = None,
        inputs: Mapping[str, list[str]] | None = None,
        head: Lazy[Head] | None = None,
        heads: Mapping[str, Lazy[Head]] | None = None,
        objectives: Sequence[Lazy[Objective]] | None = None,
        loss_weighting: Lazy[LossWeighting] | None = None,
        only_heads: Sequence[str] | None = None,
        combinations: Mapping[str, BuildCombination] | None = None,
    ) -> None:
        super().__init__(vocab)

        if objectives is None:
            objectives = construct(
                list[LazyObjective], list(self.default_objectives), "model.objectives"
            )
        settings = {
            "head": head,
            "heads": heads or {},
            "towers": towers or {},
            "objectives": objectives,
        }
        graph = sharing_graph(
            head_paths(vocab),
            preset,
            {**filled(settings), "inputs": inputs},
            whole=only_heads is None,
        )
        if only_heads is not None:
            graph, objectives, loss_weighting = graph.only(only_heads), (), None
        self.graph = graph

        self.encoder = encoder.construct(vocab=vocab)
        self.towers = build_towers(
            graph, self.encoder, vocab.heads, tower, towers or {}, combinations or {}
        )
        sizes = state_sizes(self.encoder, self._towers())
        self.heads = build_heads(graph, self.encoder, sizes, vocab, head, heads or {})
        del sizes[ENCODER]
        self.objectives = build_objectives(objectives, vocab, sizes, self.heads)
        for objective in self._objectives():
            objective.attach(self)
        check_objectives(graph, self._objectives())

        names = list(graph.reads)
        self.loss_weighting = (
            loss_weighting.construct(heads=names) if loss_weighting else FixedWeighting(names)
        )
        self.loss_weighting.attach(dict(self.named_parameters()), graph.reads)

    @property
    def alphabet(self) -> Alphabet:
        """See `Model.alphabet`."""
        return self.encoder.alphabet

    def add_words(self, path: str | Path) -> None:
        """See `Model.add_words`."""
        self.encoder.add_words(path)

    def save_files(self, directory: Path) -> None:
        """See `Model.save_files`."""
        self.encoder.save_files(directory)

    # `ModuleDict` and `ModuleList` do not know the types of their modules.
    def _towers(self) -> dict[str, Seq2SeqEncoder]:
        return cast(dict[str, Seq2SeqEncoder], dict(self.towers.items()))

    def _objectives(self) -> list[Objective]:
        return cast(list[Objective], list(self.objectives))

    def targets(self, dataset: EncodedDataset, training: bool = True) -> dict[str, Targets]:
        """See `Model.targets`."""
        targets: dict[str, Targets] = {}
        if dataset.head is not None and dataset.head in self.heads:
            head = self._head(dataset.head)
            representable = dataset if head.nested else flat_dataset(dataset, head, training)
            targets[f"heads.{dataset.head}"] = head.targets(representable)
        for index, objective in enumerate(self._objectives() if training else []):
            with below(f"model.objectives.{index}"):
                objective_targets = objective.targets(dataset)
            if objective_targets:
                targets[f"objectives.{index}"] = objective_targets
        return targets

    def trainable_by_loss(self) -> dict[str, set[str]]:
        """See `Model.trainable_by_loss`: those of encoder, towers, heads and objectives."""
        modules = {
            f"heads.{head}": [f"heads.{head}", *self._towers_of(reads)]
            for head, reads in self.graph.reads.items()
        }
        for index, objective in enumerate(self._objectives()):
            heads = [f"heads.{head}" for head in objective.trained_heads]
            own = [f"objectives.{index}", *heads, *self._towers_of(objective.reads)]
            modules[f"objectives.{index}"] = own

        trainable = [name for name, own in self.named_parameters() if own.requires_grad]
        return {
            loss: {name for name in trainable if name.startswith(_prefixes(names))}
            for loss, names in modules.items()
        }

    def _towers_of(self, reads: Sequence[str]) -> list[str]:
        """Return the modules on which the states of towers, or of the encoder, depend."""
        return [ENCODER, *(f"towers.{name}" for name in self.graph.sources_of(reads))]

    def routes(self, batch: Batch, head: str | None = None) -> dict[str, list[int]]:
        """Return the indices of the sentences that each tower runs over; see `SharingGraph.route`.

        # Parameters

        batch : the sentences, with the targets of objectives.
        head : the head that reads all sentences, as in prediction; each sentence's own head if
            None.
        """
        if head is not None:
            return self.graph.route([head] * len(batch), frozenset())

        further: dict[str, set[int]] = {}
        for index, objective in enumerate(self._objectives()):
            sentences = objective.sentences(batch.owned_by(f"objectives.{index}"))
            for name in objective.reads if sentences else ():
                further.setdefault(name, set()).update(sentences)
        return self.graph.route(
            batch.heads, observed_towers(self.graph, self._objectives()), further
        )

    def _tower_states(
        self, batch: Batch, head: str | None = None
    ) -> tuple[dict[str, TowerStates], dict[str, TowerStates]]:
        """Run the encoder over all sentences, and each tower over the sentences of its route.

        # Returns

        States for heads to read, and states for objectives to read: see `run_towers`.
        """
        inputs, routes = self._inputs(batch, head), self.routes(batch, head)
        batch = batch.without_targets()

        encoded_BLD = self.encoder(replace(batch, token_ids_BL=inputs))
        encoded = TowerStates(encoded_BLD, list(range(len(batch))), batch)
        return run_towers(self.graph, self._towers(), encoded, routes, self._watched, head)

    def _inputs(self, batch: Batch, head: str | None) -> Tensor:
        """Return the character indices that the encoder reads, (B, L), see `Head.inputs`."""
        for name in self.heads if head is None else [head]:
            own = batch.owned_by(f"heads.{name}")
            batch = replace(batch, token_ids_BL=self._head(name).inputs(own))
        return batch.token_ids_BL

    def _watched(self, states: dict[str, TowerStates]) -> dict[str, TowerStates]:
        """Let objectives measure the gradients of heads and of other towers."""
        states = dict(states)
        if self.training:
            for objective in self._objectives():
                states = objective.watched(states)
        return states

    def _predictions(
        self, states: Mapping[str, TowerStates], batch: Batch
    ) -> dict[str, TowerStates]:
        """Return the predictions of heads that objectives read, as states of all sentences."""
        names = dict.fromkeys(name for own in self._objectives() for name in own.predictions)
        sentences = list(range(len(batch)))
        predictions = {}
        # They are constants for the gradient.
        with torch.no_grad():
            for name in names:
                own = states_as_of(name, self.graph, self._towers(), states, batch, sentences)
                states_BLD = concatenated(own, self.graph.reads[name], sentences)
                tags_BLT = cast(TaggingHead, self.heads[name]).posteriors(states_BLD, batch)
                predictions[f"heads.{name}"] = TowerStates(tags_BLT, sentences, batch)
        return predictions

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """See `Model.forward`."""
        states, observed = self._tower_states(batch)
        losses: dict[str, Tensor] = {}
        statistics: Statistics = {}

        for name in self.heads:
            if sentences := batch.sentences_of(name):
                loss, reported = self._task_loss(name, states, batch, sentences)
                losses[f"heads.{name}"] = loss
                statistics.update({f"{name}_{key}": value for key, value in reported.items()})

        observed = {**observed, **self._predictions(observed, batch)}
        for index, objective in enumerate(self._objectives()):
            loss, reported = objective(observed, batch.owned_by(f"objectives.{index}"), progress)
            # A loss without a gradient has found nothing to learn from.
            if loss.requires_grad or not torch.is_grad_enabled():
                losses[f"objectives.{index}"] = objective.weight_at(progress) * loss
            whole = (loss.detach() * batch.total, len(batch))
            statistics.update(self._named_statistics(index, {"objective_loss": whole, **reported}))

        statistics.update(self.loss_weighting.report())
        statistics["positions_per_character"] = (self.encoder.positions, sum(batch.lengths))
        result: dict[str, Any] = {"statistics": statistics}
        if losses:
            result["losses"] = {name: loss.float() for name, loss in losses.items()}
            result["loss"] = torch.stack([*result["losses"].values()]).sum()
        return result

    def _task_loss(
        self, name: str, states: Mapping[str, TowerStates], batch: Batch, sentences: list[int]
    ) -> tuple[Tensor, Statistics]:
        """Compute the weighted loss of a task on its sentences.

        # Returns

        The loss, and statistics to report under the name of the task.
        """
        head = self._head(name)
        task_batch = batch.owned_by(f"heads.{name}").select(sentences)
        output = head(concatenated(states, self.graph.reads[name], sentences), task_batch)
        loss_B = head.loss(output, task_batch)
        statistics = {**head.statistics(output, loss_B.detach(), task_batch)}

        if batch.divergence_weight:
            divergence_B = head.divergence(output, task_batch).repeat_interleave(2)
            per_character_B = loss_per_character(divergence_B.detach(), task_batch)
            statistics["divergence"] = (per_character_B.sum(), len(sentences))
            loss_B = loss_B + batch.divergence_weight * divergence_B

        loss = head.task_loss(loss_B, task_batch)
        total = batch.totals[name]
        statistics["optimized_loss"] = (loss.detach() * total, len(sentences))
        return self.loss_weighting(name, head.weight, loss, len(sentences) / total), statistics

    def _named_statistics(self, index: int, statistics: Statistics) -> Statistics:
        """Name the statistics of an objective; by its index, too, if there are several."""
        prefix = "" if len(self.objectives) == 1 else f"objective_{index}_"
        return {f"{prefix}{key}": value for key, value in statistics.items()}

    def end_step(self) -> Statistics:
        """See `Model.end_step`."""
        statistics: Statistics = {}
        for index, objective in enumerate(self._objectives()):
            statistics.update(self._named_statistics(index, objective.end_step()))
        self.loss_weighting.end_step()
        return statistics

    def end_epoch(self) -> None:
        """See `Model.end_epoch`."""
        self.loss_weighting.end_epoch()

    def encode(self, batch: Batch) -> Tensor:
        """See `Model.encode`."""
        states_BLD: Tensor = self.encoder(batch)
        return states_BLD

    def head_output(
        self, states: Mapping[str, TowerStates], batch: Batch, head: str, sentences: list[int]
    ) -> tuple[Batch, Any]:
        """Run a head over some sentences of a batch, as if all were of its task.

        # Parameters

        states : states of the towers that it reads, for objectives to read.
        batch : the whole micro-batch.
        head : name of the head.
        sentences : indices of the sentences, over which these towers ran.

        # Returns

        The batch of these sentences, and the output of the head.
        """
        selected = batch.select(sentences)
        states = states_as_of(head, self.graph, self._towers(), states, batch, sentences)
        states_BLD = concatenated(states, self.graph.reads[head], sentences)
        return selected, self._head(head)(states_BLD, selected)

    def output(self, batch: Batch, head: str) -> tuple[Batch, Any]:
        """See `AnsweringModel.output`."""
        head_batch = batch.owned_by(f"heads.{head}")
        states, _ = self._tower_states(batch, head)
        states_BLD = concatenated(states, self.graph.reads[head], list(range(len(batch))))
        return head_batch, self._head(head)(states_BLD, head_batch)


def _prefixes(modules: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}." for name in modules)
