"""Errors of wrong configs: the config path, the value found, and what is accepted."""

from typing import Any

import pytest

from tests.common.layers import Layer, error_of, job

KNOWN = "Known: checked, linear, lookup, stack. A custom component needs --include-package."
OF_LINEAR = "Accepted: bias, dropout, name, size, type."


@pytest.mark.parametrize(
    "place", ["layer", "layers.1", "heads.msra", "plain", "layers.0.layers.1", "plain.named.a"]
)
@pytest.mark.parametrize(
    ("wrong", "key", "message"),
    [
        (
            {"type": "liner", "size": 1},
            "type",
            f'"liner" is not a registered Layer. Did you mean "linear"? {KNOWN}',
        ),
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
        (
            {"type": "lookup", "vocab": "v", "mode": "men"},
            "mode",
            "found 'men', expected one of 'sum', 'mean', 0, 1.",
        ),
        (
            {"type": "lookup", "vocab": "v", "mode": True},
            "mode",
            "found true, expected one of 'sum', 'mean', 0, 1.",
        ),
        ({"type": "lookup", "vocab": "v", "file": 1}, "file", "expected a path, found 1"),
        ({"type": "stack", "layers": {"size": 1}}, "layers", "expected a list, found {'size': 1}"),
        ({"type": "stack", "layers": "linear"}, "layers", "expected a list, found 'linear'"),
        (7, "", "expected an object describing a Layer, found 7"),
        ([], "", "expected an object describing a Layer, found []"),
    ],
)
def test_every_error_has_a_config_path(place: str, wrong: Any, key: str, message: str) -> None:
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
        # Supplied arguments are not listed.
        (
            job(layers=[{"type": "lookup", "vocb": "v"}]),
            "layers.0.vocb",
            "unknown key. Accepted: file, mode, type.",
        ),
        (job(heads=[1]), "heads", "expected an object of names and values, found [1]"),
        (job(betas=[0.9]), "betas", "expected 2 values, found 1"),
        (job(betas=[0.9, "x"]), "betas.1", "expected a number, found 'x'"),
        (job(groups=[[["a"], {}], [["a", 1], {}]]), "groups.1.0.1", "expected a string, found 1"),
        (job(groups=[[["a"], 1]]), "groups.0.1", "expected an object of names and values, found 1"),
        (job(epochs=None), "epochs", "expected a whole number, found null"),
        (job(epoch=1), "epoch", 'unknown key. Did you mean "epochs"? Accepted: betas, '),
    ],
)
def test_errors_in_nested_values(config: Any, path: str, message: str) -> None:
    found_path, found = error_of(config)
    assert (found_path, found[: len(message)]) == (path, message)


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        # Only one member of the union has the value's JSON type: its error alone is reported.
        (
            job(loader={"sizes": {"weibo": "3"}}),
            "loader.sizes.weibo",
            "expected a whole number, found '3'",
        ),
        (job(loader={"sizes": "3"}), "loader.sizes", "expected a whole number, found '3'"),
        (job(weight=["1"]), "weight.0", "expected a number, found '1'"),
        (job(weight="1"), "weight", "expected a number, found '1'"),
        (job(paths={"weibo": 1}), "paths.weibo", "expected a string, found 1"),
        # No member has this JSON type: all errors are reported.
        (
            job(paths=["a"]),
            "paths",
            "expected a string, found ['a']; or expected an object of names and values, ",
        ),
        (
            job(loader={"sizes": [1]}),
            "loader.sizes",
            "expected a whole number, found [1]; or expected an object",
        ),
    ],
)
def test_errors_of_unions(config: Any, path: str, message: str) -> None:
    found_path, found = error_of(config)
    assert found_path == path
    assert found.startswith(message)
    assert found.count("; or ") == message.count("; or ")


def test_a_union_of_a_registrable_and_a_scalar_reports_both() -> None:
    path, message = error_of("linaer", bool | Layer, "layer")
    assert path == "layer.type"
    assert message.startswith(
        "expected true or false, found 'linaer'; or \"linaer\" is not a registered Layer."
    )


def test_keys_that_an_override_of_the_type_left_over() -> None:
    kept = 'An override of "type" alone keeps the other keys: override the whole object'
    path, message = error_of(job(layer={"type": "lookup", "vocab": "v", "size": 1, "bias": True}))
    assert path == "layer.size"
    assert f'. bias, size are keys of type linear, not of "lookup". {kept}' in message
    path, message = error_of(job(layer={"type": "lookup", "vocab": "v", "bias": True}))
    assert f'. bias is a key of type linear, not of "lookup". {kept}' in message
    # No type has both keys.
    _, message = error_of(job(layer={"type": "stack", "layers": [], "bias": True, "mode": "sum"}))
    assert "override" not in message
