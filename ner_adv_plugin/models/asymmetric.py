"""Asymmetric sharing."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_graph import ENCODER, in_order
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.loss_weighting import LazyLossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import LazyTower


@Model.register("asymmetric")
class Asymmetric(SharingModel):
    """Asymmetric sharing: target tasks read the towers of source tasks, but not vice versa.

    The towers of the sources run over the sentences of the target, too.

    Registered as "asymmetric".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    sources : for each target its source tasks, whose towers it reads; a source can itself be a
        target.
    join : what reads the towers of the sources: "head" for the target's head, in addition to the
        target's tower; "tower" for the target's tower, in addition to the encoder, so that tasks
        form a hierarchy (Søgaard & Goldberg 2016; Hashimoto et al. 2017).
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by the name of their head.
    inputs : for each tower that does not read the encoder alone, what it reads: "encoder" and names
        of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; none by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : `sources` names an unknown head, a task as its own source or a source
        twice, or is circular.

    # Example

    ```jsonnet
    { type: 'asymmetric',
      encoder: { type: 'character_embedding' },
      sources: { weibo: ['msra', 'msr'] },
      join: 'head' }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        sources: dict[str, list[str]],
        join: Literal["head", "tower"] = "head",
        tower: LazyTower | None = None,
        towers: dict[str, LazyTower] | None = None,
        inputs: dict[str, list[str]] | None = None,
        head: LazyHead | None = None,
        heads: dict[str, LazyHead] | None = None,
        objectives: list[LazyObjective] | None = None,
        loss_weighting: LazyLossWeighting | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        settings = {"sources": sources, "join": join}
        preset = self.preset(vocab.heads, settings)
        inputs = {**self.preset_inputs(vocab.heads, settings), **(inputs or {})}
        super().__init__(
            vocab,
            encoder,
            preset,
            tower=tower,
            towers=towers,
            inputs=inputs,
            head=head,
            heads=heads,
            objectives=objectives,
            loss_weighting=loss_weighting,
            only_heads=only_heads,
        )

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `PlannedModel.preset`."""
        sources = settings["sources"]
        _check_sources(sources, heads)
        if settings.get("join") == "tower":
            return {name: [name] for name in heads}
        return {name: [name, *sources.get(name, [])] for name in heads}

    @classmethod
    def preset_inputs(
        cls, heads: Sequence[str], settings: Mapping[str, Any]
    ) -> dict[str, list[str]]:
        """See `PlannedModel.preset_inputs`."""
        if settings.get("join") != "tower":
            return {}
        return {target: [ENCODER, *names] for target, names in settings["sources"].items()}


def _check_sources(sources: Mapping[str, list[str]], known: Sequence[str]) -> None:
    check_some(sources, 'target with its sources, or model "hard_sharing"', "model.sources")
    for target, names in sources.items():
        for name in (target, *names):
            if name not in known:
                raise ConfigurationError(
                    f'no head "{name}".{nearest(name, known)} Heads: {", ".join(known)}.',
                    f"model.sources.{target}",
                )
        check_some(names, "source", f"model.sources.{target}")
        if target in names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"expected other tasks, each once, found {names}", f"model.sources.{target}"
            )

    in_order(sources, "model.sources")
