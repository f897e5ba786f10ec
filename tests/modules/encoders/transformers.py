"""Reference encoding with `transformers` alone, and tiny random transformers."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import AutoModel, PreTrainedConfig, PreTrainedTokenizerFast

from ner_adv_plugin.modules.encoders import Encoder, PretrainedTransformer
from tests.modules.examples import TEXT, vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
# NFKC expands "½", "㍿" and "℡" to several characters, and maps full-width letters to plain ones.
SUBWORDS = [*SPECIAL, *sorted(set(TEXT)), *"1⁄2株式会社TEL"]


def encoder_of(folder: Path, **settings: object) -> PretrainedTransformer:
    """Build an encoder in evaluation mode."""
    config = {"type": "pretrained_transformer", "model_name": str(folder), **settings}
    made = Encoder.from_params(config, vocab=vocabulary())
    assert isinstance(made, PretrainedTransformer)
    return made.eval()


class PlainTransformer:
    """A Hugging Face transformer that encodes one text at a time, given its subwords.

    # Parameters

    folder : folder of the transformer.
    before, after : special tokens before and after a text.
    """

    def __init__(self, folder: Path, before: int, after: int) -> None:
        self.model = AutoModel.from_pretrained(str(folder), dtype=torch.float32).eval()
        self.before = before
        self.after = after

    @torch.no_grad()
    def states(self, subwords: Sequence[int]) -> Tensor:
        """States of the subwords, (P, D)."""
        ids = torch.tensor([[self.before, *subwords, self.after]])
        output: Tensor = self.model(input_ids=ids).last_hidden_state
        return output[0, 1:-1]


def write_tiny_transformer(
    folder: Path, config: PreTrainedConfig, model_max_length: int | None = None
) -> None:
    """Save a random transformer with the subwords `SUBWORDS`.

    Its tokenizer normalises to NFKC and splits into characters.
    """
    inner = Tokenizer(
        models.WordLevel({subword: i for i, subword in enumerate(SUBWORDS)}, unk_token="[UNK]")
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
