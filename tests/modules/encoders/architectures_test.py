"""Tokenizers whose tokens are not characters, transformers of other kinds, and real encoders."""

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
    PIECES,
    PlainTransformer,
    encoder_of,
    write_tiny_transformer,
)
from tests.modules.examples import TEXT, text_batch

SIZES: dict[str, Any] = {
    "vocab_size": len(PIECES),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}
KINDS: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SIZES),
    "electra": ElectraConfig(**SIZES, embedding_size=8),
    "ernie": ErnieConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, pad_token_id=0),
    "camembert": CamembertConfig(**SIZES, pad_token_id=1),
    "albert": AlbertConfig(**SIZES, embedding_size=8),
    "modernbert": ModernBertConfig(**SIZES, pad_token_id=0, cls_token_id=2, sep_token_id=3),
    "xlm-roberta": XLMRobertaConfig(**SIZES, pad_token_id=1),
    "distilbert": DistilBertConfig(
        vocab_size=len(PIECES),
        dim=16,
        n_layers=2,
        n_heads=2,
        hidden_dim=32,
        max_position_embeddings=32,
    ),
}
SPLIT = {"½": "1⁄2", "㍿": "株式会社", "℡": "TEL"}


def pieces_of(text: str) -> list[list[int]]:
    return [
        [PIECES.index(piece) for piece in SPLIT.get(character, character)] for character in text
    ]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    write_tiny_transformer(folder, KINDS["bert"])
    return folder


@torch.no_grad()
def test_pieces_of_a_character_are_averaged(tiny_bert: Path) -> None:
    encoder, plain = encoder_of(tiny_bert, overlap=8), PlainTransformer(tiny_bert, 2, 3)
    # The third sequence is the shortest in characters and the longest in pieces.
    texts = [TEXT[:9], "我½们㍿", "㍿℡㍿", "在", "½"]
    states = encoder(text_batch(encoder.alphabet, *texts))
    assert states.shape == (5, 9, 16) and sorted(map(len, encoder.alphabet.composites)) == [3, 3, 4]
    for sequence, text in enumerate(texts):
        pieces = pieces_of(text)
        flat = plain.states([piece for group in pieces for piece in group])
        expected = [part.mean(0) for part in flat.split([len(group) for group in pieces])]
        assert_close(states[sequence, : len(text)], torch.stack(expected), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_windows_are_over_pieces(tiny_bert: Path) -> None:
    encoder, plain = encoder_of(tiny_bert, window=14, overlap=4), PlainTransformer(tiny_bert, 2, 3)
    text = "我们㍿在北½看了㍿他今"
    flat = [piece for group in pieces_of(text) for piece in group]
    # 19 pieces in windows of 12: 0 to 12 and 7 to 19 meet at 9, inside "½".
    assert len(flat) == 19
    stitched = torch.cat([plain.states(flat[:12])[:9], plain.states(flat[7:])[2:]])
    expected = [part.mean(0) for part in stitched.split([len(group) for group in pieces_of(text)])]
    assert_close(
        encoder(text_batch(encoder.alphabet, text))[0], torch.stack(expected), rtol=1e-4, atol=1e-5
    )


def test_one_character_for_another_is_no_composite(tiny_bert: Path) -> None:
    encoder = encoder_of(tiny_bert, overlap=8)
    assert encoder.alphabet.encode("Ｔ ½").tolist() == [PIECES.index("T"), 1, len(PIECES)]


@pytest.mark.parametrize("kind", list(KINDS))
@torch.no_grad()
def test_other_transformers(kind: str, tmp_path: Path) -> None:
    """Sequences up to the last position that the transformer has, and sequences beyond it."""
    write_tiny_transformer(tmp_path, KINDS[kind])
    encoder, plain = encoder_of(tmp_path, overlap=8), PlainTransformer(tmp_path, 2, 3)
    # RoBERTa and its kin number positions from behind that of padding.
    padding = {"roberta": 1, "xlm-roberta": 2, "camembert": 2}.get(kind, 0)
    assert encoder.window == 30 - padding
    texts = [(TEXT * 4)[: encoder.window], TEXT[:3], TEXT * 4]
    batch = text_batch(encoder.alphabet, *texts)
    states = encoder(batch)
    assert states[batch.mask_BL].isfinite().all()
    for text in texts[:2]:
        sequence = batch.lengths.index(len(text))
        expected = plain.states([PIECES.index(character) for character in text])
        assert_close(states[sequence, : len(text)], expected, rtol=1e-4, atol=1e-5)


def test_others_pad_sequences_in_groups_of_similar_length(tmp_path: Path) -> None:
    write_tiny_transformer(tmp_path, KINDS["distilbert"])
    encoder = encoder_of(tmp_path, overlap=8)

    def positions(*lengths: int) -> int:
        encoder(text_batch(encoder.alphabet, *("我" * length for length in lengths)))
        return encoder.positions

    assert positions(5, 3) == 2 * (5 + 2)
    # One call would compute 4 x 32 positions; two compute 2 x 32 + 2 x 3, and an overhead of 48.
    assert positions(30, 30, 1, 1) == 2 * 32 + 2 * 3


def test_the_tokenizer_may_take_less_than_the_transformer(tmp_path: Path) -> None:
    write_tiny_transformer(tmp_path, KINDS["bert"], model_max_length=20)
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
def test_settings_that_a_transformer_lacks(
    settings: dict[str, object], message: str, tmp_path: Path
) -> None:
    write_tiny_transformer(tmp_path, KINDS["distilbert"])
    with pytest.raises(ConfigurationError, match=message):
        encoder_of(tmp_path, overlap=8, **settings)


@pytest.mark.parametrize("name", ["me5-small-zhchar", "uer-roberta-L2-H512"])
@torch.no_grad()
def test_real_encoders_give_one_state_a_character(name: str, shared: Path) -> None:
    folder = shared / "encoders" / name
    if not folder.is_dir():
        pytest.skip(f"no encoder {name} at hand")
    encoder = encoder_of(folder)
    texts = ["他在北京 Apple Store ½价买了😀\ufffd", "㍿\n\u3000ﷺ\u200b", "é\ud83d", "１２３" * 180]
    batch = text_batch(encoder.alphabet, *texts)
    states = encoder(batch)
    assert states.shape == (4, 540, encoder.get_output_dim())
    assert states[batch.mask_BL].isfinite().all()
    for sequence, text in enumerate(sorted(texts, key=len, reverse=True)):
        alone = encoder(text_batch(encoder.alphabet, text))
        assert_close(states[sequence, : len(text)], alone[0], rtol=1e-3, atol=1e-4)
