"""Valid configs and the objects that are built from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pytest

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from tests.common.layers import Job, Layer, Linear, Lookup, Stack, job


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
def test_valid_values(annotation: Any, value: Any, built: Any) -> None:
    made = construct(annotation, value)
    assert made == built and type(made) is type(built)


def test_builds_with_supplied_arguments() -> None:
    config = job(layer={"type": "lookup", "mode": "mean"}, heads={"a": "lookup", "b": {"size": 2}})
    built: Job = construct(Job, config)
    layer = built.layer.construct(vocab="words")
    assert isinstance(layer, Lookup) and (layer.vocab, layer.mode, layer.file) == (
        "words",
        "mean",
        None,
    )
    assert built.heads is not None
    one, two = (lazy.construct(vocab="words") for lazy in built.heads.values())
    assert isinstance(one, Lookup) and one.vocab == "words"
    assert isinstance(two, Linear) and two.size == 2
    assert built.layer.construct(vocab="others") is not layer
    assert (built.layer.path, built.heads["b"].path) == ("layer", "heads.b")


def test_the_config_takes_precedence_over_supplied_arguments() -> None:
    layer = construct(Layer, {"type": "lookup", "vocab": "mine"}, vocab="theirs")
    assert isinstance(layer, Lookup) and layer.vocab == "mine"


def test_an_existing_object_is_accepted() -> None:
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
    # The filled config is a valid config with the same meaning.
    assert bind(Job, bound.filled).filled == bound.filled
    assert bound.build({}).layer.filled == linear
    assert config == job(
        layers=["lookup"], unnamed="only", loader={"sizes": {"weibo": 2}}, betas=[1, 2]
    )


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"size": 0}, "layer.size", "expected 1 or more, found 0"),
        ({"size": 1, "name": "refused"}, "layer", "no such name"),
    ],
)
def test_errors_of_constructors_get_the_config_path(
    settings: dict[str, Any], path: str, message: str
) -> None:
    for at, prefix in (
        (job(layer=settings), ""),
        (job(layer={"type": "stack", "layers": [settings]}), ".layers.0"),
    ):
        built: Job = construct(Job, at)
        with pytest.raises(ConfigurationError) as error:
            built.layer.construct(vocab="")
        assert (error.value.path, error.value.message) == (
            path.replace("layer", f"layer{prefix}", 1),
            message,
        )


def test_errors_of_constructors_may_be_about_another_component() -> None:
    class Refusing(Linear):
        def __init__(self) -> None:
            raise ConfigurationError("too few", "dataset_reader.readers", absolute=True)

    with pytest.raises(ConfigurationError, match="^dataset_reader.readers: too few$"):
        construct(Refusing, {}, "layer")


def test_a_key_that_starts_like_the_path_is_put_below_it() -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(Layer, {"size": 0}, "siz")
    assert error.value.path == "siz.size"
    with pytest.raises(ConfigurationError) as error:
        construct(Layer, {"size": 0})
    assert error.value.path == "size"


def test_defaults_from_factories_of_dataclasses_are_filled_in() -> None:
    filled = bind(Job, job()).filled
    assert (filled["layers"], filled["groups"]) == ([], [])
    assert filled["loader"] == {"batch_size": 64, "sizes": 1}
    assert bind(Job, filled).filled == filled
    one, other = (bind(Job, job()).build({}) for _ in range(2))
    assert one.layers is not other.layers and one.loader is not other.loader


def test_a_lazy_component_knows_its_target() -> None:
    built: Job = construct(Job, job(heads={"a": {"type": "lookup"}}))
    assert (
        built.layer.target is Linear
        and built.heads is not None
        and built.heads["a"].target is Lookup
    )
