"""Files of an exported model, and their checks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.common.digests import check_digests, file_digest
from ner_adv_plugin.common.errors import UserError, nearest_file

SETTINGS = "runtime.json"
ENCODER = "encoder.onnx"
HEAD = "head.onnx"
TRANSITIONS = "transitions.npz"
TOKENIZER = "tokenizer.json"
CHARACTERS = "characters.txt"
LEXICON = "lexicon"
EMBEDDING = "embedding.npy"
# `format` in the settings: incremented if older versions cannot read newer exports.
FORMAT = 1


@dataclass(frozen=True)
class Subwords:
    """How characters become the tokens of a transformer.

    # Parameters

    size : number of subword indices.
    unknown : index of the unknown subword.
    prefix, suffix : special tokens around each window.
    window : maximum number of subwords of a window, without special tokens.
    overlap : minimum number of subwords that adjacent windows share.
    """

    size: int
    unknown: int
    prefix: list[int]
    suffix: list[int]
    window: int
    overlap: int


@dataclass(frozen=True)
class Tags:
    """How the scores of tags become spans.

    # Parameters

    scheme : name of the tag scheme.
    temperature : temperature by which scores are divided to get probabilities.
    """

    scheme: str
    temperature: float


@dataclass(frozen=True)
class Pairs:
    """How the log-probabilities of pairs of characters become spans.

    # Parameters

    flat : whether to drop every span that overlaps a more probable one.
    types : for each group of options the index of the type of each option, -1 for "no span".
    """

    flat: bool
    types: list[list[int]]


@dataclass(frozen=True)
class Settings:
    """What the graphs of an exported model do not say.

    # Parameters

    head : name of the head.
    segmentation : whether it finds words.
    types : its entity types.
    normalisers : type and settings of the normalisers of its dataset.
    decoder : how its scores become spans.
    subwords : how characters become tokens; None if the encoder embeds characters.
    lexicon : types of the words of its lexicon; None if it has none.
    precision : "fp32" or "int8".
    """

    head: str
    segmentation: bool
    types: list[str]
    normalisers: list[Mapping[str, Any]]
    decoder: Tags | Pairs
    subwords: Subwords | None = None
    lexicon: list[str] | None = None
    precision: str = "fp32"
    digests: Mapping[str, str] = field(default_factory=dict)


def write_settings(folder: Path, settings: Settings) -> None:
    """Write the settings with the digests of all other files of the folder."""
    content = {"format": FORMAT, "ner_adv_plugin": __version__, **asdict(settings)}
    content["digests"] = digests_of(folder)
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / SETTINGS).write_text(text + "\n", encoding="utf-8")


def digests_of(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder, but not of the settings."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: file_digest(path) for name, path in names.items() if name != SETTINGS}


def read_settings(folder: Path) -> Settings:
    """Read the settings of an exported model, and check that its files belong together.

    # Parameters

    folder : what `allennlp export` wrote.

    # Raises

    UserError : if it is another folder, of another format, or damaged.
    """
    if not folder.is_dir():
        hint = " It is a file." if folder.is_file() else nearest_file(folder)
        raise UserError(f'no folder "{folder}", expected one written by `allennlp export`.{hint}')
    if not (folder / SETTINGS).is_file():
        hint = f" It is a run: allennlp export {folder} FOLDER" if _is_run(folder) else ""
        raise UserError(
            f"{folder}: no {SETTINGS}, expected a folder written by `allennlp export`.{hint}"
        )

    try:
        content = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"expected an object, found {type(content).__name__}")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder}/{SETTINGS} is not valid: {error}") from error
    if content.get("format") != FORMAT:
        raise UserError(
            f"{folder}/{SETTINGS} has format {content.get('format')!r}, version {__version__} reads"
            f" {FORMAT}: export the archive again"
        )

    try:
        settings = _parsed(content)
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder}/{SETTINGS} is not valid: {type(error).__name__}: {error}"
        ) from error
    check_digests(settings.digests, digests_of(folder), str(folder))
    return settings


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file() and (folder / "vocabulary").is_dir()


def _parsed(content: Mapping[str, Any]) -> Settings:
    """Build settings from JSON; raises anything if it is not valid."""
    values = {key: content[key] for key in Settings.__dataclass_fields__}
    decoder = values["decoder"]
    values["decoder"] = Tags(**decoder) if "scheme" in decoder else Pairs(**decoder)
    if values["subwords"] is not None:
        values["subwords"] = Subwords(**values["subwords"])
    return Settings(**values)
