"""The tokenizer built here against `transformers.AutoTokenizer`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ner_adv_plugin.data.piece_alphabet import PieceAlphabet
from ner_adv_plugin.modules.encoders.wordpiece import WordPieceTokenizer

ROOT = Path(__file__).resolve().parents[3]
FIXTURE = ROOT / "fixtures" / "encoder"
REAL = ROOT.parent / "shared" / "encoders" / "uer-roberta-L2-H512"
# Letters with accents, full-width and combining characters, control characters, emoji, ideographs
# of all planes, and the special tokens' own text.
TEXTS = [
    "北京大学",
    "Ｃafé Café",
    "a\u0301e\u0301",
    "\ufffd\x00\t",
    "😀👨‍👩‍👧",
    "𠮷㐀",
    "[CLS]我[UNK]",
    "1/2 ½",
]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"strip_accents": False},
    {"tokenize_chinese_chars": False},
    {"model_max_length": 128, "tokenizer_class": "BertTokenizerFast"},
]


def read(folder: Path) -> WordPieceTokenizer:
    tokenizer = WordPieceTokenizer.read(folder)
    assert tokenizer is not None
    return tokenizer


def copy_of(folder: Path, **changes: Any) -> Path:
    """Copy the fixture's tokenizer and change keys of its configuration."""
    shutil.copytree(FIXTURE, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def assert_equal(folder: Path, texts: list[str]) -> None:
    mine, theirs = read(folder), AutoTokenizer.from_pretrained(str(folder))
    assert len(mine) == len(theirs)
    assert mine.unk_token_id == theirs.unk_token_id
    assert mine.mask_token_id == theirs.mask_token_id
    assert set(mine.all_special_tokens) == set(theirs.all_special_tokens)
    assert set(mine.all_special_ids) == set(theirs.all_special_ids)
    assert mine.model_max_length == theirs.model_max_length
    for special in (True, False):
        expected = theirs(texts, add_special_tokens=special)["input_ids"]
        assert mine(texts, add_special_tokens=special)["input_ids"] == expected
        assert mine(texts[0], add_special_tokens=special)["input_ids"] == expected[0]

    ids = sorted({i for ids in mine(texts)["input_ids"] for i in ids})
    assert mine.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(ids)
    assert PieceAlphabet(mine).special_tokens() == PieceAlphabet(theirs).special_tokens()


@pytest.mark.parametrize("changes", VARIANTS)
def test_settings(changes: dict[str, Any], tmp_path: Path) -> None:
    assert_equal(copy_of(tmp_path / "encoder", **changes), TEXTS)


def test_a_vocabulary_alone(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "encoder")
    (folder / "tokenizer.json").unlink()
    assert_equal(folder, TEXTS)


@pytest.mark.parametrize("folder", [FIXTURE, REAL])
def test_every_character_of_the_basic_plane(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("needs the real encoder in ../shared")
    mine, theirs = PieceAlphabet(read(folder)), PieceAlphabet(AutoTokenizer.from_pretrained(folder))
    characters = [chr(code) for code in range(0x10000)]
    assert mine.pieces_of(characters) == theirs.pieces_of(characters)


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    return read(FIXTURE), AutoTokenizer.from_pretrained(str(FIXTURE))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_any_text(text: str, pair: tuple[Any, Any]) -> None:
    mine, theirs = pair
    assert mine(text)["input_ids"] == theirs(text)["input_ids"]


def test_what_is_saved_is_read_by_transformers(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "encoder", do_lower_case=False)
    read(folder).save_pretrained(tmp_path / "saved")
    assert_equal(tmp_path / "saved", TEXTS)
    saved = AutoTokenizer.from_pretrained(str(tmp_path / "saved"))
    assert (
        saved(TEXTS)["input_ids"] == AutoTokenizer.from_pretrained(str(folder))(TEXTS)["input_ids"]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer_class": "BertJapaneseTokenizer"},
        {"tokenizer_class": None},
        {"unk_token": "<none>"},
        {"never_split": ["北京"]},
        {"a_new_setting": 1},
        {"added_tokens_decoder": {"1220": {"content": "[ENTITY]"}}},
    ],
)
def test_other_tokenizers_are_left_to_transformers(changes: dict[str, Any], tmp_path: Path) -> None:
    assert WordPieceTokenizer.read(copy_of(tmp_path / "encoder", **changes)) is None


def test_broken_files_are_left_to_transformers(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "encoder")
    (folder / "tokenizer.json").write_text("{")
    assert WordPieceTokenizer.read(folder) is None
    assert WordPieceTokenizer.read(tmp_path) is None
