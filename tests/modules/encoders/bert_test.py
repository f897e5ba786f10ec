"""The encoder implemented here against `transformers`, and the files that it reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import AutoModel, BertConfig, BertForMaskedLM, PreTrainedConfig, RobertaConfig

from ner_adv_plugin.modules import products
from ner_adv_plugin.modules.encoders.bert import Bert
from ner_adv_plugin.modules.encoders.bert_config import BertConfig as Config
from ner_adv_plugin.modules.encoders.checkpoints import read_bert
from ner_adv_plugin.modules.encoders.packing import Packing

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
CONFIGS = {
    "bert": BertConfig(**SIZES),
    "bert_tanh": BertConfig(**SIZES, hidden_act="gelu_new", layer_norm_eps=1e-3),
    "bert_relu": BertConfig(**SIZES, hidden_act="relu", type_vocab_size=1),
    "roberta": RobertaConfig(**SIZES, pad_token_id=1),
}
LENGTHS = [7, 5, 5]


def written(folder: Path, config: PreTrainedConfig, masked: bool = False) -> Any:
    """Save a random transformer; return it in training mode."""
    torch.manual_seed(0)
    model = BertForMaskedLM(config) if masked else AutoModel.from_config(config)
    model.save_pretrained(folder)
    return model.train()


def read(folder: Path) -> Bert:
    config = Config.read(folder)
    assert config is not None
    encoder, info = read_bert(folder, config)
    assert not info["missing_keys"] and not info["mismatched_keys"]
    return encoder.train()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("onednn", [True, False])
def test_states_and_gradients(
    name: str, packed: bool, onednn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "uses_onednn", lambda: onednn)
    monkeypatch.setattr(products, "FEWEST_MULTIPLICATIONS", 1)
    theirs = written(tmp_path, CONFIGS[name])
    mine = read(tmp_path)

    first = 0 if name != "roberta" else 2
    ids = torch.randint(2, 50, (len(LENGTHS), max(LENGTHS)))
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    scale = torch.randn(len(LENGTHS), max(LENGTHS), 16)
    expected = theirs(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    (expected * scale)[mask].sum().backward()

    if packed:
        positions = torch.cat([torch.arange(length) for length in LENGTHS]) + first
        vectors = mine.get_input_embeddings()(ids[mask])[None]
        states = mine(vectors, positions[None], packing=Packing(LENGTHS)).last_hidden_state[0]
    else:
        vectors = mine.get_input_embeddings()(ids)
        states = mine(vectors, attention_mask=mask.long()).last_hidden_state[mask]
    (states * scale[mask]).sum().backward()

    assert_close(states, expected[mask], atol=1e-5, rtol=1e-5)
    parameters = dict(theirs.named_parameters())
    for parameter_name, parameter in mine.named_parameters():
        wanted = parameters[parameter_name].grad
        assert_close(parameter.grad, wanted, atol=2e-4, rtol=1e-4, msg=parameter_name)


def test_states_computed_again_in_the_backward_pass(tmp_path: Path) -> None:
    written(tmp_path, BertConfig(**{**SIZES, "hidden_dropout_prob": 0.3}))
    gradients = []
    for recompute in (False, True):
        encoder = read(tmp_path)
        if recompute:
            encoder.gradient_checkpointing_enable()
        torch.manual_seed(3)
        encoder(torch.ones(1, 5, 16)).last_hidden_state.square().sum().backward()
        gradients.append([parameter.grad for parameter in encoder.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


def test_checkpoints_of_every_form(tmp_path: Path) -> None:
    written(tmp_path, CONFIGS["bert"])
    expected = read(tmp_path).state_dict()
    weights = load_file(tmp_path / "model.safetensors")
    path = tmp_path / "model.safetensors"

    # Halves of the precision, in a file of torch with the names of a model with a head.
    path.unlink()
    named = {f"bert.{name}": tensor.half() for name, tensor in weights.items()}
    torch.save({**named, "cls.predictions.bias": torch.zeros(50)}, tmp_path / "pytorch_model.bin")
    for name, tensor in read(tmp_path).state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, expected[name].half().float())

    # Names of checkpoints that were converted from TensorFlow.
    former = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in weights.items()
    }
    torch.save(former, tmp_path / "pytorch_model.bin")
    assert all(torch.equal(read(tmp_path).state_dict()[name], expected[name]) for name in expected)

    # Several files with an index.
    (tmp_path / "pytorch_model.bin").unlink()
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, tmp_path / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert all(torch.equal(read(tmp_path).state_dict()[name], expected[name]) for name in expected)


def test_a_model_with_a_head(tmp_path: Path) -> None:
    theirs = written(tmp_path, CONFIGS["bert"], masked=True)
    mine = read(tmp_path).state_dict()
    for name, tensor in theirs.bert.state_dict().items():
        assert torch.equal(mine[name], tensor)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "albert"},
        {"is_decoder": True},
        {"hidden_act": "mish"},
        {"position_embedding_type": "relative_key"},
        {"num_attention_heads": 3},
        {"hidden_size": None},
        {"layer_norm_eps": "small"},
    ],
)
def test_other_configurations_are_left_to_transformers(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    values = {**CONFIGS["bert"].to_dict(), **changes}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert Config.read(tmp_path) is None


def test_what_is_saved_is_read_by_transformers(tmp_path: Path) -> None:
    written(tmp_path / "a", CONFIGS["bert"])
    encoder = read(tmp_path / "a")
    encoder.config.hidden_dropout_prob = 0.25
    encoder.config.save_pretrained(tmp_path / "b")
    loaded = BertConfig.from_pretrained(tmp_path / "b")
    assert loaded.hidden_dropout_prob == 0.25
    assert {**loaded.to_dict(), "hidden_dropout_prob": 0.0} == BertConfig.from_pretrained(
        tmp_path / "a"
    ).to_dict()
