"""Reading the weights of `ner_adv_plugin.modules.encoders.bert` from Hugging Face's files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.modules.encoders.bert import Bert
from ner_adv_plugin.modules.encoders.bert_config import PREFIXES, BertConfig

# In the order in which transformers looks for them.
FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# Names in checkpoints converted from TensorFlow.
FORMER_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}

# Names of the parameters of masked language models' heads: of BERT and ERNIE, and of RoBERTa,
# XLM-R and CamemBERT.
LANGUAGE_MODEL_HEADS = (
    {
        "dense.weight": "cls.predictions.transform.dense.weight",
        "dense.bias": "cls.predictions.transform.dense.bias",
        "norm.weight": "cls.predictions.transform.LayerNorm.weight",
        "norm.bias": "cls.predictions.transform.LayerNorm.bias",
        "bias": "cls.predictions.bias",
    },
    {
        "dense.weight": "lm_head.dense.weight",
        "dense.bias": "lm_head.dense.bias",
        "norm.weight": "lm_head.layer_norm.weight",
        "norm.bias": "lm_head.layer_norm.bias",
        "bias": "lm_head.bias",
    },
)


def read_bert(folder: Path, config: BertConfig) -> tuple[Bert, dict[str, Any]]:
    """Make an encoder with the weights of a folder, in float32.

    # Returns

    The encoder, and what did not fit: `missing_keys`, `mismatched_keys` (name, found and expected
    shape) and `unexpected_keys`. Parameters that did not fit have no values.
    """
    with torch.device("meta"):
        encoder = Bert(config)
    expected = encoder.state_dict()

    fitting: dict[str, Tensor] = {}
    mismatched, unexpected = [], []
    for name, weights in _weights(folder, PREFIXES[config.model_type]):
        if name not in expected:
            unexpected.append(name)
        elif weights.shape != expected[name].shape:
            mismatched.append((name, weights.shape, expected[name].shape))
        else:
            fitting[name] = weights.to(torch.float32, copy=True)

    named = {*fitting, *(name for name, _, _ in mismatched)}
    missing = [name for name in expected if name not in named]
    encoder.load_state_dict(fitting, strict=False, assign=True)
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)
    info = {
        "missing_keys": missing,
        "mismatched_keys": mismatched,
        "unexpected_keys": unexpected,
    }
    return encoder, info


def read_language_model(folder: Path, config: BertConfig) -> dict[str, Tensor]:
    """Read the masked language model's head of a folder, in float32.

    # Returns

    See `LanguageModel.weights`; empty if the checkpoint has no such head, or one of another shape.
    """
    size, vocabulary = config.hidden_size, config.vocab_size
    shapes: dict[str, tuple[int, ...]] = {
        "dense.weight": (size, size),
        "dense.bias": (size,),
        "norm.weight": (size,),
        "norm.bias": (size,),
        "bias": (vocabulary,),
    }
    weights = dict(_weights(folder, PREFIXES[config.model_type]))
    for names in LANGUAGE_MODEL_HEADS:
        if all(
            name in weights and weights[name].shape == shapes[own] for own, name in names.items()
        ):
            return {own: weights[name].float() for own, name in names.items()}
    return {}


def _weights(folder: Path, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights of a folder under the names of an encoder without a head."""
    for path in _files(folder):
        for name, weights in _read(path).items():
            name = name.removeprefix(prefix)
            for former, present in FORMER_NAMES.items():
                name = name.replace(former, present)
            yield name, weights


def _files(folder: Path) -> list[Path]:
    """Return the files of weights: one, or those that an index names."""
    path = next(folder / name for name in FILES if (folder / name).is_file())
    if path.suffix != ".json":
        return [path]
    index = json.loads(path.read_text(encoding="utf-8"))
    return [folder / name for name in sorted(set(index["weight_map"].values()))]


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
