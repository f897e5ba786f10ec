"""One forward for every shape of sharing: an encoder, a graph of towers, heads that read towers, objectives.

Shape suffixes: B rows, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_graph import check_described, sharing_graph
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import CrfHead, Head
from ner_adv_plugin.modules.objectives import LazyObjective, Objective, Statistics
from ner_adv_plugin.modules.towers import TowerStates, build_tower, default_tower, run_tower


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
    only_heads : supplied in prediction; build only these heads, the towers they read, and no objectives.
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
        only_heads: Sequence[str] | None = None,
    ) -> None:
        super().__init__(vocab)
        towers, heads = towers or {}, heads or {}
        if objectives is None:
            objectives = construct(list[LazyObjective], list(self.default_objectives), "model.objectives")
        spaces = vocab.datasets.items()
        fed = {space.head: f"dataset_reader.readers.{name}.head" for name, space in spaces if space.head is not None}
        settings = {"head": head, "heads": heads, "towers": towers, "objectives": objectives}
        graph = sharing_graph(fed, preset, _filled(settings))
        if only_heads is not None:
            graph, objectives = graph.only(only_heads), ()
        self.reads = dict(graph.reads)
        self.encoder = encoder.construct(vocab=vocab)
        width = self.encoder.get_output_dim()
        self.towers = torch.nn.ModuleDict()
        for name in graph.towers:
            self.towers[name] = build_tower(towers.get(name) or tower or default_tower(), width)
        dims = {name: self._tower(name).get_output_dim() for name in self.towers}
        self.heads = torch.nn.ModuleDict()
        for name, reads in self.reads.items():
            space, size = vocab.label_space(name), sum(dims[tower] for tower in reads)
            self.heads[name] = _built(heads.get(name) or head, label_space=space, input_dim=size)
        self.objectives = torch.nn.ModuleList(o.construct(vocab=vocab, dims=dims) for o in objectives)

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
    def check_config(cls, fed: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        """See `Model.check_config`."""
        preset = cls.preset(list(fed), settings)
        if preset is not None:
            given = settings.get("objectives")
            objectives = cls.default_objectives if given is None else given
            sharing_graph(fed, preset, {**settings, "objectives": objectives})
        check_described(fed, settings)

    @property
    def alphabet(self) -> Alphabet:
        """See `Model.alphabet`."""
        return self.encoder.alphabet

    def save_files(self, directory: Path) -> None:
        """See `Model.save_files`."""
        self.encoder.save_files(directory)

    def rows_of_towers(self, batch: Batch, head: str | None = None) -> dict[str, list[int]]:
        """The rows that each tower runs over: those whose heads read it, all where an objective does.

        # Parameters

        batch : the rows.
        head : every row is read by this head alone, as in prediction.
        """
        everything = list(range(len(batch)))
        if head is not None:
            return dict.fromkeys(self.reads[head], everything)
        wanted = {name for objective in self._objectives() for name in objective.reads}
        rows: dict[str, list[int]] = {}
        for name in self.towers:
            readers = {head for head, reads in self.reads.items() if name in reads}
            rows[name] = [i for i in everything if name in wanted or batch.heads[i] in readers]
        return {name: members for name, members in rows.items() if members}

    # Containers of torch's do not say what they hold.
    def _tower(self, name: str) -> Seq2SeqEncoder:
        return cast(Seq2SeqEncoder, self.towers[name])

    def _head(self, name: str) -> Head:
        return cast(Head, self.heads[name])

    def _objectives(self) -> list[Objective]:
        return [cast(Objective, module) for module in self.objectives]

    def _tower_states(self, batch: Batch, rows: Mapping[str, list[int]]) -> dict[str, TowerStates]:
        states_BLD = self.encoder(batch)
        return {name: run_tower(self._tower(name), states_BLD, batch, members) for name, members in rows.items()}

    def _read(self, head: str, states: Mapping[str, TowerStates], rows: list[int]) -> Tensor:
        parts = [states[name].select(rows) for name in self.reads[head]]
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """See `Model.forward`."""
        states = self._tower_states(batch, self.rows_of_towers(batch))
        losses: list[Tensor] = []
        statistics: Statistics = {}
        for name in self.heads:
            head, rows = self._head(name), batch.rows(name)
            if not rows:
                continue
            part = batch.select(rows)
            loss = head.loss(head(self._read(name, states, rows), part), part)
            losses.append(head.weight * loss)
            statistics[f"{name}_loss"] = (loss.detach() * batch.totals[name], len(rows))
        for index, objective in enumerate(self._objectives()):
            loss, reported = objective(states, batch, progress)
            losses.append(objective.weight * loss)
            prefix = "" if len(self.objectives) == 1 else f"objective_{index}_"
            statistics[f"{prefix}objective_loss"] = (loss.detach() * batch.total, len(batch))
            statistics.update({f"{prefix}{key}": value for key, value in reported.items()})
        statistics["positions_per_character"] = (self.encoder.positions, sum(batch.lengths))
        output: dict[str, Any] = {"statistics": statistics}
        if losses:
            output["loss"] = torch.stack([loss.float() for loss in losses]).sum()
        return output

    def predict(self, batch: Batch, head: str) -> tuple[Tensor, Tensor | None]:
        """See `Model.predict`."""
        rows = self.rows_of_towers(batch, head)
        module = self._head(head)
        states_BLD = self._read(head, self._tower_states(batch, rows), list(range(len(batch))))
        output = module(states_BLD, batch)
        return module.decode(output.emissions_BLT, batch.mask_BL), output.nll_B


def _built(lazy: Lazy[Head] | None, **supplied: Any) -> Head:
    return CrfHead(**supplied) if lazy is None else lazy.construct(**supplied)


def _filled(part: Any) -> Any:
    """The settings of lazy parts, however nested."""
    if isinstance(part, Lazy):
        return part.filled
    if isinstance(part, Mapping):
        return {name: _filled(child) for name, child in part.items()}
    return [_filled(child) for child in part] if isinstance(part, Sequence) else part
