"""Loading transformers and tokenizers from a folder, the Hugging Face Hub or an archive."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary


def folder_of(vocab: Vocabulary, model_name: str) -> str:
    """Find the folder (or Hub name) of the transformer's configuration and tokenizer.

    For a vocabulary read from an archive, it is the archive's own folder `encoder`, if there is
    one.
    """
    saved = vocab.directory / "encoder" if vocab.directory else None
    return str(saved) if saved and saved.is_dir() else model_name


def load_tokenizer(folder: str, model_name: str) -> tuple[Any, Any]:
    """Load the tokenizer and configuration of a transformer.

    # Parameters

    folder : folder, or name on the Hugging Face Hub.
    model_name : name shown in errors.

    # Raises

    ConfigurationError : they cannot be loaded.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        # Code shipped with an encoder, for example in an archive, never runs. If this were unset,
        # transformers would prompt for it.
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return tokenizer, AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f'cannot load encoder "{model_name}": {reason}', "model_name"
        ) from error


def set_dropout(config: Any, name: str, value: float | None, key: str) -> None:
    """Set a dropout probability in a transformer's configuration; do nothing if `value` is None.

    # Parameters

    config : the transformer's configuration.
    name : attribute of the configuration.
    value : dropout probability.
    key : config key shown in errors.

    # Raises

    ConfigurationError : the configuration has no such attribute.
    """
    if value is None:
        return
    if not hasattr(config, name):
        raise ConfigurationError(f'a {config.model_type} model has no setting "{name}"', key)
    setattr(config, name, value)


def max_positions(transformer: Any) -> int:
    """Return the maximum number of tokens of a transformer's input."""
    return int(transformer.config.max_position_embeddings) - first_position(transformer)


def first_position(transformer: Any) -> int:
    """Return the index of the first position embedding."""
    table = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    # Models derived from RoBERTa reserve the positions up to the padding index.
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else padding + 1


def load_transformer(folder: str, config: Any, with_weights: bool) -> Any:
    """Load a transformer in float32, without its unused pooling layer.

    # Parameters

    folder : folder, or name on the Hugging Face Hub.
    config : the transformer's configuration.
    with_weights : whether to load pretrained weights; otherwise they are initialised randomly.
    """
    from transformers import AutoModel

    if with_weights:
        transformer = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32)
    else:
        transformer = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return transformer


@contextlib.contextmanager
def recomputing(transformer: Any, wanted: bool) -> Iterator[None]:
    """Keep only the inputs of a transformer's layers for the backward pass, which repeats them.

    # Parameters

    transformer : in training mode; in prediction nothing is kept anyway.
    wanted : if false, nothing changes.
    """
    if not (wanted and transformer.training and torch.is_grad_enabled()):
        yield
        return

    transformer.gradient_checkpointing_enable({"use_reentrant": False})
    try:
        yield
    finally:
        transformer.gradient_checkpointing_disable()
