"""What a folder lacks to be an encoder: configuration, tokenizer and weights."""

import json
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest, nearest_file
from ner_adv_plugin.common.hubs.fetching import fetch_encoder
from ner_adv_plugin.common.hubs.hub_path import parse_hub_path
from ner_adv_plugin.common.hubs.huggingface import REMEDY, endpoint, is_offline
from ner_adv_plugin.modules.encoders.bert_config import CONFIG, PREFIXES

TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "*.tiktoken")
WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
# Weights of other libraries, which cannot be loaded.
FOREIGN_WEIGHTS = ("tf_model.h5", "flax_model.msgpack", "*.ckpt.index", "*.pdparams", "*.onnx")
EXPECTED = (
    f"expected {CONFIG}, a tokenizer (such as tokenizer.json or vocab.txt) and weights"
    " (model.safetensors or pytorch_model.bin)"
)


def failure(model_name: str, reason: str) -> ConfigurationError:
    """Return the error about an encoder that cannot be loaded."""
    return ConfigurationError(f'cannot load encoder "{model_name}": {reason}', "model_name")


def is_path(name: str) -> bool:
    """Whether a name can only be a path: names on the Hub have at most one slash."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def local_folder(model_name: str) -> str:
    """Return the folder of `hf://ORG/NAME` or `modelscope://ORG/NAME`; any other name as it is.

    # Raises

    ConfigurationError : if the encoder is neither in the cache of the hub nor on the hub.
    """
    try:
        hub_path = parse_hub_path(model_name)
        return model_name if hub_path is None else str(fetch_encoder(hub_path))
    except UserError as error:
        raise ConfigurationError(str(error), "model_name") from error


def check_encoder(folder: str, model_name: str, with_weights: bool = True) -> None:
    """Check that a folder has the files of an encoder, before any is loaded.

    # Parameters

    folder : folder, `hf://ORG/NAME` or `modelscope://ORG/NAME`, which are downloaded, or a plain
        name on the Hugging Face Hub, which is not checked.
    model_name : name shown in errors.
    with_weights : whether it must have weights.

    # Raises

    ConfigurationError : says which files are missing or cannot be read, and what else could be
        meant.
    """
    folder = local_folder(folder)
    path = Path(folder)
    if path.is_dir():
        _check_files(path, model_name, with_weights)
        _check_config(path / CONFIG, model_name)
    elif path.exists():
        around = path.parent if (path.parent / CONFIG).is_file() else None
        hint = f' Did you mean its folder "{around}"?' if around else ""
        raise failure(model_name, f"it is a file, but an encoder is a folder: {EXPECTED}.{hint}")
    elif is_path(folder):
        raise failure(model_name, f"there is no such folder.{_other_folder(path)}")


def explain_hub(name: str, error: Exception) -> ConfigurationError:
    """Return the error about a name that is no folder and that the Hub does not answer for."""
    from huggingface_hub import constants

    path = Path(name)
    where = f'there is no folder "{path}" in {Path.cwd()}'
    if is_offline():
        hub = f"HF_HUB_OFFLINE is set, and {constants.HF_HUB_CACHE} holds no model of this name"
    elif any(type(cause).__name__ == "RepositoryNotFoundError" for cause in _causes(error)):
        hub = f"{endpoint()} has no model of this name"
    else:
        hub = (
            f"as a name on the hub {endpoint()} it was not loaded ({first_sentence(error)});"
            f" without a connection, the model must be in {constants.HF_HUB_CACHE}. Otherwise"
            f" {REMEDY}"
        )
    return failure(name, f"{where}, and {hub}.{_other_folder(path)}")


def explain_load(folder: str, model_name: str, what: str, error: Exception) -> ConfigurationError:
    """Return the error about a folder whose configuration, tokenizer or weights do not load.

    # Parameters

    folder, model_name : see `check_encoder`.
    what : what was loaded: "configuration", "tokenizer" or "weights".
    error : the error of the library.
    """
    if not Path(folder).is_dir():
        return explain_hub(model_name, error)

    patterns = {"configuration": (CONFIG,), "tokenizer": TOKENIZERS, "weights": WEIGHTS}[what]
    found = _found(Path(folder), patterns)
    names = f" ({', '.join(found)})" if found else ""
    broken = [name for name in found if _is_pointer(Path(folder) / name)]
    if broken:
        reason = f"{broken[0]} is a pointer of Git LFS, not the file itself: run `git lfs pull`"
    else:
        reason = f"its {what}{names} cannot be read: {first_sentence(error)}"
    return failure(model_name, reason)


def check_vocabulary(tokenizer: Any, folder: str, model_name: str) -> None:
    """Refuse a tokenizer that knows nothing but its special tokens, as if its files were missing.

    `transformers` builds such a tokenizer without an error: every character would be unknown.
    """
    if len(tokenizer) <= len(set(tokenizer.all_special_tokens)):
        found = _found(Path(folder), ("*token*", "vocab*", "*.model"))
        names = f"; found {', '.join(found)}" if found else ""
        raise failure(
            model_name,
            "the tokenizer has no vocabulary, so every character would be unknown: expected"
            f" tokenizer.json, vocab.txt or another vocabulary file{names}",
        )


def check_loaded(info: Any, config: Any, model_name: str) -> None:
    """Refuse weights that leave parameters of the model at random values.

    # Parameters

    info : the report of `from_pretrained`, with `missing_keys` and `mismatched_keys`.
    config : the transformer's configuration.
    model_name : name shown in errors.
    """
    # The pooler is not used, and buffers such as `position_ids` are computed.
    missing = sorted(
        key
        for key in info["missing_keys"]
        if not key.startswith("pooler.") and not key.endswith("_ids")
    )
    mismatched = sorted(info["mismatched_keys"])
    if mismatched:
        key, found, expected = mismatched[0]
        raise failure(
            model_name,
            f"its weights do not fit its {CONFIG} ({config.model_type}): {key} has shape"
            f" {tuple(found)}, expected {tuple(expected)}; {_count(len(mismatched))} differ",
        )
    if missing:
        unused = sorted(info["unexpected_keys"])
        others = f", and are named like {unused[0]}" if unused else ""
        raise failure(
            model_name,
            f"its weights are not those of a {config.model_type} model as in its {CONFIG}: they"
            f" lack {_count(len(missing))}, such as {missing[0]}{others}",
        )


def first_sentence(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its type."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(" .:") if lines else type(error).__name__


def _check_files(path: Path, model_name: str, with_weights: bool) -> None:
    """Refuse a folder that lacks its configuration, or its weights if it must have some."""
    has_config = (path / CONFIG).is_file()
    has_weights = bool(_found(path, WEIGHTS)) or not with_weights
    if has_config and has_weights:
        return

    missing = [CONFIG] if not has_config else []
    if not _found(path, (*TOKENIZERS, "tokenizer_config.json")):
        missing.append("tokenizer (such as tokenizer.json or vocab.txt)")
    if not has_weights:
        missing.append("weights (model.safetensors or pytorch_model.bin)")
    content = sorted(entry.name for entry in path.iterdir())
    shown = ", ".join(content[:6]) + (", ..." if len(content) > 6 else "")
    found = f"it has {shown}" if content else "it is empty"
    raise failure(
        model_name,
        f"the folder lacks {' and '.join(missing)}; {found}.{_foreign(path)}{_inner_folder(path)}",
    )


def _check_config(path: Path, model_name: str) -> None:
    """Refuse a configuration that is no JSON object with a known `model_type`."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise failure(model_name, f"{path} is not valid JSON: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        hint = "" if not isinstance(config, dict) else _looks_like(config)
        raise failure(
            model_name,
            f'{path} has no "model_type", such as "bert": it is not a configuration of'
            f" transformers.{hint}",
        )
    if config["model_type"] in PREFIXES:
        return

    from transformers import CONFIG_MAPPING

    if config["model_type"] not in CONFIG_MAPPING:
        raise failure(
            model_name,
            f'{path} has model_type "{config["model_type"]}", which this version of transformers'
            f" does not have.{nearest(config['model_type'], CONFIG_MAPPING.keys())}",
        )


def _looks_like(config: dict[str, Any]) -> str:
    """Return a hint about a configuration of something else."""
    if {"dataset_reader", "trainer"} & config.keys():
        return ' It is the config of a run, whose encoder is at "model.encoder.model_name".'
    return ""


def _foreign(path: Path) -> str:
    found = _found(path, FOREIGN_WEIGHTS)
    return f" {found[0]} cannot be read: convert it to model.safetensors." if found else ""


def _inner_folder(path: Path) -> str:
    """Return a hint about subfolders that have a configuration."""
    inner = sorted(config.parent for config in path.glob(f"*/{CONFIG}"))
    return f' Did you mean "{inner[0]}"?' if inner else ""


def _other_folder(path: Path) -> str:
    """Return a hint about a folder that could be meant by a path that does not exist."""
    home = path.expanduser() if str(path).startswith("~") else path
    if home != path:
        return f' "~" is not expanded here: write "{home}".' if home.is_dir() else ""
    if not path.parent.is_dir():
        return nearest_file(path) if is_path(str(path)) else ""
    encoders = [entry.name for entry in path.parent.iterdir() if (entry / CONFIG).is_file()]
    hint = nearest(path.name, encoders)
    return hint.replace('"', f'"{path.parent}/', 1) if hint and str(path.parent) != "." else hint


def _found(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    return sorted({file.name for pattern in patterns for file in folder.glob(pattern)})


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs")


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an error and what caused it."""
    return [] if error is None else [error, *_causes(error.__cause__)]


def _count(number: int) -> str:
    return f"{number} parameter{'s' if number > 1 else ''}"
