"""Transformers and their tokenizers, from a folder, the Hugging Face hub, or an archive."""

from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary


def folder_of(vocab: Vocabulary, model_name: str) -> str:
    """Where the transformer's configuration and tokenizer are: beside the vocabulary, where that is an archive's."""
    saved = vocab.directory / "encoder" if vocab.directory else None
    return str(saved) if saved and saved.is_dir() else model_name


def load_tokenizer(folder: str, model_name: str) -> tuple[Any, Any]:
    """Tokenizer and configuration of a transformer."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        # Code that lies beside an encoder, in an archive say, never runs; left open, transformers would ask.
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return tokenizer, AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f'cannot load encoder "{model_name}": {reason}', "model_name"
        ) from error


def set_dropout(config: Any, name: str, value: float | None, key: str) -> None:
    """Change a setting that a transformer's configuration has, where `value` is given."""
    if value is None:
        return
    if not hasattr(config, name):
        raise ConfigurationError(f'a {config.model_type} has no setting "{name}"', key)
    setattr(config, name, value)


def most_positions(transformer: Any) -> int:
    """Pieces that a transformer has positions for."""
    return int(transformer.config.max_position_embeddings) - first_position(transformer)


def first_position(transformer: Any) -> int:
    """The number of the first position."""
    table = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    # RoBERTa and its kin number positions from behind that of padding.
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else padding + 1


def load_transformer(folder: str, config: Any, with_weights: bool) -> Any:
    """The transformer in float32, without a pooling layer, which nothing here reads."""
    from transformers import AutoModel

    if with_weights:
        transformer = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32)
    else:
        transformer = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return transformer
