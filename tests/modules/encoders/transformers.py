"""Transformers run the plain way, and tiny ones with tokenizers of one's own."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import AutoModel, PreTrainedConfig, PreTrainedTokenizerFast

from ner_adv_plugin.modules.encoders import Encoder, PretrainedTransformer
from tests.modules.examples import TEXT, vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
# NFKC makes several characters of "½", "㍿" and "℡", and one full-width letter a plain one.
PIECES = [*SPECIAL, *sorted(set(TEXT)), *"1⁄2株式会社TEL"]


def encoder_of(folder: Path, **settings: object) -> PretrainedTransformer:
    """The encoder of a config, in evaluation mode."""
    config = {"type": "pretrained_transformer", "model_name": str(folder), **settings}
    made = Encoder.from_params(config, vocab=vocabulary())
    assert isinstance(made, PretrainedTransformer)
    return made.eval()


class PlainTransformer:
    """`transformers` by itself, one text at a time, given its pieces.

    # Parameters

    folder : of the transformer.
    before, after : special pieces around a text.
    """

    def __init__(self, folder: Path, before: int, after: int) -> None:
        self.model = AutoModel.from_pretrained(str(folder), dtype=torch.float32).eval()
        self.before = before
        self.after = after

    @torch.no_grad()
    def states(self, pieces: Sequence[int]) -> Tensor:
        """States of the pieces, (P, D)."""
        ids = torch.tensor([[self.before, *pieces, self.after]])
        output: Tensor = self.model(input_ids=ids).last_hidden_state
        return output[0, 1:-1]


def write_tiny_transformer(
    folder: Path, config: PreTrainedConfig, model_max_length: int | None = None
) -> None:
    """A random transformer over `PIECES`, with a tokenizer that normalises to NFKC and cuts into characters."""
    inner = Tokenizer(
        models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    inner.normalizer = normalizers.NFKC()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    limit = {} if model_max_length is None else {"model_max_length": model_max_length}
    PreTrainedTokenizerFast(tokenizer_object=inner, **names, **limit).save_pretrained(folder)
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
