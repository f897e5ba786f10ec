"""Numbers that no component accepts, refused before anything is built.

The constructors of torch and allennlp-light accept some of them and fail later, without a config
path.
"""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Bound

# Keys of components of these packages; a custom component may use the names in another sense.
PACKAGES = ("ner_adv_plugin", "allennlp_light", "torch", "transformers")
SIZES = frozenset(
    {
        "batch_size",
        "embedding_dim",
        "feedforward_hidden_dim",
        "hidden_dim",
        "hidden_dims",
        "hidden_size",
        "input_dim",
        "input_size",
        "interval",
        "lines_per_sentence",
        "max_instances",
        "max_length",
        "num_attention_heads",
        "num_experts",
        "num_layers",
        "num_levels",
        "num_shared_experts",
        "output_dim",
        "projection_dim",
        "window",
    }
)
NOT_NEGATIVE = frozenset({"lr", "weight_decay"})


def check_numbers(bound: Bound) -> None:
    """Check sizes, dropout probabilities and rates of one component.

    # Parameters

    bound : the component.

    # Raises

    ConfigurationError : for the first that is out of range.
    """
    if _package_of(bound.target) not in PACKAGES or not isinstance(bound.filled, Mapping):
        return

    for key in bound.children:
        found = bound.filled[key]
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if expected := _expected(key, value):
                raise ConfigurationError(f"expected {expected}, found {value}", key)


def _expected(key: str, value: float) -> str | None:
    """Return what a number has to be; None if it is right."""
    if key in SIZES and value < 1:
        return "1 or more"
    if key in NOT_NEGATIVE and value < 0:
        return "0 or more"
    if key.endswith("dropout") and not 0 <= value <= 1:
        return "a probability from 0 to 1"
    return None


def _package_of(target: Any) -> str:
    return str(getattr(target, "__module__", "") or "").partition(".")[0]
