"""What a config may say and what it is told when it is wrong: the place, what stood there, what is accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pytest

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class Layer(Registrable):
    default_implementation = "linear"


@Layer.register("linear")
class Linear(Layer):
    def __init__(self, size: int, dropout: float = 0.1, bias: bool = True, name: str = "layer") -> None:
        if size < 1:
            raise ConfigurationError(f"expected 1 or more, found {size}", "size")
        if name == "refused":
            raise ValueError("no such name")
        self.size, self.dropout, self.bias, self.name = size, dropout, bias, name


@Layer.register("lookup")
class Lookup(Layer):
    def __init__(self, vocab: str, mode: Literal["sum", "mean", 0, 1] = "sum", file: Path | None = None) -> None:
        self.vocab, self.mode, self.file = vocab, mode, file


@Layer.register("stack")
class Stack(Layer):
    def __init__(self, layers: list[Layer], named: dict[str, Layer] | None = None) -> None:
        self.layers, self.named = layers, named


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
    """As a whole config is: required and optional parts, lazy ones, unions."""

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
    """Where and what the error of checking a config is; nothing is built."""
    with pytest.raises(ConfigurationError) as error:
        bind(annotation, value, path)
    assert str(error.value) == (f"{error.value.path}: {error.value.message}" if error.value.path else str(error.value))
    return error.value.path, error.value.message


def job(**settings: Any) -> dict[str, Any]:
    return {"layer": {"size": 3}, **settings}


KNOWN = "Known: checked, linear, lookup, stack. One of your own needs --include-package."
OF_LINEAR = "Accepted: bias, dropout, name, size, type."


@pytest.mark.parametrize("place", ["layer", "layers.1", "heads.msra", "plain", "layers.0.layers.1", "plain.named.a"])
@pytest.mark.parametrize(
    ("wrong", "key", "message"),
    [
        ({"type": "liner", "size": 1}, "type", f'"liner" is not a registered Layer. Did you mean "linear"? {KNOWN}'),
        ("LOOKUPS", "type", f'"LOOKUPS" is not a registered Layer. Did you mean "lookup"? {KNOWN}'),
        ({"type": "xyz"}, "type", f'"xyz" is not a registered Layer. {KNOWN}'),
        ({"type": 3}, "type", "expected the name of a Layer, found 3"),
        ({"type": ""}, "type", f'"" is not a registered Layer. {KNOWN}'),
        ({"type": None}, "type", 'missing "type", one of checked, linear, lookup, stack'),
        ({"size": 1, "droput": 0.5}, "droput", f'unknown key. Did you mean "dropout"? {OF_LINEAR}'),
        ({"type": "linear", "size": 1, "xyz": 0}, "xyz", f"unknown key. {OF_LINEAR}"),
        ({"dropout": 0.5}, "size", "missing key, required here"),
        ({"size": "3"}, "size", "expected a whole number, found '3'"),
        ({"size": 3.0}, "size", "expected a whole number, found 3.0"),
        ({"size": True}, "size", "expected a whole number, found true"),
        ({"size": None}, "size", "expected a whole number, found null"),
        ({"size": 1, "dropout": "0.1"}, "dropout", "expected a number, found '0.1'"),
        ({"size": 1, "dropout": True}, "dropout", "expected a number, found true"),
        ({"size": 1, "bias": 1}, "bias", "expected true or false, found 1"),
        ({"size": 1, "bias": "true"}, "bias", "expected true or false, found 'true'"),
        ({"size": 1, "name": 7}, "name", "expected a string, found 7"),
        ({"type": "lookup", "vocab": "v", "mode": "men"}, "mode", "found 'men', expected one of 'sum', 'mean', 0, 1."),
        ({"type": "lookup", "vocab": "v", "mode": True}, "mode", "found true, expected one of 'sum', 'mean', 0, 1."),
        ({"type": "lookup", "vocab": "v", "file": 1}, "file", "expected a path, found 1"),
        ({"type": "stack", "layers": {"size": 1}}, "layers", "expected a list, found {'size': 1}"),
        ({"type": "stack", "layers": "linear"}, "layers", "expected a list, found 'linear'"),
        (7, "", "expected an object describing a Layer, found 7"),
        ([], "", "expected an object describing a Layer, found []"),
    ],
)
def test_every_error_has_its_place(place: str, wrong: Any, key: str, message: str) -> None:
    right = {"size": 1}
    if place == "layers.0.layers.1":
        config = job(layers=[{"type": "stack", "layers": [right, wrong]}])
    elif place == "plain.named.a":
        config = job(plain={"type": "stack", "layers": [], "named": {"b": right, "a": wrong}})
    elif place == "layers.1":
        config = job(layers=[right, wrong])
    elif place == "heads.msra":
        config = job(heads={"msr": right, "msra": wrong})
    else:
        config = job(**{place: wrong})
    path, found = error_of(config)
    assert path == (f"{place}.{key}" if key else place)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({}, "layer", "missing key, required here"),
        (job(unnamed={}), "unnamed.type", 'missing "type", one of only'),
        (job(loader={"batch": 3}), "loader.batch", "unknown key. Did you mean"),
        (job(loader={"type": "x"}), "loader.type", "unknown key. Accepted: batch_size, sizes."),
        (job(loader="x"), "loader", "expected an object describing a Loader, found 'x'"),
        (job(layers=[{"vocab": "v", "size": 1}]), "layers.0.vocab", "unknown key."),
        # What the program supplies is not offered.
        (job(layers=[{"type": "lookup", "vocb": "v"}]), "layers.0.vocb", "unknown key. Accepted: file, mode, type."),
        (job(heads=[1]), "heads", "expected an object of names and values, found [1]"),
        (job(betas=[0.9]), "betas", "expected 2 values, found 1"),
        (job(betas=[0.9, "x"]), "betas.1", "expected a number, found 'x'"),
        (job(groups=[[["a"], {}], [["a", 1], {}]]), "groups.1.0.1", "expected a string, found 1"),
        (job(groups=[[["a"], 1]]), "groups.0.1", "expected an object of names and values, found 1"),
        (job(epochs=None), "epochs", "expected a whole number, found null"),
        (job(epoch=1), "epoch", 'unknown key. Did you mean "epochs"? Accepted: betas, '),
    ],
)
def test_errors_of_the_parts(config: Any, path: str, message: str) -> None:
    found_path, found = error_of(config)
    assert (found_path, found[: len(message)]) == (path, message)


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        # The alternative of the value's shape is meant: its error alone is told.
        (job(loader={"sizes": {"weibo": "3"}}), "loader.sizes.weibo", "expected a whole number, found '3'"),
        (job(loader={"sizes": "3"}), "loader.sizes", "expected a whole number, found '3'"),
        (job(weight=["1"]), "weight.0", "expected a number, found '1'"),
        (job(weight="1"), "weight", "expected a number, found '1'"),
        (job(paths={"weibo": 1}), "paths.weibo", "expected a string, found 1"),
        # No alternative has this shape: all are told.
        (job(paths=["a"]), "paths", "expected a string, found ['a']; or expected an object of names and values, "),
        (job(loader={"sizes": [1]}), "loader.sizes", "expected a whole number, found [1]; or expected an object"),
    ],
)
def test_errors_of_unions(config: Any, path: str, message: str) -> None:
    found_path, found = error_of(config)
    assert found_path == path
    assert found.startswith(message)
    assert found.count("; or ") == message.count("; or ")


def test_a_registered_name_beside_another_scalar_tells_both() -> None:
    path, message = error_of("linaer", bool | Layer, "layer")
    assert path == "layer.type"
    assert message.startswith("expected true or false, found 'linaer'; or \"linaer\" is not a registered Layer.")


@pytest.mark.parametrize(
    ("annotation", "value", "built"),
    [
        (int, -3, -3),
        (float, 3, 3.0),
        (bool, False, False),
        (str, "", ""),
        (Path, "a/b", Path("a/b")),
        (type(None), None, None),
        (Any, {"a": [object]}, {"a": [object]}),
        (Literal["a", 1], 1, 1),
        (int | None, None, None),
        (Union[str, dict[str, str]], {"a": "b"}, {"a": "b"}),  # noqa: UP007
        (Path | dict[str, Path], {"a": "b"}, {"a": Path("b")}),
        (int | float, 2.5, 2.5),
        (list[int], [1, 2], [1, 2]),
        (Sequence[str], ["a"], ["a"]),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[str], ["a", "b", "a"], {"a", "b"}),
        (frozenset[int], [1], frozenset({1})),
        (Mapping[str, list[float]], {"a": [1]}, {"a": [1.0]}),
        (dict, {"a": 1}, {"a": 1}),
        (list, [1, "a"], [1, "a"]),
        (Annotated[int, "any mark"], 4, 4),
    ],
)
def test_values_that_fit(annotation: Any, value: Any, built: Any) -> None:
    made = construct(annotation, value)
    assert made == built and type(made) is type(built)


def test_long_values_are_shortened() -> None:
    _, message = error_of(list(range(1000)), int, "a")
    assert len(message) < 120 and message.endswith("...")


def test_builds_with_what_the_program_supplies() -> None:
    config = job(layer={"type": "lookup", "mode": "mean"}, heads={"a": "lookup", "b": {"size": 2}})
    built: Job = construct(Job, config)
    layer = built.layer.construct(vocab="words")
    assert isinstance(layer, Lookup) and (layer.vocab, layer.mode, layer.file) == ("words", "mean", None)
    assert built.heads is not None
    one, two = (lazy.construct(vocab="words") for lazy in built.heads.values())
    assert isinstance(one, Lookup) and one.vocab == "words"
    assert isinstance(two, Linear) and two.size == 2
    assert built.layer.construct(vocab="others") is not layer
    assert (built.layer.path, built.heads["b"].path) == ("layer", "heads.b")


def test_the_config_prevails_over_what_is_supplied() -> None:
    layer = construct(Layer, {"type": "lookup", "vocab": "mine"}, vocab="theirs")
    assert isinstance(layer, Lookup) and layer.vocab == "mine"


def test_an_object_made_already_is_taken() -> None:
    layer = Linear(2)
    assert construct(Layer, layer) is layer
    stack = construct(Layer, {"type": "stack", "layers": [layer, {"size": 3}]})
    assert isinstance(stack, Stack) and stack.layers[0] is layer


def test_defaults_are_filled_in() -> None:
    config = job(layers=["lookup"], unnamed="only", loader={"sizes": {"weibo": 2}}, betas=[1, 2])
    linear = {"type": "linear", "size": 3, "dropout": 0.1, "bias": True, "name": "layer"}
    bound = bind(Job, config)
    assert bound.filled == {
        "layer": linear,
        "layers": [{"type": "lookup", "mode": "sum", "file": None}],
        "heads": None,
        "plain": None,
        "unnamed": {"type": "only"},
        "loader": {"batch_size": 64, "sizes": {"weibo": 2}},
        "paths": None,
        "weight": 0.5,
        "betas": [1, 2],
        "groups": [],
        "epochs": 1,
        "flag": False,
    }
    # The filled config is a config, and says the same.
    assert bind(Job, bound.filled).filled == bound.filled
    assert bound.build({}).layer.filled == linear
    assert config == job(layers=["lookup"], unnamed="only", loader={"sizes": {"weibo": 2}}, betas=[1, 2])


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"size": 0}, "layer.size", "expected 1 or more, found 0"),
        ({"size": 1, "name": "refused"}, "layer", "no such name"),
    ],
)
def test_errors_of_constructors_get_the_place(settings: dict[str, Any], path: str, message: str) -> None:
    for at, prefix in ((job(layer=settings), ""), (job(layer={"type": "stack", "layers": [settings]}), ".layers.0")):
        built: Job = construct(Job, at)
        with pytest.raises(ConfigurationError) as error:
            built.layer.construct(vocab="")
        assert (error.value.path, error.value.message) == (path.replace("layer", f"layer{prefix}", 1), message)


def test_errors_of_constructors_may_be_about_another_component() -> None:
    class Refusing(Linear):
        def __init__(self) -> None:
            raise ConfigurationError("too few", "dataset_reader.readers", absolute=True)

    with pytest.raises(ConfigurationError, match="^dataset_reader.readers: too few$"):
        construct(Refusing, {}, "layer")


def test_a_key_that_begins_like_the_place_is_put_below_it() -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(Layer, {"size": 0}, "siz")
    assert error.value.path == "siz.size"
    with pytest.raises(ConfigurationError) as error:
        construct(Layer, {"size": 0})
    assert error.value.path == "size"


def test_defaults_that_a_dataclass_makes_are_filled_in() -> None:
    filled = bind(Job, job()).filled
    assert (filled["layers"], filled["groups"]) == ([], [])
    assert filled["loader"] == {"batch_size": 64, "sizes": 1}
    assert bind(Job, filled).filled == filled
    one, other = (bind(Job, job()).build({}) for _ in range(2))
    assert one.layers is not other.layers and one.loader is not other.loader


@Layer.register("checked")
class Checked(Layer):
    def __init__(self, sizes: list[int] | None = None) -> None:
        raise AssertionError("it was built")

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], path: str) -> None:
        for index, size in enumerate(settings.get("sizes", [])):
            if size < 1:
                raise ConfigurationError(f"expected 1 or more, found {size}", f"{path}.sizes.{index}")


def test_a_class_may_check_what_annotations_do_not_say() -> None:
    checked = {"type": "checked", "sizes": [1, 0]}
    for place, config in (("layer", {"layer": checked}), ("layers.0", job(layers=[checked]))):
        assert error_of(config) == (f"{place}.sizes.1", "expected 1 or more, found 0")
    # Called with settings that fit the annotations only.
    assert error_of({"layer": {**checked, "sizes": [0, "a"]}})[0] == "layer.sizes.1"
    bind(Job, {"layer": {**checked, "sizes": [1]}})


def test_a_lazy_part_says_what_will_make_it() -> None:
    built: Job = construct(Job, job(heads={"a": {"type": "lookup"}}))
    assert built.layer.target is Linear and built.heads is not None and built.heads["a"].target is Lookup


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        (int, ": a whole number"),
        (Layer, ": a Layer, one of checked, linear, lookup, stack"),
        (LazyLayer, ": a Layer, one of checked, linear, lookup, stack"),
        (list[int], ""),
    ],
)
def test_a_missing_key_says_what_it_takes(annotation: Any, wanted: str) -> None:
    made: Any = dataclass(type("Made", (), {"__annotations__": {"key": annotation}}))
    assert error_of({}, made) == ("key", f"missing key, required here{wanted}")
