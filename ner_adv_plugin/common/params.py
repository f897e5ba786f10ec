"""Configs in Jsonnet, with environment variables as external variables, and their seeds."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import _jsonnet

from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.overrides import with_overrides

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# The environment variable of all seeds, and the keys of a config that it sets.
SEED = "NER_SEED"
SEED_KEYS = ("random_seed", "numpy_seed", "pytorch_seed")
# NumPy takes 32 bits.
LARGEST_SEED = 2**32 - 1
# What `allennlp recipes --copy .` copies to the current folder, among others.
COPIED = (Path("fixtures/data"), Path("fixtures/encoder"))


def default_variables() -> dict[str, str]:
    """Return defaults of the external variables that the configs of this package read."""
    root = PROJECT_ROOT
    if not (root / "fixtures").is_dir() or all(folder.is_dir() for folder in COPIED):
        # Installed outside of the project folder, or the current folder has its own copy.
        root = Path()
    elif root.is_relative_to(Path.cwd()):
        root = root.relative_to(Path.cwd())

    return {
        "NER_DATA": str(root / "fixtures" / "data"),
        "NER_ENCODER": str(root / "fixtures" / "encoder"),
        SEED: "13370",
    }


def load_config(
    path: str | Path, overrides: str = "", variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Evaluate a Jsonnet file.

    # Parameters

    path : the file, or its URL.
    overrides : Jsonnet text that overrides values of the config; see `with_overrides`.
    variables : external variables, which take precedence over environment variables.

    # Returns

    The config.

    # Raises

    ConfigurationError : with Jsonnet's message if the file does not evaluate to an object, or if a
        file is not UTF-8.

    # Examples

    >>> config = load_config("fixtures/configs/crf_tagger.jsonnet", "{'trainer.num_epochs': 3}")
    >>> config["model"]["type"], config["trainer"]["num_epochs"]
    ('crf_tagger', 3)
    """
    file = local_path(path)
    if not file.is_file():
        hint = nearest_file(file).replace(" ", ". ", 1)
        raise ConfigurationError(f"no config file at {path}{hint}")
    try:
        _read(str(file.parent), file.name)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error

    external = _external(variables)
    config = _evaluate(
        lambda: _jsonnet.evaluate_file(str(file), ext_vars=external, import_callback=_read),
        external,
    )
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path} does not evaluate to an object")

    return with_overrides(config, parse_overrides(overrides, external))


def load_training_config(
    path: str | Path, overrides: str = "", seed: int | None = None
) -> dict[str, Any]:
    """Evaluate the Jsonnet file of a training run, and set its seeds.

    The environment variable `NER_SEED` sets all seeds of any config, also of one that does not read
    it. Seeds in `overrides` take precedence over it, and `seed` over both.

    # Parameters

    path, overrides : see `load_config`.
    seed : value of all seeds, and of the external variable `NER_SEED`.

    # Returns

    The config, with its seeds.

    # Raises

    ConfigurationError : see `load_config`; also if a seed is not a number from 0 to 2^32 - 1.

    # Examples

    >>> config = load_training_config("fixtures/configs/crf_tagger.jsonnet", seed=7)
    >>> [config[key] for key in SEED_KEYS]
    [7, 7, 7]
    """
    variables = {} if seed is None else {SEED: str(_checked_seed(str(seed), "--seed"))}
    config = load_config(path, variables=variables)
    return with_seeds(config, parse_overrides(overrides, _external(variables)), seed)


def with_seeds(
    config: Mapping[str, Any], overrides: Mapping[str, Any], seed: int | None = None
) -> dict[str, Any]:
    """Return a copy of a config with overrides and seeds; see `load_training_config`."""
    whole = dict(config)
    from_environment = os.environ.get(SEED)
    if seed is None and from_environment:
        whole |= dict.fromkeys(SEED_KEYS, _checked_seed(from_environment, SEED))
    whole = with_overrides(whole, overrides)
    if seed is not None:
        whole |= dict.fromkeys(SEED_KEYS, _checked_seed(str(seed), "seed"))
    return whole


def _checked_seed(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise ConfigurationError(
            f'expected a number from 0 to {LARGEST_SEED}, found "{text}"', name
        )
    return int(text)


def _external(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return all external variables: defaults, the environment, and `variables`."""
    return {**default_variables(), **_environment(), **(variables or {})}


def parse_overrides(overrides: str, external: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Evaluate the text of `--overrides`, a Jsonnet object.

    # Parameters

    overrides : the text; empty for no overrides.
    external : external variables.

    # Raises

    ConfigurationError : if the text does not evaluate to an object.
    """
    if not overrides:
        return {}

    result = _evaluate(
        lambda: _jsonnet.evaluate_snippet("--overrides", overrides, ext_vars=dict(external or {})),
        external or {},
    )
    if not isinstance(result, dict):
        raise ConfigurationError(f"--overrides is not an object: {overrides}")
    return result


def _environment() -> dict[str, str]:
    # Jsonnet accepts only values that can be encoded as UTF-8.
    known = {key: value for key, value in os.environ.items() if _encodes(key + value)}
    if not known.get(SEED, SEED):
        # Empty is not set.
        del known[SEED]
    return known


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
            hint = f".{nearest(undefined[1], external)} Set it as an environment variable."
            message = undefined[0] + hint + message[undefined.end() :]
        raise ConfigurationError(message) from error


def _read(folder: str, name: str) -> tuple[str, bytes]:
    """Read a file for Jsonnet: its path and content.

    Raises `ValueError` if it is not UTF-8, as Jsonnet would silently replace the bytes.
    """
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
