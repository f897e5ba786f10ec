"""Writing of the parts of a model for prediction without torch.

Shape suffixes: B sentences, L characters, D state size.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.namespaces import CHARACTERS as CHARACTERS_SPACE
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.data.vocabulary_files import encoded_entries
from ner_adv_plugin.exporting.graphs import HeadGraph, TransformerGraph
from ner_adv_plugin.exporting.tracing import write_graph
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders import (
    CharacterEmbedding,
    Encoder,
    LexiconEncoder,
    PretrainedTransformer,
)
from ner_adv_plugin.modules.heads import TaggingHead
from ner_adv_plugin.runtime.files import (
    CHARACTERS,
    EMBEDDING,
    ENCODER,
    HEAD,
    LEXICON,
    TOKENIZER,
    TRANSITIONS,
)

# Lengths of the example sentences of a trace, longest first.
LENGTHS = (7, 5, 2)


def write_encoder(encoder: Encoder, vocab: Vocabulary, folder: Path) -> None:
    """Write the graph of an encoder, its tokenizer or characters, and its lexicon.

    # Parameters

    encoder : the encoder.
    vocab : lists the characters.
    folder : the folder to write to.

    # Raises

    UserError : the encoder cannot be exported.
    """
    if isinstance(encoder, LexiconEncoder):
        encoder.lexicon.save(folder / LEXICON)
        if encoder.embedding is not None:
            np.save(folder / LEXICON / EMBEDDING, encoder.embedding.weight.detach().numpy())
        encoder = encoder.encoder

    mask = _example_mask()
    inputs = {"token_ids": mask.long()}
    part = f"model.encoder ({type(encoder).__name__})"
    if isinstance(encoder, PretrainedTransformer):
        tokenizer = getattr(encoder.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise UserError(
                f"{part} cannot be exported: {type(encoder.tokenizer).__name__} is written in"
                " Python, expected a tokenizer with a tokenizer.json"
            )
        (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
        module: torch.nn.Module = TransformerGraph(encoder)
        axes = {"token_ids": ("windows", "tokens"), "mask": ("windows", "tokens")}
        inputs["mask"] = mask
    else:
        assert isinstance(encoder, CharacterEmbedding)
        characters = vocab.get_index_to_token_vocabulary(CHARACTERS_SPACE)
        (folder / CHARACTERS).write_bytes(encoded_entries(characters.values()))
        module = encoder.embedding
        axes = {"token_ids": ("sentences", "characters")}
    write_graph(module, inputs, axes, axes["token_ids"], folder / ENCODER, part)


def write_head(model: SharingModel, head: str, folder: Path) -> None:
    """Write the graph of a head with its towers, and the transitions of its tags.

    # Parameters

    model : the model.
    head : name of the head.
    folder : the folder to write to.

    # Raises

    UserError : a tower or the head cannot be exported.
    """
    mask = _example_mask()
    encoder = model.encoder
    size = encoder.get_output_dim()
    inputs: dict[str, Tensor] = {}
    if isinstance(encoder, LexiconEncoder):
        size = encoder.encoder.get_output_dim()
    inputs["states"] = torch.randn(*mask.shape, size)
    inputs["mask"] = mask
    if isinstance(encoder, LexiconEncoder):
        inputs["features"] = torch.randn(*mask.shape, encoder.features_size)

    axes = {name: ("sentences", "characters") for name in inputs}
    module = HeadGraph(model, head).eval()
    output_axes = ["sentences", "characters"]
    tags = model.heads[head]
    if not isinstance(tags, TaggingHead):
        output_axes.append("last_characters")
    part = f'head "{head}" with its towers'
    write_graph(module, inputs, axes, output_axes, folder / HEAD, part)

    if isinstance(tags, TaggingHead):
        crf = tags.as_crf()
        np.savez(
            folder / TRANSITIONS,
            starts=_allowed(crf.start_transitions, crf.allowed_starts),
            transitions=_allowed(crf.transitions, crf.allowed_transitions),
            ends=_allowed(crf.end_transitions, crf.allowed_ends),
        )


def _allowed(scores: Tensor, allowed: Tensor) -> NDArray[np.float32]:
    """Return scores with -inf for what is forbidden."""
    values: NDArray[np.float32] = scores.detach().masked_fill(~allowed, -torch.inf).numpy()
    return values


def _example_mask() -> Tensor:
    return torch.arange(LENGTHS[0]) < torch.tensor(LENGTHS)[:, None]
