"""Layers of an encoder by the names of its parameters."""

import re
from collections.abc import Sequence

# The number of the layer in the name of a parameter, as Hugging Face's models name them.
LAYER = re.compile(r"(?:^|\.)(?:layers?|blocks?|h)\.(\d+)\.")


def in_last_layer(names: Sequence[str]) -> list[str]:
    """Return the parameters of the last numbered layer; all if no layer has a number.

    # Parameters

    names : names of the parameters of an encoder.

    # Examples

    >>> in_last_layer(["embeddings.weight", "layer.0.bias", "layer.1.bias", "layer.1.weight"])
    ['layer.1.bias', 'layer.1.weight']
    """
    numbers = {name: int(match[1]) for name in names if (match := LAYER.search(name))}
    last = max(numbers.values(), default=None)
    return list(names) if last is None else [name for name in names if numbers.get(name) == last]
