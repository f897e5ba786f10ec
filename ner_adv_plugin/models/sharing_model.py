"""One forward for every shape of sharing: an encoder, a graph of towers, heads that read towers, objectives.

Shape suffixes: B rows, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
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
from ner_adv_plugin.models.sharing_graph import ENCODER, SharingGraph, check_described, sharing_graph
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import CrfHead, Head, Readings, TaggingHead
from ner_adv_plugin.modules.loss_weighting import FixedWeighting, LossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective, Objective, Statistics
from ner_adv_plugin.modules.towers import TowerStates, build_tower, default_tower, run_together, run_tower


class SharingModel(Model):
    """An encoder over all rows, towers over the rows whose heads or objectives read them, heads over their own.

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
        towers, heads = towers or {}, heads or {}
        if objectives is None:
            objectives = construct(list[LazyObjective], list(self.default_objectives), "model.objectives")
        spaces = vocab.datasets.items()
        fed = {space.head: f"dataset_reader.readers.{name}.head" for name, space in spaces if space.head is not None}
        settings = {"head": head, "heads": heads, "towers": towers, "objectives": objectives}
        graph = sharing_graph(fed, preset, {**_filled(settings), "inputs": inputs})
        if only_heads is not None:
            graph, objectives, loss_weighting = graph.only(only_heads), (), None
        self.reads = dict(graph.reads)
        self.encoder = encoder.construct(vocab=vocab)
        self.inputs = {name: graph.inputs_of(name) for name in graph.towers}
        dims = {ENCODER: self.encoder.get_output_dim()}
        self.towers = torch.nn.ModuleDict()
        for name, sources in self.inputs.items():
            width = sum(dims[source] for source in sources)
            self.towers[name] = build_tower(towers.get(name) or tower or default_tower(), width, vocab.heads)
            dims[name] = self._tower(name).get_output_dim()
        del dims[ENCODER]
        self.heads = torch.nn.ModuleDict()
        for name, reads in self.reads.items():
            space, size = vocab.label_space(name), sum(dims[tower] for tower in reads)
            self.heads[name] = _built(heads.get(name) or head, label_space=space, input_dim=size)
        self.objectives = torch.nn.ModuleList(o.construct(vocab=vocab, dims=dims) for o in objectives)
        self._check_objectives()
        names = list(self.reads)
        self.loss_weighting = loss_weighting.construct(heads=names) if loss_weighting else FixedWeighting(names)

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]] | None:
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

    def rows_of_towers(self, batch: Batch, head: str | None = None) -> dict[str, list[int]]:
        """The rows that each tower runs over: those whose heads read it, all where an objective does, and those of
        every tower that reads it.

        # Parameters

        batch : the rows.
        head : every row is read by this head alone, as in prediction.
        """
        heads = batch.heads if head is None else [head] * len(batch)
        wanted = self._towers_of_every_row() if head is None else ()
        rows: dict[str, list[int]] = {}
        for name in reversed(list(self.towers)):
            readers = {head for head, reads in self.reads.items() if name in reads}
            above = {row for tower, members in rows.items() if name in self.inputs[tower] for row in members}
            members = [i for i, head in enumerate(heads) if name in wanted or head in readers or i in above]
            if members:
                rows[name] = members
        return dict(reversed(rows.items()))

    # Containers of torch's do not say what they hold.
    def _tower(self, name: str) -> Seq2SeqEncoder:
        return cast(Seq2SeqEncoder, self.towers[name])

    def _head(self, name: str) -> Head:
        return cast(Head, self.heads[name])

    def _objectives(self) -> list[Objective]:
        return [cast(Objective, module) for module in self.objectives]

    def _towers_of_every_row(self) -> set[str]:
        return {name for objective in self._objectives() if objective.every_row for name in objective.reads}

    def _check_objectives(self) -> None:
        # Whatever reads a tower says for which rows it runs: one must.
        run = SharingGraph(self.reads, frozenset(self._towers_of_every_row()), tuple(self.towers), self.inputs).towers
        for index, objective in enumerate(self._objectives()):
            for name in objective.reads:
                if name not in run:
                    raise ConfigurationError(
                        f'no head reads tower "{name}", so that it would run over no row',
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

    def _tower_states(self, batch: Batch, head: str | None = None) -> dict[str, TowerStates]:
        batch = batch.without_targets()
        encoded_BLD, rows_of = self.encoder(batch), self.rows_of_towers(batch, head)
        lowest = {name: self._tower(name) for name in rows_of if self.inputs[name] == [ENCODER]}
        states = {ENCODER: TowerStates(encoded_BLD, list(range(len(batch))), batch)}
        states.update(run_together(lowest, encoded_BLD, batch, rows_of))
        for name, rows in rows_of.items():
            if name not in states:
                states[name] = run_tower(self._tower(name), _joined(states, self.inputs[name], rows), batch, rows, head)
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
            output = head(_joined(states, self.reads[name], sentences), part)
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

    def predict(self, batch: Batch, head: str, scored: bool = True) -> tuple[list[list[ScoredSpan]], Tensor | None]:
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
        return spans, np.stack([module.span_probabilities(output, own, table, t) for t in temperatures])

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
        states_BLD = _joined(self._tower_states(batch, head), self.reads[head], list(range(len(batch))))
        return own, self._head(head)(states_BLD, own)


def _joined(states: Mapping[str, TowerStates], names: Sequence[str], rows: list[int]) -> Tensor:
    """States of some rows, of several towers side by side."""
    parts = [states[name].select(rows) for name in names]
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
