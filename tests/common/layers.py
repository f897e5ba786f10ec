"""Components for tests of binding, and a config with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import CheckContext, check_parts
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class Layer(Registrable):
    default_implementation = "linear"


@Layer.register("linear")
class Linear(Layer):
    def __init__(
        self, size: int, dropout: float = 0.1, bias: bool = True, name: str = "layer"
    ) -> None:
        if size < 1:
            raise ConfigurationError(f"expected 1 or more, found {size}", "size")
        if name == "refused":
            raise ValueError("no such name")
        self.size, self.dropout, self.bias, self.name = size, dropout, bias, name


@Layer.register("lookup")
class Lookup(Layer):
    def __init__(
        self, vocab: str, mode: Literal["sum", "mean", 0, 1] = "sum", file: Path | None = None
    ) -> None:
        self.vocab, self.mode, self.file = vocab, mode, file


@Layer.register("stack")
class Stack(Layer):
    def __init__(self, layers: list[Layer], named: dict[str, Layer] | None = None) -> None:
        self.layers, self.named = layers, named


# The arguments of all calls of the hook.
CALLS: list[tuple[CheckContext[Any], Mapping[str, Any]]] = []


@Layer.register("checked")
class Checked(Layer):
    def __init__(self, sizes: list[int] | None = None) -> None:
        raise AssertionError("it was built")

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        CALLS.append((context, settings))
        for index, size in enumerate(settings["sizes"] or []):
            if size < 1:
                raise ConfigurationError(f"expected 1 or more, found {size}", f"sizes.{index}")


class Unnamed(Registrable):
    """A base without a default."""


@Unnamed.register("only")
class Only(Unnamed):
    pass


LazyLayer = Annotated[Lazy[Layer], Supplied("vocab")]


@dataclass
class Loader:
    batch_size: int = 64
    sizes: int | dict[str, int] = 1


@dataclass(kw_only=True)
class Job:
    """A whole config: required, optional and lazy components, and unions."""

    layer: LazyLayer
    layers: list[LazyLayer] = field(default_factory=list)
    heads: dict[str, LazyLayer] | None = None
    plain: Layer | None = None
    unnamed: Unnamed | None = None
    loader: Loader = field(default_factory=Loader)
    paths: str | dict[str, str] | None = None
    weight: float | list[float] = 0.5
    betas: tuple[float, float] = (0.9, 0.999)
    groups: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)
    epochs: int = 1
    flag: bool = False


def error_of(value: Any, annotation: Any = Job, path: str = "") -> tuple[str, str]:
    """Return the path and message of the error in a config; nothing is built."""
    with pytest.raises(ConfigurationError) as error:
        check_parts(bind(annotation, value, path), path=path)
    assert str(error.value) == (
        f"{error.value.path}: {error.value.message}" if error.value.path else str(error.value)
    )
    return error.value.path, error.value.message


def job(**settings: Any) -> dict[str, Any]:
    return {"layer": {"size": 3}, **settings}
