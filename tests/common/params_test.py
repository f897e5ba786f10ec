import json
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import default_variables, load_config, parse_overrides
from tests.common.overrides_test import config

VARIABLES = ("NER_DATA", "NER_ENCODER", "NER_SEED")


def written(folder: Path, text: str, name: str = "config.jsonnet") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_jsonnet_with_imports(tmp_path: Path) -> None:
    written(
        tmp_path,
        "{ config(name):: { name: name, sizes: [n * 2 for n in [1, 2]] } }",
        "lib/recipe.libsonnet",
    )
    written(tmp_path, "汉字\u2028", "lib/text.txt")
    path = written(
        tmp_path,
        """
        local recipe = import 'lib/recipe.libsonnet';
        recipe.config('weibo') + { text: importstr 'lib/text.txt', lr: 1e-3, big: 1e6, // 1000000
                                   whole: 2.0 }
        """,
    )
    loaded = load_config(path)
    assert loaded == {
        "name": "weibo",
        "sizes": [2, 4],
        "text": "汉字\u2028",
        "lr": 0.001,
        "big": 1_000_000,
        "whole": 2,
    }
    assert isinstance(loaded["big"], int) and isinstance(loaded["whole"], int)
    assert load_config(str(path)) == loaded


def test_imports_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "{ a: 1 }", "configs/lib/a.libsonnet")
    written(tmp_path, "import 'lib/a.libsonnet'", "configs/a.jsonnet")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_config("../configs/a.jsonnet") == {"a": 1}


@pytest.mark.parametrize("value", ["汉字 with spaces", "", "a\nb\tc", "3", "{'quotes\"}", "\u2028"])
def test_environment_variables_are_external_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NER_TEST_VARIABLE", value)
    path = written(tmp_path, "{ a: std.extVar('NER_TEST_VARIABLE') }")
    assert load_config(path) == {"a": value}
    assert load_config(path, "{ b: std.extVar('NER_TEST_VARIABLE') }") == {"a": value, "b": value}
    assert load_config(path, variables={"NER_TEST_VARIABLE": "given"}) == {"a": "given"}


def test_environment_variables_that_are_not_utf8_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NER_TEST_VALUE", "\udcff")
    monkeypatch.setenv("NER_TEST_\udcff", "name")
    assert load_config(written(tmp_path, "{ a: 1 }")) == {"a": 1}


def test_defaults_of_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    text = "{ " + ", ".join(f"{name}: std.extVar('{name}')" for name in VARIABLES) + " }"
    path = written(tmp_path, text)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    loaded = load_config(path)
    assert (Path(loaded["NER_DATA"]) / "weibo" / "weiboNER_2nd_conll.train").is_file()
    assert (Path(loaded["NER_ENCODER"]) / "model.safetensors").is_file()
    assert loaded["NER_SEED"] == "13370"
    monkeypatch.setenv("NER_DATA", "/corpora")
    monkeypatch.setenv("NER_SEED", "7")
    assert load_config(path) == {**loaded, "NER_DATA": "/corpora", "NER_SEED": "7"}
    # In the project's folder they are relative, so that a printed config is the same on every
    # machine.
    monkeypatch.chdir(root)
    assert default_variables()["NER_DATA"] == str(Path("fixtures") / "data")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ a: ", "config.jsonnet:1:"),
        ("{ a: std.extVar('NER_NO_SUCH') }", "NER_NO_SUCH"),
        ("{ a: b }", "Unknown variable: b"),
        ("import 'no-such.libsonnet'", "no-such.libsonnet"),
        ("error 'expected a target'", "expected a target"),
        ("[1, 2]", "does not evaluate to an object"),
        ("", "config.jsonnet"),
        ("{ a: self.a }", "max stack frames exceeded"),
    ],
)
def test_config_that_does_not_evaluate(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_config(written(tmp_path, text))
    assert message in str(error.value)


def test_missing_config(tmp_path: Path) -> None:
    for path in (tmp_path / "no-such.jsonnet", tmp_path):
        with pytest.raises(ConfigurationError, match=f"no config file at {path}"):
            load_config(path)


def test_overrides_as_text(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(config()))
    assert load_config(path) == config()
    # Jsonnet: comments, comprehensions and bare keys as in a config.
    laid = load_config(
        path, "{ 'trainer.optimizer.lr': 2 * 0.25, num: std.length([1, 2]) /* two */ }"
    )
    assert (laid["trainer"]["optimizer"]["lr"], laid["num"]) == (0.5, 2)
    assert parse_overrides("") == {}


@pytest.mark.parametrize(
    ("text", "message"), [("{ a: ", "--overrides:1:"), ("[1]", "is not an object"), ("a=1", "")]
)
def test_overrides_that_do_not_evaluate(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_overrides(text)
    assert message in str(error.value)
