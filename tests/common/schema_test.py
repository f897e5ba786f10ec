import inspect
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import REQUIRED, Lazy, Parameter, Supplied, parameters, registered


class Base(Registrable):
    def __init__(self, head: str | None = None, size: int = 1) -> None:
        self.head, self.size = head, size


@Base.register("open")
class Open(Base):
    """Passes unknown keys to its base, like components of AllenNLP."""

    def __init__(self, path: str, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size=size, **kwargs)
        self.path = path


@Base.register("opener")
class Opener(Open):
    def __init__(self, deep: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deep = deep


@Base.register("closed")
class Closed(Open):
    def __init__(self) -> None:
        super().__init__("fixed")


@Base.register("inherits")
class Inherits(Opener):
    """Has no constructor."""


@Base.register("of_file", constructor="of_file")
class OfFile(Base):
    @classmethod
    def of_file(cls, file: str, size: int = 5) -> "OfFile":
        return cls(head=file, size=size)


@dataclass(kw_only=True)
class Sentence:
    text: str
    tags: list[str] = field(default_factory=list)
    seen: int = field(default=0, init=False)


def names(target: Any) -> list[str]:
    return [parameter.name for parameter in parameters(target)]


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        (Base, ["head", "size"]),
        (Open, ["path", "size", "head"]),
        (Opener, ["deep", "path", "size", "head"]),
        (Inherits, ["deep", "path", "size", "head"]),
        (Closed, []),
        (OfFile.of_file, ["file", "size"]),
        (Sentence, ["text", "tags"]),
        (object, []),
    ],
)
def test_keys_of_constructors(target: Any, keys: list[str]) -> None:
    assert names(target) == keys


def test_parameters_hold_annotation_and_default() -> None:
    assert parameters(Open) == [
        Parameter("path", str, REQUIRED),
        Parameter("size", int, 2),
        Parameter("head", str | None, None),
    ]
    assert REQUIRED is inspect.Parameter.empty


def test_annotations_written_as_text_are_resolved() -> None:
    def make(size: "int", layer: "Annotated[Lazy[Base], Supplied('vocab')]") -> None: ...

    size, layer = parameters(make)
    assert size.annotation is int
    assert layer.annotation == Annotated[Lazy[Base], Supplied("vocab")]


def test_constructors_with_kwargs_accept_the_keys_of_their_bases() -> None:
    made = construct(Base, {"type": "opener", "deep": True, "path": "p", "head": "h"})
    assert isinstance(made, Opener)
    # Missing keys get the constructor's default: `size` is that of Open, not that of Base.
    assert (made.deep, made.path, made.size, made.head) == (True, "p", 2, "h")
    assert bind(Base, {"type": "opener", "path": "p"}).filled == {
        "type": "opener",
        "deep": False,
        "path": "p",
        "size": 2,
        "head": None,
    }


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        (
            {"type": "opener", "path": "p", "haed": "h"},
            "haed",
            'unknown key. Did you mean "head"? Accepted: deep, ',
        ),
        ({"type": "opener"}, "path", "missing key, required here"),
        (
            {"type": "opener", "path": "p", "size": "3"},
            "size",
            "expected a whole number, found '3'",
        ),
        ({"type": "closed", "size": 3}, "size", "unknown key. Accepted: type."),
    ],
)
def test_constructors_with_kwargs_report_typos(
    config: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        bind(Base, config)
    assert error.value.path == path and error.value.message.startswith(message)


def test_a_registered_class_method() -> None:
    made = construct(Base, {"type": "of_file", "file": "f"})
    assert isinstance(made, OfFile) and (made.head, made.size) == ("f", 5)


def test_registered_names() -> None:
    assert registered(Base) == {
        "open": Open,
        "opener": Opener,
        "closed": Closed,
        "inherits": Inherits,
        "of_file": OfFile.of_file,
    }
    assert registered(Open) == {}


def test_lazy_builds_with_supplied_arguments() -> None:
    lazy = Lazy(lambda supplied: supplied["size"] + 1, {"type": "x"}, "model.x")
    assert (lazy.construct(size=3), lazy.filled, lazy.path) == (4, {"type": "x"}, "model.x")


def test_supplied_compares_by_names() -> None:
    assert Supplied("a", "b") == Supplied("b", "a") != Supplied("a")
    assert hash(Supplied("a", "b")) == hash(Supplied("b", "a"))
