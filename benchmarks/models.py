"""The models that are measured, on random encoders made on the spot."""

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
    """Sizes of a BERT, by the names of its configuration."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int


# The shape of TinyBERT's smaller model: 4 layers, 312 wide.
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
    """As many entries as the Chinese BERT's vocabulary has: special ones, ASCII, all Chinese characters."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    single = [chr(i) for i in (*range(33, 127), *range(0x4E00, 0xA000), *range(0x3001, 0x3030))]
    return [*special, *single][:VOCABULARY_SIZE]


@contextmanager
def random_bert(shape: Shape) -> Iterator[str]:
    """A folder that holds a BERT of this shape with random weights, for as long as it is used."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    with TemporaryDirectory() as name:
        (Path(name) / "vocab.txt").write_text("\n".join(characters()) + "\n", encoding="utf-8")
        BertTokenizer(str(Path(name) / "vocab.txt"), model_max_length=512).save_pretrained(name)
        BertModel(BertConfig(vocab_size=VOCABULARY_SIZE, **shape)).save_pretrained(name)
        yield name


def build(
    kind: str, vocab: Vocabulary, encoder: str, hidden_size: int = 128, **settings: Any
) -> SharingModel:
    """A model over an encoder's folder.

    Its CRF has no constraints: pytorch-crf, which it is compared with, knows none.

    # Parameters

    kind : registered name.
    vocab : names the heads.
    encoder : the folder.
    hidden_size : of the LSTMs, in each direction.
    settings : besides.
    """
    config = {
        "type": kind,
        "encoder": {"type": "pretrained_transformer", "model_name": encoder, "dropout": 0.1},
        "tower": {"type": "lstm", "hidden_size": hidden_size, "bidirectional": True},
        "head": {"type": "crf", "dropout": 0.2, "constrained": False},
        **settings,
    }
    torch.manual_seed(0)
    model: SharingModel = bind(LazyModel, config, "model").build({}).construct(vocab=vocab)
    return model


def encoder_of(model: SharingModel) -> PretrainedTransformer:
    """The encoder of a model of `build`."""
    assert isinstance(model.encoder, PretrainedTransformer)
    return model.encoder


def loader_of(sentences: Mapping[str, EncodedDataset], batch_size: int = 32) -> DataLoader:
    """The default data loader."""
    loader = DataLoader(batch_size=batch_size)
    loader.set_sentences(sentences, seed=0)
    return loader


@contextmanager
def trainer_of(
    model: SharingModel, loader: DataLoader, device: int = -1, **settings: Any
) -> Iterator[Trainer]:
    """A trainer with the default optimizer, whose `train_step` is what is timed."""
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
