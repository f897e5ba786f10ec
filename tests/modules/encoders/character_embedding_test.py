"""Character embeddings trained from scratch."""

import torch

from ner_adv_plugin.data.namespaces import CHARACTERS
from ner_adv_plugin.modules.encoders import CharacterEmbedding, Encoder
from tests.modules.examples import TEXT, text_batch, vocabulary


def encoder_of(**settings: object) -> CharacterEmbedding:
    torch.manual_seed(0)
    encoder = Encoder.from_params(
        {"type": "character_embedding", "embedding_dim": 4, **settings}, vocab=vocabulary()
    )
    assert isinstance(encoder, CharacterEmbedding)
    return encoder.eval()


def test_a_character_has_the_same_vector_in_every_context() -> None:
    encoder = encoder_of()
    batch = text_batch(encoder.alphabet, TEXT[:5], TEXT[3])
    states = encoder(batch)
    assert states.shape == (2, 5, encoder.get_output_dim()) == (2, 5, 4)
    assert torch.equal(states[1, 0], states[0, 3]) and not torch.equal(states[0, 0], states[0, 1])
    assert encoder.positions == 10


def test_unknown_characters_share_a_vector() -> None:
    encoder = encoder_of()
    states = encoder(text_batch(encoder.alphabet, "鑫😀 \n\ufffd\ud800"))[0]
    assert all(torch.equal(states[0], state) for state in states)
    assert torch.equal(states[0], encoder.embedding.weight[1])
    known = vocabulary().get_vocab_size(CHARACTERS)
    assert encoder.embedding.num_embeddings == known and not encoder.alphabet.composites


def test_padding_is_zero_and_gets_no_gradient() -> None:
    encoder = encoder_of()
    states = encoder(text_batch(encoder.alphabet, TEXT[:3], TEXT[0]))
    states.sum().backward()
    assert not states[1, 1:].any()
    gradient = encoder.embedding.weight.grad
    assert gradient is not None and not gradient[0].any() and gradient.any()


def test_dropout_works_in_training_only() -> None:
    encoder = encoder_of(dropout=0.5, embedding_dim=200)
    batch = text_batch(encoder.alphabet, TEXT)
    whole = encoder(batch)
    encoder.train()
    dropped = encoder(batch)
    kept = dropped != 0
    assert 0.4 < kept.float().mean() < 0.6
    torch.testing.assert_close(dropped[kept], 2 * whole[kept])
