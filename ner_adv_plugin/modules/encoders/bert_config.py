"""Configuration of the encoders that `ner_adv_plugin.modules.encoders.bert` implements."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import gelu, relu, silu

CONFIG = "config.json"
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_new": partial(gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(gelu, approximate="tanh"),
    "relu": relu,
    "silu": silu,
}
# Model types, and the prefix of parameter names in checkpoints with a head.
PREFIXES = {
    "bert": "bert.",
    "camembert": "roberta.",
    "roberta": "roberta.",
    "xlm-roberta": "roberta.",
}
# Keys that a configuration must have; older ones leave out some that are always the same.
SIZES = (
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "pad_token_id",
    "type_vocab_size",
    "vocab_size",
)
NUMBERS = ("attention_probs_dropout_prob", "hidden_dropout_prob", "layer_norm_eps")


class BertConfig:
    """The `config.json` of a BERT or RoBERTa checkpoint.

    # Parameters

    values : content of the file.
    """

    hidden_size: int
    intermediate_size: int
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    pad_token_id: int
    type_vocab_size: int
    vocab_size: int
    attention_probs_dropout_prob: float
    hidden_dropout_prob: float
    layer_norm_eps: float
    hidden_act: str
    model_type: str

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        for name in (*SIZES, *NUMBERS, "hidden_act", "model_type"):
            setattr(self, name, values[name])

    @classmethod
    def read(cls, folder: Path) -> "BertConfig | None":
        """Read the configuration of a folder; None if `Bert` does not implement it."""
        try:
            values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return cls(values) if _is_implemented(values) else None

    @property
    def reserves_positions(self) -> bool:
        """Whether the first positions are reserved, up to the index of the padding token."""
        return self.model_type != "bert"

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `config.json`."""
        changed = {name: getattr(self, name) for name in NUMBERS}
        return {**self._values, **changed}

    def save_pretrained(self, directory: str | Path) -> None:
        """Write `config.json` to a folder, which is created."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True)
        (Path(directory) / CONFIG).write_text(text + "\n", encoding="utf-8")


def _is_implemented(values: Any) -> bool:
    """Whether a configuration is one of an encoder that `Bert` computes exactly."""
    if not isinstance(values, dict) or values.get("model_type") not in PREFIXES:
        return False
    if values.get("hidden_act") not in ACTIVATIONS:
        return False
    if values.get("is_decoder") or values.get("add_cross_attention"):
        return False
    if values.get("position_embedding_type", "absolute") != "absolute":
        return False
    sizes = [values.get(name) for name in SIZES]
    if not all(type(size) is int and size >= 0 for size in sizes):
        return False
    if not all(type(values.get(name)) in (int, float) for name in NUMBERS):
        return False
    heads: int = values["num_attention_heads"]
    return heads > 0 and values["hidden_size"] % heads == 0
