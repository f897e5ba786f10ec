"""Loading transformers and tokenizers from a folder, the Hugging Face Hub or an archive."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.logging import quiet_transformers
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.bert import Bert
from ner_adv_plugin.modules.encoders.bert_config import BertConfig
from ner_adv_plugin.modules.encoders.checkpoints import (
    LANGUAGE_MODEL_HEADS,
    read_bert,
    read_language_model,
)
from ner_adv_plugin.modules.encoders.encoder_files import (
    check_encoder,
    check_loaded,
    check_vocabulary,
    explain_load,
    local_folder,
)
from ner_adv_plugin.modules.encoders.wordpiece import WordPieceTokenizer


def saved_folder(vocab: Vocabulary) -> str | None:
    """Return the folder of configuration and tokenizer that came with the vocabulary, if any."""
    saved = vocab.directory / "encoder" if vocab.directory else None
    return str(saved) if saved and saved.is_dir() else None


def folder_of(vocab: Vocabulary, model_name: str) -> str:
    """Find the folder (or Hub name) of the transformer's configuration and tokenizer.

    For a vocabulary read from an archive, it is the archive's own folder `encoder`, if there is
    one. An encoder of a hub, such as `hf://ORG/NAME`, is downloaded.
    """
    return saved_folder(vocab) or local_folder(model_name)


def load_tokenizer(folder: str, model_name: str, with_weights: bool = False) -> tuple[Any, Any]:
    """Load the tokenizer and configuration of a transformer.

    # Parameters

    folder : folder, or name on the Hugging Face Hub.
    model_name : name shown in errors.
    with_weights : whether the folder must have weights, too.

    # Raises

    ConfigurationError : they cannot be loaded.
    """
    check_encoder(folder, model_name, with_weights)
    config = BertConfig.read(Path(folder)) or _other_config(folder, model_name)
    tokenizer = WordPieceTokenizer.read(Path(folder)) or _other_tokenizer(folder, model_name)
    check_vocabulary(tokenizer, folder, model_name)
    return tokenizer, config


def _other_config(folder: str, model_name: str) -> Any:
    """Load the configuration of an architecture of transformers."""
    from transformers import AutoConfig

    quiet_transformers()
    # Code shipped with an encoder, for example in an archive, never runs. If this were unset,
    # transformers would prompt for it.
    with _explained(folder, model_name, "configuration"):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _other_tokenizer(folder: str, model_name: str) -> Any:
    """Load a tokenizer of transformers."""
    from transformers import AutoTokenizer

    quiet_transformers()
    with _explained(folder, model_name, "tokenizer"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


@contextlib.contextmanager
def _explained(folder: str, model_name: str, what: str) -> Iterator[None]:
    """Turn every error of a library about the files of an encoder into a `ConfigurationError`."""
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        # Corrupt files raise anything: KeyError, errors of Rust libraries, plain Exception.
        raise explain_load(folder, model_name, what, error) from error


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

    # Raises

    ConfigurationError : the weights are missing, cannot be read or are those of another model.
    """
    if isinstance(config, BertConfig):
        return _load_bert(Path(folder), config, with_weights)

    from transformers import AutoModel

    if with_weights:
        with _explained(folder, folder, "weights"):
            # Parameters of another shape are reported like missing ones, and refused below.
            transformer, info = AutoModel.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
        check_loaded(info, config, folder)
    else:
        transformer = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return transformer


def empty_transformer(folder: str) -> Any:
    """Make the transformer of a folder without memory for its parameters, to count them.

    # Raises

    OSError, ValueError, KeyError : its configuration cannot be read.
    """
    with torch.device("meta"):
        config = BertConfig.read(Path(folder))
        if config is not None:
            return Bert(config)

        from transformers import AutoConfig, AutoModel

        return AutoModel.from_config(AutoConfig.from_pretrained(folder, local_files_only=True))


def _load_bert(folder: Path, config: BertConfig, with_weights: bool) -> Bert:
    """Load an encoder that this package implements; see `load_transformer`."""
    if not with_weights:
        transformer = Bert(config)
        transformer.initialise()
        return transformer

    with _explained(str(folder), str(folder), "weights"):
        transformer, info = read_bert(folder, config)
    check_loaded(info, config, str(folder))
    return transformer


def language_model_weights(folder: str, config: Any) -> dict[str, torch.Tensor]:
    """Load the masked language model's head of a checkpoint.

    # Parameters

    folder : folder, or name on the Hugging Face Hub.
    config : the transformer's configuration.

    # Returns

    See `LanguageModel.weights`; empty if the checkpoint has no such head, or one of another shape.
    """
    if isinstance(config, BertConfig):
        with _explained(folder, folder, "weights"):
            return read_language_model(Path(folder), config)

    from transformers import AutoModelForMaskedLM

    if type(config) not in AutoModelForMaskedLM._model_mapping:
        return {}
    with _explained(folder, folder, "weights"):
        model, info = AutoModelForMaskedLM.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    state = model.state_dict()
    for names in LANGUAGE_MODEL_HEADS:
        fresh = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
        if all(name in state and name not in fresh for name in names.values()):
            return {own: state[name].clone() for own, name in names.items()}
    return {}


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
