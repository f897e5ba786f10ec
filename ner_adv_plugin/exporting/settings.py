"""Settings of an export, from the parts of a model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import torch

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading.normalisers import Normaliser
from ner_adv_plugin.data.text_forms import FORMS
from ner_adv_plugin.exporting.graphs import batch_of
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders import (
    CharacterEmbedding,
    Encoder,
    LexiconEncoder,
    PretrainedTransformer,
)
from ner_adv_plugin.modules.heads import Head, SpanHead, TaggingHead
from ner_adv_plugin.runtime.files import Pairs, Settings, Subwords, Tags


def settings_of(archive: Archive, model: SharingModel, head: str) -> Settings:
    """Return the settings of the export of a head.

    # Raises

    UserError : a normaliser, the encoder or the head cannot be exported.
    """
    space = model.vocab.label_space(head)
    dataset = next(name for name, own in model.vocab.datasets.items() if own.head == head)
    encoder = model.encoder
    inner = encoder.encoder if isinstance(encoder, LexiconEncoder) else encoder
    return Settings(
        head=head,
        segmentation=space.segmentation,
        types=list(space.types),
        normalisers=_normalisers(archive, dataset),
        decoder=_decoder(cast(Head, model.heads[head]), head),
        subwords=_subwords(inner),
        lexicon=list(encoder.lexicon.types) if isinstance(encoder, LexiconEncoder) else None,
    )


def _normalisers(archive: Archive, dataset: str) -> list[Mapping[str, Any]]:
    """Return the type and settings of each normaliser of a dataset."""
    found: list[Mapping[str, Any]] = []
    for normaliser in archive.normalisers(dataset):
        name = next((n for n in FORMS if type(normaliser) is Normaliser.by_name(n)), None)
        if name is None:
            raise UserError(
                f"normaliser {type(normaliser).__name__} of dataset {dataset} cannot be exported:"
                f" expected one of {', '.join(sorted(FORMS))}"
            )
        fields = [own.name for own in dataclasses.fields(cast(Any, normaliser)) if own.init]
        found.append({"type": name, **{field: getattr(normaliser, field) for field in fields}})
    return found


def _decoder(head: Head, name: str) -> Tags | Pairs:
    if isinstance(head, TaggingHead) and head.ranks_readings:
        return Tags(head.scheme.name, float(head.temperature))
    if isinstance(head, SpanHead):
        example = head(
            torch.zeros(1, 1, head.input_dim), batch_of(torch.ones(1, 1, dtype=torch.bool))
        )
        groups, options = head.log_probabilities(example, 1.0).shape[3:]
        group_S = torch.arange(groups).repeat_interleave(options - 1)
        option_S = torch.arange(1, options).repeat(groups)
        types_GK = head.types(group_S, option_S).view(groups, options - 1)
        return Pairs(head.flat, [[-1, *row] for row in types_GK.tolist()])
    raise UserError(
        f'head "{name}": {type(head).__name__} cannot be exported: expected "crf", "softmax",'
        ' "pytorch_crf", "global_pointer", "biaffine", or a head derived from `TaggingHead` that'
        " ranks readings or from `SpanHead`"
    )


def _subwords(encoder: Encoder) -> Subwords | None:
    if type(encoder) is CharacterEmbedding:
        return None
    if type(encoder) is not PretrainedTransformer:
        raise UserError(
            f"model.encoder: {type(encoder).__name__} cannot be exported: expected"
            ' "character_embedding", "pretrained_transformer", or "lexicon" around one of them'
        )
    return Subwords(
        encoder.alphabet.size,
        int(encoder.tokenizer.unk_token_id),
        list(encoder.prefix),
        list(encoder.suffix),
        encoder.window,
        encoder.overlap,
    )
