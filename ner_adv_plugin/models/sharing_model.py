"""One forward for every shape of sharing: an encoder, a graph of towers, heads that read towers, objectives.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.flat_gold import flat_dataset
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_graph import ENCODER, check_described, sharing_graph
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import CrfHead, Head, Readings, TaggingHead
from ner_adv_plugin.modules.initialisation import named_initialisation
from ner_adv_plugin.modules.loss_weighting import FixedWeighting, LossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective, Objective, Statistics
from ner_adv_plugin.modules.towers import (
    TowerStates,
    build_tower,
    default_tower,
    run_together,
    run_tower,
)


class SharingModel(Model):
    """An encoder over all sentences, towers over the sentences whose heads or objectives read them, heads over their own.

    A subclass presets, for every head, the towers it reads, and which objectives there are.

    # Parameters

    vocab : supplied; names the heads.
    encoder : gives the states that towers read.
    preset : for every head the towers it reads where its config does not say.
    tower : every tower that `towers` does not name; a bidirectional LSTM of 128 by default.
    towers : towers by name.
    head : every head that `heads` does not name; "crf" where neither is given.
    heads : heads by name.
    objectives : losses beside the heads'; `default_objectives` where None.
    loss_weighting : how much every head's loss counts; "fixed" where None.
    only_heads : supplied in prediction; build only these heads, the towers they read, and no objectives.
    inputs : for towers that do not read the encoder alone, what they read: "encoder", and other towers.
    """

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
        graph = sharing_graph(_head_places(vocab), preset, {**_filled(settings), "inputs": inputs})
        if only_heads is not None:
            graph, objectives, loss_weighting = graph.only(only_heads), (), None
        self.graph = graph

        self.encoder = encoder.construct(vocab=vocab)
        self.towers = torch.nn.ModuleDict()
        self.heads = torch.nn.ModuleDict()
        dims = self._build_towers(tower, towers or {})
        self._build_heads(head, heads or {}, dims)

        self.objectives = torch.nn.ModuleList()
        for index, lazy in enumerate(objectives):
            with named_initialisation(f"objectives.{index}"):
                self.objectives.append(lazy.construct(vocab=vocab, dims=dims))
        self._check_objectives()
        names = list(graph.reads)
        self.loss_weighting = (
            loss_weighting.construct(heads=names) if loss_weighting else FixedWeighting(names)
        )

    def _build_towers(
        self, default: Lazy[Seq2SeqEncoder] | None, named: Mapping[str, Lazy[Seq2SeqEncoder]]
    ) -> dict[str, int]:
        """Build the towers of the graph and return the size of each one's states."""
        dims = {ENCODER: self.encoder.get_output_dim()}
        for name in self.graph.towers:
            width = sum(dims[source] for source in self.graph.inputs_of(name))
            with named_initialisation(f"towers.{name}"):
                self.towers[name] = build_tower(
                    named.get(name) or default or default_tower(), width, self.vocab.heads
                )
            dims[name] = self._tower(name).get_output_dim()
        del dims[ENCODER]
        return dims

    def _build_heads(
        self, default: Lazy[Head] | None, named: Mapping[str, Lazy[Head]], dims: Mapping[str, int]
    ) -> None:
        """Build the heads of the graph over towers whose states have these sizes."""
        for name, reads in self.graph.reads.items():
            space, size = self.vocab.label_space(name), sum(dims[tower] for tower in reads)
            lazy = named.get(name) or default
            with named_initialisation(f"heads.{name}"):
                self.heads[name] = _built(lazy, label_space=space, input_dim=size)

    @classmethod
    def preset(
        cls, heads: Sequence[str], settings: Mapping[str, Any]
    ) -> dict[str, list[str]] | None:
        """For every head the towers it reads where its own settings do not say.

        None, as here, where that is known only once the model is built.

        # Parameters

        heads : their names.
        settings : of the model, defaults filled in.
        """
        return None

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: heads, towers, objectives and datasets fit together."""
        if context.run is None:
            return

        objectives = settings.get("objectives")
        if objectives is None:
            # They stand in no config that is walked.
            default = bind(list[LazyObjective], list(cls.default_objectives), "model.objectives")
            check_parts(default, context.run, "model.objectives")
            objectives = default.filled

        heads = context.run.heads
        preset = cls.preset(list(heads), settings)
        if preset is not None:
            inputs = {**cls.preset_inputs(settings), **(settings.get("inputs") or {})}
            sharing_graph(heads, preset, {**settings, "inputs": inputs, "objectives": objectives})
        check_described(heads, settings)

    @classmethod
    def preset_inputs(cls, settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """What towers read where `inputs` does not say, of those that do not read the encoder alone.

        # Parameters

        settings : of the model, defaults filled in.
        """
        return {}

    @property
    def alphabet(self) -> Alphabet:
        """See `Model.alphabet`."""
        return self.encoder.alphabet

    def save_files(self, directory: Path) -> None:
        """See `Model.save_files`."""
        self.encoder.save_files(directory)

    # Containers of torch's do not say what they hold.
    def _tower(self, name: str) -> Seq2SeqEncoder:
        return cast(Seq2SeqEncoder, self.towers[name])

    def _head(self, name: str) -> Head:
        return cast(Head, self.heads[name])

    def _objectives(self) -> list[Objective]:
        return [cast(Objective, module) for module in self.objectives]

    def _observed_towers(self) -> frozenset[str]:
        """The towers that run over every sentence, as an objective reads them."""
        return frozenset(
            name
            for objective in self._objectives()
            if objective.every_sentence
            for name in objective.reads
        )

    def _check_objectives(self) -> None:
        """Refuse an objective that reads a tower which would run over no sentence."""
        run = replace(self.graph, observed=self._observed_towers()).towers
        for index, objective in enumerate(self._objectives()):
            for name in objective.reads:
                if name not in run:
                    raise ConfigurationError(
                        f'no head reads tower "{name}", so that it would run over no sentence',
                        f"model.objectives.{index}.reads",
                    )

    def targets(self, dataset: EncodedDataset, training: bool = True) -> dict[str, Targets]:
        """See `Model.targets`."""
        targets: dict[str, Targets] = {}
        if dataset.head is not None and dataset.head in self.heads:
            head = self._head(dataset.head)
            own = dataset if head.nested else flat_dataset(dataset, head, training)
            targets[f"heads.{dataset.head}"] = head.targets(own)
        for index, objective in enumerate(self._objectives()):
            if own_targets := objective.targets(dataset):
                targets[f"objectives.{index}"] = own_targets
        return targets

    def routes(self, batch: Batch, head: str | None = None) -> dict[str, list[int]]:
        """The sentences that each tower runs over; see `SharingGraph.route`.

        # Parameters

        batch : the sentences.
        head : the one head that reads every sentence, as in prediction; None for each sentence's own.
        """
        heads = batch.heads if head is None else [head] * len(batch)
        return self.graph.route(heads, self._observed_towers() if head is None else frozenset())

    def _tower_states(self, batch: Batch, head: str | None = None) -> dict[str, TowerStates]:
        """Run the encoder over all sentences, and each tower over those that something reads from it."""
        batch = batch.without_targets()
        routes = self.routes(batch, head)

        encoded_BLD = self.encoder(batch)
        states = {ENCODER: TowerStates(encoded_BLD, list(range(len(batch))), batch)}
        lowest = {
            name: self._tower(name) for name in routes if self.graph.inputs_of(name) == [ENCODER]
        }
        states.update(run_together(lowest, encoded_BLD, batch, routes))
        for name, sentences in routes.items():
            if name not in states:
                read_BLD = _joined(states, self.graph.inputs_of(name), sentences)
                states[name] = run_tower(self._tower(name), read_BLD, batch, sentences, head)
        return states

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """See `Model.forward`."""
        states = self._tower_states(batch)
        losses: dict[str, Tensor] = {}
        statistics: Statistics = {}

        for name in self.heads:
            head, sentences = self._head(name), batch.sentences_of(name)
            if not sentences:
                continue
            part = batch.owned_by(f"heads.{name}").select(sentences)
            output = head(_joined(states, self.graph.reads[name], sentences), part)
            loss = head.task_loss(head.loss(output, part), part)
            share = len(sentences) / batch.totals[name]
            losses[f"heads.{name}"] = self.loss_weighting(name, head.weight, loss, share)
            statistics[f"{name}_loss"] = (loss.detach() * batch.totals[name], len(sentences))

        for index, objective in enumerate(self._objectives()):
            loss, reported = objective(states, batch.owned_by(f"objectives.{index}"), progress)
            # Without a gradient it found nothing to learn from.
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

    def predict(
        self, batch: Batch, head: str, scored: bool = True
    ) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        """See `Model.predict`."""
        own, output = self._output(batch, head)
        loss_B = self._head(head).loss(output, own) if own.targets else None
        return self._head(head).decode_spans(output, own, scored), loss_B

    def span_probabilities(
        self, batch: Batch, head: str, temperatures: Sequence[float]
    ) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        """See `Model.span_probabilities`."""
        own, output = self._output(batch, head)
        module = self._head(head)
        spans = module.decode_spans(output, own, scored=False)
        table = SpanTable.of(spans, module.label_space.types)
        return spans, np.stack(
            [module.span_probabilities(output, own, table, t) for t in temperatures]
        )

    def rank(self, batch: Batch, head: str, n: int, entropy: bool = False) -> Readings:
        """See `Model.rank`."""
        own, output = self._output(batch, head)
        return self._head(head).rank(output, own, n, entropy)

    def check_calibration(self, head: str) -> None:
        """See `Model.check_calibration`."""
        self._head(head).check_calibration()

    def set_temperature(self, head: str, temperature: float) -> None:
        """See `Model.set_temperature`."""
        self._head(head).temperature.fill_(temperature)

    def check_ranking(self, head: str) -> None:
        """See `Model.check_ranking`."""
        self._head(head).check_ranking()

    def encode(self, batch: Batch) -> Tensor:
        """See `Model.encode`."""
        states_BLD: Tensor = self.encoder(batch)
        return states_BLD

    def scheme(self, head: str) -> TagScheme | None:
        """See `Model.scheme`."""
        module = self._head(head)
        return module.scheme if isinstance(module, TaggingHead) else None

    def _output(self, batch: Batch, head: str) -> tuple[Batch, Any]:
        """The batch as one head sees it, and the head's output for every sentence."""
        own = batch.owned_by(f"heads.{head}")
        states_BLD = _joined(
            self._tower_states(batch, head), self.graph.reads[head], list(range(len(batch)))
        )
        return own, self._head(head)(states_BLD, own)


def _head_places(vocab: Vocabulary) -> dict[str, str]:
    """The heads of the datasets, and where the config names each."""
    spaces = vocab.datasets.items()
    return {
        space.head: f"dataset_reader.readers.{name}.head"
        for name, space in spaces
        if space.head is not None
    }


def _joined(
    states: Mapping[str, TowerStates], names: Sequence[str], sentences: list[int]
) -> Tensor:
    """States of some sentences, of several towers side by side."""
    parts = [states[name].select(sentences) for name in names]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def _built(lazy: Lazy[Head] | None, **supplied: Any) -> Head:
    return CrfHead(**supplied) if lazy is None else lazy.construct(**supplied)


def _filled(part: Any) -> Any:
    """The settings of lazy parts, however nested."""
    if isinstance(part, Lazy):
        return part.filled
    if isinstance(part, Mapping):
        return {name: _filled(child) for name, child in part.items()}
    return [_filled(child) for child in part] if isinstance(part, Sequence) else part
