"""Config of a head within that of a model."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.modules.heads.head import Head


def head_settings(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the config of a head: its own, or that of all heads without one.

    # Parameters

    model : config of the model.
    name : name of the head.

    # Examples

    >>> head_settings({"head": {"type": "softmax"}, "heads": {"msra": {"type": "crf"}}}, "weibo")
    {'type': 'softmax'}
    """
    own = (model.get("heads") or {}).get(name) or model.get("head") or Head.default_implementation
    return {"type": own} if isinstance(own, str) else own
