"""Tokenizers with subwords that are not characters, other architectures, and real encoders."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from transformers import (
    AlbertConfig,
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    ElectraConfig,
    ErnieConfig,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from ner_adv_plugin.common.errors import ConfigurationError
from tests.modules.encoders.transformers import (
    SUBWORDS,
    PlainTransformer,
    encoder_of,
    write_tiny_transformer,
)
from tests.modules.examples import TEXT, text_batch

SIZES: dict[str, Any] = {
    "vocab_size": len(SUBWORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}
CONFIGS: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SIZES),
    "electra": ElectraConfig(**SIZES, embedding_size=8),
    "ernie": ErnieConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, pad_token_id=0),
    "camembert": CamembertConfig(**SIZES, pad_token_id=1),
    "albert": AlbertConfig(**SIZES, embedding_size=8),
    "modernbert": ModernBertConfig(**SIZES, pad_token_id=0, cls_token_id=2, sep_token_id=3),
    "xlm-roberta": XLMRobertaConfig(**SIZES, pad_token_id=1),
    "distilbert": DistilBertConfig(
        vocab_size=len(SUBWORDS),
        dim=16,
        n_layers=2,
        n_heads=2,
        hidden_dim=32,
        max_position_embeddings=32,
    ),
}
SPLIT = {"½": "1⁄2", "㍿": "株式会社", "℡": "TEL"}


def subwords_of(text: str) -> list[list[int]]:
    return [
        [SUBWORDS.index(subword) for subword in SPLIT.get(character, character)]
        for character in text
    ]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    write_tiny_transformer(folder, CONFIGS["bert"])
    return folder


@torch.no_grad()
def test_subwords_of_a_character_are_averaged(tiny_bert: Path) -> None:
    encoder, plain = encoder_of(tiny_bert, overlap=8), PlainTransformer(tiny_bert, 2, 3)
    # The third sequence is the shortest in characters and the longest in subwords.
    texts = [TEXT[:9], "我½们㍿", "㍿℡㍿", "在", "½"]
    states = encoder(text_batch(encoder.alphabet, *texts))
    assert states.shape == (5, 9, 16) and sorted(map(len, encoder.alphabet.composites)) == [3, 3, 4]
    for sequence, text in enumerate(texts):
        subwords = subwords_of(text)
        flat = plain.states([subword for group in subwords for subword in group])
        expected = [
            group_states.mean(0) for group_states in flat.split([len(group) for group in subwords])
        ]
        assert_close(states[sequence, : len(text)], torch.stack(expected), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_windows_are_over_subwords(tiny_bert: Path) -> None:
    encoder, plain = encoder_of(tiny_bert, window=14, overlap=4), PlainTransformer(tiny_bert, 2, 3)
    text = "我们㍿在北½看了㍿他今"
    flat = [subword for group in subwords_of(text) for subword in group]
    # 19 subwords in windows of 12, 0 to 12 and 7 to 19, with the border at 9, inside "½".
    assert len(flat) == 19
    stitched = torch.cat([plain.states(flat[:12])[:9], plain.states(flat[7:])[2:]])
    expected = [
        group_states.mean(0)
        for group_states in stitched.split([len(group) for group in subwords_of(text)])
    ]
    assert_close(
        encoder(text_batch(encoder.alphabet, text))[0], torch.stack(expected), rtol=1e-4, atol=1e-5
    )


def test_a_character_normalised_to_one_character_is_no_composite(tiny_bert: Path) -> None:
    encoder = encoder_of(tiny_bert, overlap=8)
    assert encoder.alphabet.encode("Ｔ ½").tolist() == [SUBWORDS.index("T"), 1, len(SUBWORDS)]


@pytest.mark.parametrize("model_type", list(CONFIGS))
@torch.no_grad()
def test_other_transformers(model_type: str, tmp_path: Path) -> None:
    """Sequences up to the maximum length of the transformer, and longer ones."""
    write_tiny_transformer(tmp_path, CONFIGS[model_type])
    encoder, plain = encoder_of(tmp_path, overlap=8), PlainTransformer(tmp_path, 2, 3)
    # Models derived from RoBERTa reserve the positions up to the padding index.
    padding = {"roberta": 1, "xlm-roberta": 2, "camembert": 2}.get(model_type, 0)
    assert encoder.window == 30 - padding
    texts = [(TEXT * 4)[: encoder.window], TEXT[:3], TEXT * 4]
    batch = text_batch(encoder.alphabet, *texts)
    states = encoder(batch)
    assert states[batch.mask_BL].isfinite().all()
    for text in texts[:2]:
        sequence = batch.lengths.index(len(text))
        expected = plain.states([SUBWORDS.index(character) for character in text])
        assert_close(states[sequence, : len(text)], expected, rtol=1e-4, atol=1e-5)


def test_other_architectures_pad_sequences_in_groups_of_similar_length(tmp_path: Path) -> None:
    write_tiny_transformer(tmp_path, CONFIGS["distilbert"])
    encoder = encoder_of(tmp_path, overlap=8)

    def positions(*lengths: int) -> int:
        encoder(text_batch(encoder.alphabet, *("我" * length for length in lengths)))
        return encoder.positions

    assert positions(5, 3) == 2 * (5 + 2)
    # One call would compute 4 x 32 positions; two calls compute 2 x 32 + 2 x 3, plus an overhead of
    # 48.
    assert positions(30, 30, 1, 1) == 2 * 32 + 2 * 3


def test_maximum_length_of_the_tokenizer_is_respected(tmp_path: Path) -> None:
    write_tiny_transformer(tmp_path, CONFIGS["bert"], model_max_length=20)
    assert encoder_of(tmp_path, overlap=8).window == 18


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen_layers": 1}, "frozen_layers: layers of a distilbert model cannot be frozen"),
        (
            {"attention_dropout": 0.1},
            'attention_dropout: a distilbert model has no setting "attention_probs_dropout_prob"',
        ),
    ],
)
def test_settings_that_an_architecture_does_not_have(
    settings: dict[str, object], message: str, tmp_path: Path
) -> None:
    write_tiny_transformer(tmp_path, CONFIGS["distilbert"])
    with pytest.raises(ConfigurationError, match=message):
        encoder_of(tmp_path, overlap=8, **settings)


@pytest.mark.parametrize("name", ["me5-small-zhchar", "uer-roberta-L2-H512"])
@torch.no_grad()
def test_real_encoders_return_one_state_per_character(name: str, shared: Path) -> None:
    folder = shared / "encoders" / name
    if not folder.is_dir():
        pytest.skip(f"encoder {name} is not available")
    encoder = encoder_of(folder)
    texts = ["他在北京 Apple Store ½价买了😀\ufffd", "㍿\n\u3000ﷺ\u200b", "é\ud83d", "１２３" * 180]
    batch = text_batch(encoder.alphabet, *texts)
    states = encoder(batch)
    assert states.shape == (4, 540, encoder.get_output_dim())
    assert states[batch.mask_BL].isfinite().all()
    for sequence, text in enumerate(sorted(texts, key=len, reverse=True)):
        alone = encoder(text_batch(encoder.alphabet, text))
        assert_close(states[sequence, : len(text)], alone[0], rtol=1e-3, atol=1e-4)
