"""Some tasks read what others learn."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

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
    """A target reads what the towers of its sources make of its sentences; its sources read nothing of it.

    Registered as "asymmetric".

    # Parameters

    vocab : supplied.
    encoder : shared by all.
    sources : for every target the tasks whose towers it reads too; a source may have sources of its own.
    join : what reads them: the target's "head", beside the target's tower; or the target's "tower", beside the encoder,
        so that tasks stand one above the other (Søgaard & Goldberg 2016; Hashimoto et al. 2017).
    tower, towers : every tower, and single ones by the name of their head.
    inputs : for towers that do not read the encoder alone, what they read: "encoder", and other towers.
    head, heads : every head, and single ones by name.
    objectives : losses beside the heads'.
    loss_weighting : how much every head's loss counts; "fixed" by default.
    only_heads : supplied in prediction.
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
        preset, inputs = (
            self.preset(vocab.heads, settings),
            {**self.preset_inputs(settings), **(inputs or {})},
        )
        super().__init__(
            vocab,
            encoder,
            preset,
            tower,
            towers,
            head,
            heads,
            objectives,
            loss_weighting,
            only_heads,
            inputs,
        )

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset`."""
        sources = settings["sources"]
        _check_sources(sources, heads)
        if settings.get("join") == "tower":
            return {name: [name] for name in heads}
        return {name: [name, *sources.get(name, [])] for name in heads}

    @classmethod
    def preset_inputs(cls, settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset_inputs`."""
        if settings.get("join") != "tower":
            return {}
        return {target: [ENCODER, *names] for target, names in settings["sources"].items()}


def _check_sources(sources: Mapping[str, list[str]], known: Sequence[str]) -> None:
    for target, names in sources.items():
        for name in (target, *names):
            if name not in known:
                raise ConfigurationError(
                    f'no head "{name}".{nearest(name, known)} Heads: {", ".join(known)}.',
                    f"model.sources.{target}",
                )
        if target in names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"expected other tasks, each once, found {names}", f"model.sources.{target}"
            )
    in_order(sources, "model.sources")
