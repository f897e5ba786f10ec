"""What is known of a sharing model from its config, before it is built."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.models.answering import AnsweringModel
from ner_adv_plugin.models.sharing_graph import SharingGraph, check_described, sharing_graph
from ner_adv_plugin.models.unlabelled import warn_of_unused_text
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.modules.loss_weighting import LossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import default_tower


class PlannedModel(AnsweringModel):
    """Base class of models whose sharing graph follows from their config.

    A subclass overrides `preset`, and `preset_inputs` and `combinations` if towers read towers.
    """

    # Configs of the objectives of a model without `objectives`.
    default_objectives: ClassVar[Sequence[Mapping[str, Any]]] = ()

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
        warn_of_unused_text(context.run, objectives)

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
