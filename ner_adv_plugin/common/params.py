"""Configs: Jsonnet with the environment as external variables, and overrides from the command line."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import _jsonnet

from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import local_path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# What `allennlp recipes --copy .` copies to the current folder, among others.
COPIED = (Path("fixtures/data"), Path("fixtures/encoder"))


def default_variables() -> dict[str, str]:
    """Values of the external variables this package's configs read, where the environment has none."""
    root = PROJECT_ROOT
    if not (root / "fixtures").is_dir() or all(folder.is_dir() for folder in COPIED):
        # Installed away from the project, or the current folder has a copy of its own.
        root = Path()
    elif root.is_relative_to(Path.cwd()):
        root = root.relative_to(Path.cwd())
    return {
        "NER_DATA": str(root / "fixtures" / "data"),
        "NER_ENCODER": str(root / "fixtures" / "encoder"),
        "NER_SEED": "13370",
    }


def load_config(
    path: str | Path, overrides: str = "", variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Evaluate a Jsonnet file.

    # Parameters

    path : the file, or its URL.
    overrides : Jsonnet text laid over it; see `with_overrides`.
    variables : external variables beside the environment's, which they replace.

    Raises `ConfigurationError` with Jsonnet's own message where it does not evaluate, and where a file is not UTF-8.
    """
    file = local_path(path)
    if not file.is_file():
        raise ConfigurationError(
            f"no config file at {path}{nearest_file(file).replace(' ', '. ', 1)}"
        )
    external = {**default_variables(), **_environment(), **(variables or {})}
    try:
        _read(str(file.parent), file.name)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    config = _evaluate(
        lambda: _jsonnet.evaluate_file(str(file), ext_vars=external, import_callback=_read),
        external,
    )
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path} does not evaluate to an object")
    return with_overrides(config, parse_overrides(overrides, external))


def parse_overrides(overrides: str, external: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Evaluate the text of `--overrides`, an object in Jsonnet."""
    if not overrides:
        return {}
    given = _evaluate(
        lambda: _jsonnet.evaluate_snippet("--overrides", overrides, ext_vars=dict(external or {})),
        external or {},
    )
    if not isinstance(given, dict):
        raise ConfigurationError(f"--overrides is not an object: {overrides}")
    return given


def _environment() -> dict[str, str]:
    # Jsonnet takes only what encodes as UTF-8.
    return {key: value for key, value in os.environ.items() if _encodes(key + value)}


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _evaluate(run: Callable[[], str], external: Iterable[str]) -> Any:
    try:
        return json.loads(run())
    except RuntimeError as error:
        message = str(error).strip()
        if undefined := re.match(r".*undefined external variable: (\w+)", message):
            hint = f".{nearest(undefined[1], external)} It is taken from the environment."
            message = undefined[0] + hint + message[undefined.end() :]
        raise ConfigurationError(message) from error


def _read(folder: str, name: str) -> tuple[str, bytes]:
    """A file as Jsonnet wants it: path and content; `ValueError` where it is not UTF-8, which Jsonnet would mend."""
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(f"no such file.{nearest_file(path)}")
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line}: found {content[error.start : error.end]!r}, expected UTF-8 text"
        ) from None
    return str(path), content


def with_overrides(config: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Lay overrides over a config.

    A key may be dotted, with list indexes (`trainer.optimizer.lr`, `model.objectives.0.weight`). An object is
    merged into the object that stands there, unless it names another `type`: then it replaces it.
    """
    result: dict[str, Any] = json.loads(json.dumps(config))
    for key, value in overrides.items():
        _lay(result, key.split("."), value, key)
    return result


def _lay(target: Any, parts: list[str], value: Any, key: str) -> None:
    index: Any = parts[0]
    if isinstance(target, list):
        if not index.isdigit() or int(index) >= len(target):
            raise ConfigurationError(f'"{index}" is not an index of a list of {len(target)}', key)
        index = int(index)
    elif not isinstance(target, dict):
        raise ConfigurationError(f'cannot set "{index}" inside {target!r}', key)
    present = target[index] if isinstance(target, list) else target.get(index)
    if len(parts) > 1:
        if present is None or isinstance(present, str):
            # A name alone is short for an object with this `type`.
            target[index] = {} if present is None else {"type": present}
        _lay(target[index], parts[1:], value, key)
        return
    same_type = isinstance(value, dict) and value.get("type", None) in (None, _type_of(present))
    if isinstance(present, dict) and same_type:
        for child, child_value in value.items():
            _lay(present, child.split("."), child_value, f"{key}.{child}")
    else:
        target[index] = value


def _type_of(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None


def first_difference(before: Any, after: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """The first place where two configs differ, and what stands there in each; None where they are the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        children: Any = [
            (key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])
        ]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        children = zip(range(len(before)), before, after, strict=True)
    else:
        return None if before == after else (path, before, after)
    for key, old, new in children:
        if found := first_difference(old, new, f"{path}.{key}".lstrip(".")):
            return found
    return None
