"""The config of a model that only predicts."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.schema import parameters
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_model import SharingModel


def config_of_prediction(config: Any, heads: Sequence[str]) -> Any:
    """Return the config of a model without what only training needs.

    Objectives, the weighting of losses and other heads may be of a plugin that is not installed.

    # Parameters

    config : the config of any model; returned unchanged unless it is a registered `SharingModel`.
    heads : the heads that predict.
    """
    if not isinstance(config, Mapping):
        return config
    target = class_of(Model, config)
    if target is None or not issubclass(target, SharingModel):
        return config

    accepted = {parameter.name for parameter in parameters(target)}
    for_training = accepted & {"objectives", "loss_weighting"}
    kept = {key: value for key, value in config.items() if key not in for_training}
    if "objectives" in accepted:
        kept["objectives"] = []
    if isinstance(kept.get("heads"), Mapping):
        kept["heads"] = {name: kept["heads"][name] for name in heads if name in kept["heads"]}
    return kept
