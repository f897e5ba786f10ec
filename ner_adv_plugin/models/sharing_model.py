"""One forward pass for all sharing architectures: encoder, towers, heads and objectives.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, cast

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.answering import AnsweringModel
from ner_adv_plugin.models.flat_gold import flat_dataset
from ner_adv_plugin.models.sharing_graph import (
    ENCODER,
    SharingGraph,
    check_described,
    sharing_graph,
)
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import CrfHead, Head, TaggingHead
from ner_adv_plugin.modules.heads.head import loss_per_character
from ner_adv_plugin.modules.initialisation import named_initialisation
from ner_adv_plugin.modules.loss_weighting import FixedWeighting, LossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective, Objective
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import (
    Combination,
    TaskTower,
    TowerStates,
    build_tower,
    default_tower,
    run_together,
    run_tower,
)

BuildCombination: TypeAlias = Callable[[Sequence[int]], Combination]


class SharingModel(AnsweringModel):
    """Base class of sharing architectures: one encoder, a graph of towers, heads and objectives.

    The encoder runs over all sentences, a tower over the sentences whose heads or objectives read
    it, a head over the sentences of its task. A subclass defines the towers that each head reads by
    default, and the default objectives.

    # Parameters

    vocab : supplied; lists the heads.
    encoder : the encoder, shared by all towers.
    preset : for each head the towers that it reads unless its config has `reads`.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; `default_objectives` if None.
    loss_weighting : weighting of the task losses; "fixed" if None.
    only_heads : supplied in prediction; build only these heads and their towers, and no objectives.
    inputs : for each tower that does not read the encoder alone, what it reads: "encoder" and names
        of towers.
    combinations : for each tower that combines others, what builds it from the sizes of the states
        that it reads.

    # Raises

    ConfigurationError : heads, towers, objectives and datasets do not fit together.
    """

    adds_divergence = True
    default_objectives: ClassVar[Sequence[Mapping[str, Any]]] = ()

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: Lazy[Encoder],
        preset: Mapping[str, list[str]],
        tower: Lazy[Seq2SeqEncoder] | None = None,
        towers: Mapping[str, Lazy[Seq2SeqEncoder]] | None = None,
        head: Lazy[Head] | None = None,
        heads: Mapping[str, Lazy[Head]] | None = None,
        objectives: Sequence[Lazy[Objective]] | None = None,
        loss_weighting: Lazy[LossWeighting] | None = None,
        only_heads: Sequence[str] | None = None,
        inputs: Mapping[str, list[str]] | None = None,
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
            _head_paths(vocab),
            preset,
            {**_filled(settings), "inputs": inputs},
            whole=only_heads is None,
        )
        if only_heads is not None:
            graph, objectives, loss_weighting = graph.only(only_heads), (), None
        self.graph = graph

        self.encoder = encoder.construct(vocab=vocab)
        self.towers = torch.nn.ModuleDict()
        self.heads = torch.nn.ModuleDict()
        dims = self._build_towers(tower, towers or {}, combinations or {})
        self._build_heads(head, heads or {}, dims)
        del dims[ENCODER]

        self.objectives = torch.nn.ModuleList()
        for index, lazy in enumerate(objectives):
            with named_initialisation(f"objectives.{index}"):
                self.objectives.append(
                    lazy.construct(vocab=vocab, dims=dims, tag_counts=self._tag_counts())
                )
        for objective in self._objectives():
            objective.attach(self)
        self._check_objectives()
        names = list(graph.reads)
        self.loss_weighting = (
            loss_weighting.construct(heads=names) if loss_weighting else FixedWeighting(names)
        )
        self.loss_weighting.attach(dict(self.named_parameters()), graph.reads)

    def _build_towers(
        self,
        default: Lazy[Seq2SeqEncoder] | None,
        named: Mapping[str, Lazy[Seq2SeqEncoder]],
        combinations: Mapping[str, BuildCombination],
    ) -> dict[str, int]:
        """Build the towers of the graph; return the state size of each, and of the encoder."""
        dims = {ENCODER: self.encoder.get_output_dim()}
        for name in self.graph.towers:
            sizes = [dims[source] for source in self.graph.inputs_of(name)]
            with named_initialisation(f"towers.{name}"):
                if name in combinations:
                    self.towers[name] = combinations[name](sizes)
                else:
                    self.towers[name] = build_tower(
                        named.get(name) or default or default_tower(), sum(sizes), self.vocab.heads
                    )
            dims[name] = self._tower(name).get_output_dim()
        return dims

    def _build_heads(
        self, default: Lazy[Head] | None, named: Mapping[str, Lazy[Head]], dims: Mapping[str, int]
    ) -> None:
        """Build the heads of the graph, given the state sizes of towers and encoder."""
        for name, reads in self.graph.reads.items():
            label_space = self.vocab.label_space(name)
            input_dim = sum(dims[tower] for tower in reads)
            with named_initialisation(f"heads.{name}"):
                self.heads[name] = _build_head(
                    named.get(name) or default, label_space=label_space, input_dim=input_dim
                )
                self._head(name).attach(self.encoder)

    @classmethod
    def preset(
        cls, heads: Sequence[str], settings: Mapping[str, Any]
    ) -> dict[str, list[str]] | None:
        """Return the towers that each head reads unless its config has `reads`.

        # Parameters

        heads : names of the heads.
        settings : config of the model, defaults filled in.

        # Returns

        Names of towers by head; None if they are known only after the model is built, as in this
        base class.
        """
        return None

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: heads, towers, objectives and datasets must fit together."""
        if context.run is None:
            return

        objectives = settings.get("objectives")
        if objectives is None:
            # The default objectives are not part of the config, and so not checked with it.
            default = bind(list[LazyObjective], list(cls.default_objectives), "model.objectives")
            check_parts(default, context.run, "model.objectives")
            objectives = default.filled

        heads = context.run.heads
        cls.planned_graph(heads, {**settings, "objectives": objectives})
        check_described(heads, settings)

    @classmethod
    def planned_graph(
        cls, heads: Mapping[str, str], settings: Mapping[str, Any]
    ) -> SharingGraph | None:
        """Return the graph of a model that is not built.

        # Parameters

        heads : heads of the datasets, with the config path that names each.
        settings : config of the model, defaults filled in.

        # Returns

        The graph; None if it is known only after the model is built.
        """
        preset = cls.preset(list(heads), settings)
        if preset is None:
            return None

        inputs = {**cls.preset_inputs(list(heads), settings), **(settings.get("inputs") or {})}
        return sharing_graph(heads, preset, {**settings, "inputs": inputs})

    @classmethod
    def combinations(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
        """Return the names of the towers that only combine others, by default none.

        # Parameters

        heads : names of the heads.
        settings : config of the model, defaults filled in.
        """
        return []

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            "tower": default_tower().filled,
            "head": {"type": Head.default_implementation},
            "objectives": [*cls.default_objectives],
            "loss_weighting": {"type": LossWeighting.default_implementation},
        }

    @classmethod
    def preset_inputs(
        cls, heads: Sequence[str], settings: Mapping[str, Any]
    ) -> dict[str, list[str]]:
        """Return the default `inputs` of towers that do not read the encoder alone.

        # Parameters

        heads : names of the heads.
        settings : config of the model, defaults filled in.
        """
        return {}

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
    def _tower(self, name: str) -> Seq2SeqEncoder:
        return cast(Seq2SeqEncoder, self.towers[name])

    def _objectives(self) -> list[Objective]:
        return [cast(Objective, module) for module in self.objectives]

    def _tag_counts(self) -> dict[str, int]:
        """Number of tags of each head that tags characters."""
        return {
            name: len(head.labels)
            for name, head in self.heads.items()
            if isinstance(head, TaggingHead)
        }

    def _observed_towers(self) -> frozenset[str]:
        """Names of the towers that run over every sentence, because an objective reads them."""
        names: set[str] = set()
        for objective in self._objectives():
            if objective.every_sentence:
                names.update(objective.reads)
            for head in objective.predictions:
                names.update(self.graph.reads[head])
        return frozenset(names)

    def _check_objectives(self) -> None:
        """Refuse an objective that reads a tower that does not run over any sentence."""
        running = replace(self.graph, observed=self._observed_towers()).towers
        for index, objective in enumerate(self._objectives()):
            for name in objective.reads:
                if name not in running:
                    raise ConfigurationError(
                        f'no head reads tower "{name}", so it does not run over any sentence',
                        f"model.objectives.{index}.reads",
                    )

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
        return self.graph.route(batch.heads, self._observed_towers(), further)

    def _tower_states(
        self, batch: Batch, head: str | None = None
    ) -> tuple[dict[str, TowerStates], dict[str, TowerStates]]:
        """Run the encoder over all sentences, and each tower over the sentences of its route.

        # Returns

        States for heads to read, and states for objectives to read: the same values, with
        gradients that objectives can tell apart.
        """
        inputs, routes = self._inputs(batch, head), self.routes(batch, head)
        batch = batch.without_targets()

        encoded_BLD = self.encoder(replace(batch, token_ids_BL=inputs))
        states = {ENCODER: TowerStates(encoded_BLD, list(range(len(batch))), batch)}
        first_towers = {
            name: self._tower(name) for name in routes if self.graph.inputs_of(name) == [ENCODER]
        }
        observed = {**states, **run_together(first_towers, encoded_BLD, batch, routes)}
        states = self._watched(observed)
        for name, sentences in routes.items():
            if name not in states:
                inputs_BLD = _concatenated(states, self.graph.inputs_of(name), sentences)
                observed[name] = run_tower(self._tower(name), inputs_BLD, batch, sentences, head)
                states.update(self._watched({name: observed[name]}))
        return states, observed

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
                own = self._states_as_of(name, states, batch, sentences)
                states_BLD = _concatenated(own, self.graph.reads[name], sentences)
                tags_BLT = cast(TaggingHead, self.heads[name]).posteriors(states_BLD, batch)
                predictions[f"heads.{name}"] = TowerStates(tags_BLT, sentences, batch)
        return predictions

    def _states_as_of(
        self, head: str, states: Mapping[str, TowerStates], batch: Batch, sentences: list[int]
    ) -> Mapping[str, TowerStates]:
        """Return states as a head reads them in prediction, also of sentences of other tasks.

        Towers that read the task of a sentence run again.
        """
        if all(batch.heads[i] == head for i in sentences):
            return states
        states, again = dict(states), set[str]()
        for name in self.graph.only([head]).towers:
            inputs, tower = self.graph.inputs_of(name), self._tower(name)
            if isinstance(tower, TaskTower) or again.intersection(inputs):
                inputs_BLD = _concatenated(states, inputs, sentences)
                states[name] = run_tower(tower, inputs_BLD, batch, sentences, head)
                again.add(name)
        return states

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """See `Model.forward`."""
        states, observed = self._tower_states(batch)
        losses: dict[str, Tensor] = {}
        statistics: Statistics = {}

        for name in self.heads:
            head = self._head(name)
            sentences = batch.sentences_of(name)
            if not sentences:
                continue
            task_batch = batch.owned_by(f"heads.{name}").select(sentences)
            states_BLD = _concatenated(states, self.graph.reads[name], sentences)
            output = head(states_BLD, task_batch)
            loss_B = head.loss(output, task_batch)
            for key, value in head.statistics(output, loss_B.detach(), task_batch).items():
                statistics[f"{name}_{key}"] = value
            if batch.divergence_weight:
                divergence_B = head.divergence(output, task_batch).repeat_interleave(2)
                per_character_B = loss_per_character(divergence_B.detach(), task_batch)
                statistics[f"{name}_divergence"] = (per_character_B.sum(), len(sentences))
                loss_B = loss_B + batch.divergence_weight * divergence_B
            loss = head.task_loss(loss_B, task_batch)
            share = len(sentences) / batch.totals[name]
            losses[f"heads.{name}"] = self.loss_weighting(name, head.weight, loss, share)
            optimized = loss.detach() * batch.totals[name]
            statistics[f"{name}_optimized_loss"] = (optimized, len(sentences))

        observed = {**observed, **self._predictions(observed, batch)}
        for index, objective in enumerate(self._objectives()):
            loss, reported = objective(observed, batch.owned_by(f"objectives.{index}"), progress)
            # A loss without a gradient has found nothing to learn from.
            if loss.requires_grad or not torch.is_grad_enabled():
                losses[f"objectives.{index}"] = objective.weight_at(progress) * loss
            prefix = "" if len(self.objectives) == 1 else f"objective_{index}_"
            statistics[f"{prefix}objective_loss"] = (loss.detach() * batch.total, len(batch))
            statistics.update({f"{prefix}{key}": value for key, value in reported.items()})

        statistics.update(self.loss_weighting.report())
        statistics["positions_per_character"] = (self.encoder.positions, sum(batch.lengths))
        result: dict[str, Any] = {"statistics": statistics}
        if losses:
            result["losses"] = {name: loss.float() for name, loss in losses.items()}
            result["loss"] = torch.stack([*result["losses"].values()]).sum()
        return result

    def end_step(self) -> Statistics:
        """See `Model.end_step`."""
        statistics: Statistics = {}
        for index, objective in enumerate(self._objectives()):
            prefix = "" if len(self.objectives) == 1 else f"objective_{index}_"
            statistics.update(
                {f"{prefix}{key}": value for key, value in objective.end_step().items()}
            )
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
        states = self._states_as_of(head, states, batch, sentences)
        states_BLD = _concatenated(states, self.graph.reads[head], sentences)
        return selected, self._head(head)(states_BLD, selected)

    def output(self, batch: Batch, head: str) -> tuple[Batch, Any]:
        """See `AnsweringModel.output`."""
        head_batch = batch.owned_by(f"heads.{head}")
        states, _ = self._tower_states(batch, head)
        states_BLD = _concatenated(states, self.graph.reads[head], list(range(len(batch))))
        return head_batch, self._head(head)(states_BLD, head_batch)


def _head_paths(vocab: Vocabulary) -> dict[str, str]:
    """For each head of the datasets, the config path that names it."""
    spaces = vocab.datasets.items()
    return {
        space.head: f"dataset_reader.readers.{name}.head"
        for name, space in spaces
        if space.head is not None
    }


def _concatenated(
    states: Mapping[str, TowerStates], names: Sequence[str], sentences: list[int]
) -> Tensor:
    """Concatenate the states of several towers for some sentences, (B, L, sum of state sizes)."""
    tensors = [states[name].select(sentences) for name in names]
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, -1)


def _build_head(lazy: Lazy[Head] | None, **supplied: Any) -> Head:
    return CrfHead(**supplied) if lazy is None else lazy.construct(**supplied)


def _filled(value: Any) -> Any:
    """Replace lazy components, however nested, by their configs."""
    if isinstance(value, Lazy):
        return value.filled
    if isinstance(value, Mapping):
        return {name: _filled(child) for name, child in value.items()}
    return [_filled(child) for child in value] if isinstance(value, Sequence) else value
