"""The `check` hooks of components, called once for the whole config."""

from collections.abc import Mapping
from typing import Any

import pytest

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.checks import CheckContext, check_parts, files_read
from ner_adv_plugin.common.completion import completed
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from tests.common.layers import CALLS, Job, Layer, error_of, job

CHECKED = {"type": "checked", "sizes": [1, 0]}


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"layer": CHECKED}, "layer"),
        (job(layers=[{"size": 3}, CHECKED]), "layers.1"),
        (job(heads={"a": CHECKED}), "heads.a"),
        (job(plain={"type": "stack", "layers": [], "named": {"a": CHECKED}}), "plain.named.a"),
    ],
)
def test_hooks_are_called_wherever_a_component_is(config: Any, place: str) -> None:
    assert error_of(config) == (f"{place}.sizes.1", "expected 1 or more, found 0")
    assert error_of(config, path="top") == (f"top.{place}.sizes.1", "expected 1 or more, found 0")


def test_annotations_are_checked_first() -> None:
    assert error_of({"layer": {**CHECKED, "sizes": [0, "a"]}})[0] == "layer.sizes.1"


def test_every_hook_is_called_once_with_path_and_run() -> None:
    CALLS.clear()
    sound, run = {"type": "checked"}, object()
    config = job(layers=[sound], heads={"a.b": {**sound, "sizes": [1]}})
    bound = bind(Job, config)
    assert not CALLS
    check_parts(bound, run)
    assert [(context.path, context.name, settings["sizes"]) for context, settings in CALLS] == [
        ("layers.0", "0", None),
        ("heads.a.b", "a.b", [1]),
    ]
    assert all(context.run is run for context, _ in CALLS)


def test_without_a_run_hooks_get_the_path_alone() -> None:
    CALLS.clear()
    with pytest.raises(AssertionError, match="it was built"):
        construct(Layer, {"type": "checked"}, "model.layer")
    ((context, _),) = CALLS
    assert (context.path, context.run) == ("model.layer", None)
    with pytest.raises(
        ConfigurationError, match=r"^model\.layer\.sizes\.1: expected 1 or more, found 0$"
    ):
        construct(Layer, CHECKED, "model.layer")


def test_absolute_paths_and_unrelated_methods_are_left_alone() -> None:
    class Elsewhere:
        @classmethod
        def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
            raise ConfigurationError("wrong", "data.path", absolute=True)

    class Method:
        def check(self) -> None:
            raise AssertionError("it is no hook")

    assert error_of({}, Elsewhere, "part") == ("data.path", "wrong")
    construct(Method, {}, "part")


class Dictionary(Registrable):
    """Registered with a constructor of its own."""

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        if settings["path"] == "":
            raise ConfigurationError("expected a file", "path")

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return {"path": settings["path"]}

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"size": 3}

    @classmethod
    def of_file(cls, path: str, size: int | None = None) -> "Dictionary":
        return cls()


Dictionary.register("of_file", constructor="of_file")(Dictionary)


def test_hooks_of_a_component_with_another_constructor_are_called() -> None:
    settings = {"type": "of_file", "path": "words.txt"}
    bound = bind(Dictionary, settings)
    assert files_read(bound, "words") == {"words.path": "words.txt"}
    assert completed(bound) == {**settings, "size": 3}
    assert error_of({**settings, "path": ""}, Dictionary) == ("path", "expected a file")
