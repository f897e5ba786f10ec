"""BERT's tokenizer, built from its files without importing `transformers`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONFIG = "tokenizer_config.json"
TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.txt"
CLASSES = ("BertTokenizer", "BertTokenizerFast")
SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
# Keys of `tokenizer_config.json` that change nothing about single characters, or are read here.
KNOWN = {
    *SPECIAL,
    "backend",
    "clean_up_tokenization_spaces",
    "do_basic_tokenize",
    "do_lower_case",
    "extra_special_tokens",
    "is_local",
    "model_max_length",
    "name_or_path",
    "never_split",
    "special_tokens_map_file",
    "strip_accents",
    "tokenize_chinese_chars",
    "tokenizer_class",
    "tokenizer_file",
    "added_tokens_decoder",
    "local_files_only",
    "additional_special_tokens",
    "model_input_names",
}
# A tokenizer whose configuration names no maximum has none.
UNLIMITED = int(1e30)


class WordPieceTokenizer:
    """WordPiece over BERT's normalisation, as `transformers.BertTokenizer` computes it.

    # Parameters

    vocabulary : index of each subword.
    settings : content of `tokenizer_config.json`.
    """

    def __init__(self, vocabulary: dict[str, int], settings: dict[str, Any]) -> None:
        from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
        from tokenizers.models import WordPiece

        self.settings = settings
        names = {key: _text(settings.get(key, default)) for key, default in SPECIAL.items()}
        self.unk_token = names["unk_token"]
        self.all_special_tokens = list(dict.fromkeys(names.values()))
        self.all_special_ids = [vocabulary[name] for name in self.all_special_tokens]
        self.unk_token_id = vocabulary[self.unk_token]
        self.mask_token_id = vocabulary.get(names["mask_token"])
        self.model_max_length = int(settings.get("model_max_length") or UNLIMITED)

        tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=self.unk_token))
        tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
            strip_accents=settings.get("strip_accents"),
            lowercase=settings.get("do_lower_case", True),
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece(prefix="##")
        tokenizer.add_special_tokens([name for name in self.all_special_tokens])
        first, last = names["cls_token"], names["sep_token"]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first}:0 $A:0 {last}:0",
            pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
            special_tokens=[(name, vocabulary[name]) for name in (first, last)],
        )
        self.backend_tokenizer = tokenizer

    @classmethod
    def read(cls, folder: Path) -> "WordPieceTokenizer | None":
        """Read the tokenizer of a folder; None if it is another one, or its files are unusual."""
        try:
            settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            vocabulary = _vocabulary(folder)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(settings, dict) or not _is_implemented(settings, vocabulary):
            return None
        return cls(vocabulary, settings)

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size(with_added_tokens=True))

    def __call__(
        self, texts: str | Sequence[str], add_special_tokens: bool = True
    ) -> dict[str, Any]:
        """Tokenize a text or several.

        # Returns

        Subword indices of the text, or of each text, as `input_ids`.
        """
        if isinstance(texts, str):
            encoding = self.backend_tokenizer.encode(texts, add_special_tokens=add_special_tokens)
            return {"input_ids": encoding.ids}

        encodings = self.backend_tokenizer.encode_batch(
            list(texts), add_special_tokens=add_special_tokens
        )
        return {"input_ids": [encoding.ids for encoding in encodings]}

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Return the subwords of indices."""
        return [str(self.backend_tokenizer.id_to_token(index)) for index in ids]

    def save_pretrained(self, directory: str | Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json` to a folder, which is created."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.backend_tokenizer.save(str(directory / TOKENIZER), pretty=True)
        text = json.dumps(self.settings, indent=2, sort_keys=True, ensure_ascii=False)
        (directory / CONFIG).write_text(text + "\n", encoding="utf-8")


def _vocabulary(folder: Path) -> dict[str, int]:
    """Read the vocabulary, from `tokenizer.json` if there is one."""
    if not (folder / TOKENIZER).is_file():
        lines = (folder / VOCABULARY).read_text(encoding="utf-8").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        return {line: index for index, line in enumerate(lines)}

    content = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
    model = content["model"]
    plain = model["type"] == "WordPiece" and model["continuing_subword_prefix"] == "##"
    if not plain or model["max_input_chars_per_word"] != 100:
        raise ValueError
    vocabulary: dict[str, int] = model["vocab"]
    if any(vocabulary.get(token["content"]) != token["id"] for token in content["added_tokens"]):
        raise ValueError
    return vocabulary


def _is_implemented(settings: dict[str, Any], vocabulary: dict[str, int]) -> bool:
    if settings.get("tokenizer_class") not in CLASSES or not settings.keys() <= KNOWN:
        return False
    if settings.get("never_split") or settings.get("additional_special_tokens"):
        return False
    names = [_text(settings.get(key, default)) for key, default in SPECIAL.items()]
    added = [_text(token) for token in (settings.get("added_tokens_decoder") or {}).values()]
    return all(name in vocabulary for name in names) and set(added) <= set(names)


def _text(token: Any) -> str:
    """Return the text of a special token, which can be an object with its properties."""
    return str(token["content"] if isinstance(token, dict) else token)
