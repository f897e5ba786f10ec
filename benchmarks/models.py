"""The models of the benchmarks, with encoders that have random weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

import torch

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.modules.encoders import PretrainedTransformer
from ner_adv_plugin.training.trainer import Trainer


class Shape(TypedDict):
    """The size of a BERT, with the keys of its configuration."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int


# The size of the smaller TinyBERT: 4 layers, hidden size 312.
SMALL: Shape = {
    "hidden_size": 312,
    "num_hidden_layers": 4,
    "num_attention_heads": 12,
    "intermediate_size": 1200,
}
BASE: Shape = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
TINY: Shape = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
VOCABULARY_SIZE = 21128


def characters() -> list[str]:
    """Return special tokens, ASCII and Chinese characters: as many as Chinese BERT has."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    single = [chr(i) for i in (*range(33, 127), *range(0x4E00, 0xA000), *range(0x3001, 0x3030))]
    return [*special, *single][:VOCABULARY_SIZE]


@contextmanager
def random_bert(shape: Shape) -> Iterator[str]:
    """Create a temporary folder with a BERT of this size and random weights."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    with TemporaryDirectory() as name:
        (Path(name) / "vocab.txt").write_text("\n".join(characters()) + "\n", encoding="utf-8")
        BertTokenizer(str(Path(name) / "vocab.txt"), model_max_length=512).save_pretrained(name)
        BertModel(BertConfig(vocab_size=VOCABULARY_SIZE, **shape)).save_pretrained(name)
        yield name


def build(
    model_type: str, vocab: Vocabulary, encoder: str, hidden_size: int = 128, **settings: Any
) -> SharingModel:
    """Build a model with LSTM towers and CRF heads.

    The CRF is unconstrained, as it is compared with pytorch-crf, which supports no constraints.

    # Parameters

    model_type : the registered name of the model.
    vocab : the vocabulary, which defines the heads.
    encoder : the folder of the encoder.
    hidden_size : units of an LSTM in each direction.
    settings : further settings of the model; they replace the default ones.
    """
    config = {
        "type": model_type,
        "encoder": {"type": "pretrained_transformer", "model_name": encoder, "dropout": 0.1},
        "tower": {"type": "lstm", "hidden_size": hidden_size, "bidirectional": True},
        "head": {"type": "crf", "dropout": 0.2, "constrained": False},
        **settings,
    }
    torch.manual_seed(0)
    model: SharingModel = bind(LazyModel, config, "model").build({}).construct(vocab=vocab)
    return model


def encoder_of(model: SharingModel) -> PretrainedTransformer:
    """Return the encoder of a model made by `build`."""
    assert isinstance(model.encoder, PretrainedTransformer)
    return model.encoder


def loader_of(sentences: Mapping[str, EncodedDataset], batch_size: int = 32) -> DataLoader:
    """Return a data loader with default settings."""
    loader = DataLoader(batch_size=batch_size)
    loader.set_sentences(sentences, seed=0)
    return loader


@contextmanager
def trainer_of(
    model: SharingModel, loader: DataLoader, device: int = -1, **settings: Any
) -> Iterator[Trainer]:
    """Create a trainer with the default optimizer in a temporary folder."""
    with TemporaryDirectory() as folder:
        for dataset in loader.sentences().values():
            dataset.targets = model.targets(dataset)
        yield Trainer(
            model,
            loader,
            Evaluator(model.vocab, {}),
            serialization_dir=folder,
            cuda_device=device,
            **settings,
        )
