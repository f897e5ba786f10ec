"""The transformer of the fixtures against `transformers` alone."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules import products
from ner_adv_plugin.modules.encoders import PretrainedTransformer, pretrained_transformer
from tests.modules.encoders.transformers import PlainTransformer, encoder_of
from tests.modules.examples import text_batch, vocabulary

CLS, SEP, UNKNOWN = 2, 3, 1


@pytest.fixture(scope="module")
def encoder() -> PretrainedTransformer:
    return encoder_of(Path(__file__).parents[3] / "fixtures" / "encoder")


@pytest.fixture(scope="module")
def plain() -> PlainTransformer:
    return PlainTransformer(Path(__file__).parents[3] / "fixtures" / "encoder", CLS, SEP)


@pytest.fixture(scope="module")
def token_ids() -> dict[str, int]:
    """Token index of each Chinese character, read from the vocabulary file."""
    path = Path(__file__).parents[3] / "fixtures" / "encoder" / "vocab.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    return {line: i for i, line in enumerate(lines) if len(line) == 1 and "一" <= line <= "龥"}


def texts_of(token_ids: dict[str, int], lengths: Sequence[int]) -> list[str]:
    rng = random.Random(0)
    return ["".join(rng.choices(list(token_ids), k=length)) for length in lengths]


@pytest.mark.parametrize("lengths", [[5, 4, 4], [120, 118, 7, 2, 1], [1]])
@torch.no_grad()
def test_sequences_equal_the_plain_transformer(
    encoder: PretrainedTransformer,
    plain: PlainTransformer,
    token_ids: dict[str, int],
    lengths: list[int],
) -> None:
    texts = texts_of(token_ids, lengths)
    states = encoder(text_batch(encoder.alphabet, *texts))
    assert states.shape == (len(lengths), lengths[0], encoder.get_output_dim())
    for sequence, text in enumerate(texts):
        assert_close(
            states[sequence, : len(text)],
            plain.states([token_ids[c] for c in text]),
            rtol=1e-4,
            atol=1e-5,
        )


@torch.no_grad()
def test_windows_of_a_long_sequence_are_stitched(
    encoder: PretrainedTransformer, plain: PlainTransformer, token_ids: dict[str, int]
) -> None:
    texts = texts_of(token_ids, [1200, 510, 3])
    states = encoder(text_batch(encoder.alphabet, *texts))
    ids = [[token_ids[c] for c in text] for text in texts]
    # Three windows of 510 characters start at 0, 345 and 690 and share 165 each; the borders are in
    # the middle.
    first, second, third = (plain.states(ids[0][start : start + 510]) for start in (0, 345, 690))
    expected = torch.cat([first[:427], second[427 - 345 : 772 - 345], third[772 - 690 :]])
    assert_close(states[0], expected, rtol=1e-4, atol=1e-5)
    for sequence in (1, 2):
        assert_close(
            states[sequence, : len(ids[sequence])],
            plain.states(ids[sequence]),
            rtol=1e-4,
            atol=1e-5,
        )


@torch.no_grad()
def test_a_smaller_window(
    fixture_encoder: Path, plain: PlainTransformer, token_ids: dict[str, int]
) -> None:
    small = encoder_of(fixture_encoder, window=12, overlap=4)
    texts = texts_of(token_ids, [16, 10, 5])
    states = small(text_batch(small.alphabet, *texts))
    ids = [[token_ids[c] for c in text] for text in texts]
    # Windows of 10 characters besides [CLS] and [SEP], 0 to 10 and 6 to 16, with the border at 8.
    expected = torch.cat([plain.states(ids[0][:10])[:8], plain.states(ids[0][6:])[2:]])
    assert_close(states[0], expected, rtol=1e-4, atol=1e-5)
    assert_close(states[2, :5], plain.states(ids[2]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_states_do_not_depend_on_grouping(
    encoder: PretrainedTransformer, token_ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = text_batch(encoder.alphabet, *texts_of(token_ids, [700, 60, 50, 9, 8, 1]))
    whole = encoder(batch)
    monkeypatch.setattr(pretrained_transformer, "MAX_POSITIONS", 60)
    split = encoder(batch)
    assert_close(whole[batch.mask_BL], split[batch.mask_BL], rtol=1e-4, atol=1e-5)


def test_every_character_of_a_stitched_sequence_gets_a_gradient(
    encoder: PretrainedTransformer, token_ids: dict[str, int]
) -> None:
    text = "".join(list(token_ids)[:700])
    encoder(text_batch(encoder.alphabet, text))[0].pow(2).sum().backward()
    gradient = encoder.transformer.get_input_embeddings().weight.grad
    assert gradient is not None and gradient[[token_ids[c] for c in text]].any(1).all()
    encoder.zero_grad()


def test_layers_computed_again_are_those_kept(
    fixture_encoder: Path, token_ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dropout: states, gradients and the next random number are the same, bit for bit."""
    encoder = encoder_of(fixture_encoder, dropout=0.1, attention_dropout=0.1, hidden_dropout=0.1)
    encoder.train()
    batch = text_batch(encoder.alphabet, *texts_of(token_ids, [30, 21, 21, 3]))
    results, kept = [], []
    for most_kept in (10_000, 1):
        monkeypatch.setattr(pretrained_transformer, "MOST_KEPT", most_kept)
        torch.manual_seed(0)
        sizes: list[int] = []

        def pack(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            states = encoder(batch)
        kept.append(sum(sizes))
        encoder.zero_grad()
        states.square().sum().backward()
        gradients = [p.grad.clone() for p in encoder.parameters() if p.grad is not None]
        results.append([states, *gradients, torch.rand(1)])
    assert len(results[0]) == len(results[1]) and all(map(torch.equal, *results))
    assert kept[1] < kept[0] / 3


@pytest.mark.parametrize("added", [0, 8])
def test_one_call_without_padding(
    encoder: PretrainedTransformer,
    token_ids: dict[str, int],
    added: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for some tokens that make the number of rows a multiple of 16, where oneDNN is used."""
    monkeypatch.setattr(products, "uses_onednn", lambda: added > 0)
    calls = []
    hook = encoder.transformer.register_forward_hook(lambda *_: calls.append(None))
    encoder(text_batch(encoder.alphabet, *texts_of(token_ids, [100, 60, 2])))
    hook.remove()
    # [CLS] and [SEP] of three sequences.
    assert len(calls) == 1 and encoder.positions == 100 + 60 + 2 + 3 * 2 + added
    # Two windows of 510.
    encoder(text_batch(encoder.alphabet, *texts_of(token_ids, [600])))
    assert encoder.positions == 2 * 512


@pytest.mark.parametrize("lengths", [[5, 4, 4], [118, 7, 2, 1]])
def test_states_and_gradients_do_not_depend_on_added_tokens(
    fixture_encoder: Path,
    token_ids: dict[str, int],
    lengths: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = []
    for rows in (0, 5):
        monkeypatch.setattr(pretrained_transformer, "padding_rows", lambda _, rows=rows: rows)
        encoder = encoder_of(fixture_encoder)
        states = encoder(text_batch(encoder.alphabet, *texts_of(token_ids, lengths)))
        states.square().sum().backward()
        results.append((states, [p.grad for p in encoder.parameters() if p.grad is not None]))
    (one, gradients), (other, others) = results
    assert_close(one, other, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(gradients, others, strict=True):
        assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_characters_that_the_tokenizer_drops_or_does_not_know(
    encoder: PretrainedTransformer, plain: PlainTransformer, token_ids: dict[str, int]
) -> None:
    known = list(token_ids)[7]
    for odd in " \n\t\u3000😀\ufffd\u200b\u0301鿋\ud83d\x00":
        states = encoder(text_batch(encoder.alphabet, known + odd + known))
        assert_close(
            states[0],
            plain.states([token_ids[known], UNKNOWN, token_ids[known]]),
            rtol=1e-4,
            atol=1e-5,
        )
    assert not encoder.alphabet.composites


def test_special_tokens_in_a_text_are_plain_characters(
    encoder: PretrainedTransformer, token_ids: dict[str, int]
) -> None:
    assert not {0, CLS, SEP} & set(encoder.alphabet.encode("[CLS][SEP][PAD]").tolist())


def varies(encoder: PretrainedTransformer, token_ids: dict[str, int]) -> bool:
    """Whether two calls in training mode differ."""
    batch = text_batch(encoder.alphabet, *texts_of(token_ids, [6, 4]))
    encoder.train()
    torch.manual_seed(0)
    first, second = encoder(batch), encoder(batch)
    return not torch.equal(first, second)


@pytest.mark.parametrize(
    "setting", ["dropout", "embedding_dropout", "attention_dropout", "hidden_dropout"]
)
def test_each_dropout_alone(fixture_encoder: Path, token_ids: dict[str, int], setting: str) -> None:
    none = {
        "dropout": 0.0,
        "embedding_dropout": 0.0,
        "attention_dropout": 0.0,
        "hidden_dropout": 0.0,
    }
    assert not varies(encoder_of(fixture_encoder, **none), token_ids)
    assert varies(encoder_of(fixture_encoder, **{**none, setting: 0.5}), token_ids)


def test_embedding_dropout_is_applied_to_subword_embeddings(
    fixture_encoder: Path, token_ids: dict[str, int]
) -> None:
    encoder = encoder_of(fixture_encoder, embedding_dropout=0.5).train()
    seen: list[torch.Tensor] = []
    encoder.transformer.register_forward_pre_hook(
        lambda _, __, inputs: seen.append(inputs["inputs_embeds"]), with_kwargs=True
    )
    text = texts_of(token_ids, [40])[0]
    encoder(text_batch(encoder.alphabet, text))
    table = encoder.transformer.get_input_embeddings().weight
    vectors = table[[CLS, *(token_ids[c] for c in text), SEP]]
    dropped = seen[0][0, : len(vectors)]
    kept = dropped != 0
    assert 0.4 < kept.float().mean() < 0.6
    assert_close(dropped[kept], 2 * vectors[kept])


@pytest.mark.parametrize(
    ("layers", "trainable_layers"), [(0, {0, 1}), (1, {1}), (2, set()), (-1, set())]
)
def test_frozen_layers(fixture_encoder: Path, layers: int, trainable_layers: set[int]) -> None:
    trainable = {
        n
        for n, p in encoder_of(fixture_encoder, frozen_layers=layers).named_parameters()
        if p.requires_grad
    }
    stack = {i for i in (0, 1) if any(f"layer.{i}." in name for name in trainable)}
    assert stack == trainable_layers
    assert any("embeddings" in name for name in trainable) == (layers == 0)


def test_saved_files_give_the_same_encoder_without_the_folder(
    fixture_encoder: Path, token_ids: dict[str, int], tmp_path: Path
) -> None:
    encoder = encoder_of(fixture_encoder, hidden_dropout=0.3)
    encoder.save_files(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".safetensors", ".bin")]
    vocabulary().save_to_files(tmp_path)
    loaded = PretrainedTransformer(Vocabulary.from_files(tmp_path), "/nowhere").eval()
    assert loaded.transformer.config.hidden_dropout_prob == 0.3
    loaded.load_state_dict(encoder.state_dict())
    batch = text_batch(loaded.alphabet, *texts_of(token_ids, [5, 3]))
    assert torch.equal(loaded(batch), encoder(batch))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen_layers": 3}, "frozen_layers: the encoder has 2 layers, found 3"),
        ({"window": 66}, "overlap: expected 0 or more and less than 64, .* found 64"),
        ({"overlap": -1}, "overlap: expected 0 or more .* found -1"),
        ({"window": 513}, "window: expected at most 512, .* found 513"),
    ],
)
def test_errors(fixture_encoder: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        encoder_of(fixture_encoder, **settings)


def test_folder_without_an_encoder_is_an_error(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            ConfigurationError, match=f'model_name: cannot load encoder "{folder}": '
        ):
            encoder_of(folder)
