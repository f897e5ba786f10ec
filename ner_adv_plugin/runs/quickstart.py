"""From annotated files to splits and a config: `allennlp init` and `allennlp quickstart`."""

import json
import math
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_text
from ner_adv_plugin.common.jsonnet_text import is_name, quoted
from ner_adv_plugin.data.corpora.splitting import split
from ner_adv_plugin.data.formats.conversion import Choices, named, read, source_of, write
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.bad_records import OnBadRecord

SPLITS = ("train", "validation", "test")
CONFIG = "config.jsonnet"
DATA = "data"
# Format and ending of the files of the splits.
FORMAT, ENDING = "doccano", ".jsonl"
BATCH_SIZE = 16
# Optimizer steps that a run should have, and those without progress after which it stops.
STEPS, PATIENT_STEPS = 600, 150
# Bounds of the number of epochs, and the least number of epochs without progress.
EPOCHS, PATIENCE = (3, 100), 3
# Hidden size below which an encoder is small and learns at higher rates.
SMALL = 256


@dataclass(kw_only=True)
class Request:
    """What a user asks for.

    # Parameters

    files : annotated files or folders, which are pooled and split.
    folder : folder to write to.
    encoder : folder or hub name of the encoder.
    validation, test : annotated files that are a split already.
    shares : shares of training, validation and test sentences among those of `files`.
    source : format of all files; "auto" recognises each.
    encoding : encoding of all files.
    on_bad_record : how to treat records of the files that cannot be read; see `RecordReader`.
    seed : seed of the splits and of training.
    name : name of the dataset.
    replaces : what the flag --force replaces in a folder that is not empty, in words.
    """

    files: Sequence[str]
    folder: Path
    encoder: str
    validation: Sequence[str] = ()
    test: Sequence[str] = ()
    shares: Sequence[float] = (0.8, 0.1, 0.1)
    source: str | Mapping[str, object] = "auto"
    encoding: str = "utf-8"
    on_bad_record: OnBadRecord = "error"
    seed: int = 13370
    name: str = "mine"
    replaces: str = "its config and splits"


@dataclass
class Prepared:
    """The splits that were written.

    # Parameters

    sentences : sentences of each split.
    origins : one line on each file that was read: format, reason and what was left out.
    overlapping : number of entities that overlap another one.
    config : path of the config.
    """

    sentences: dict[str, list[Instance]] = field(default_factory=dict)
    origins: list[str] = field(default_factory=list)
    overlapping: int = 0
    config: Path = Path(CONFIG)


def prepare(request: Request, force: bool = False) -> Prepared:
    """Read the files, split them, and write splits and config.

    # Parameters

    request : what the user asks for.
    force : replace the config and the splits of an earlier call.

    # Raises

    UserError : if files cannot be read or are too small, or if the folder is not empty.
    """
    _check(request, force)
    prepared = Prepared(config=request.folder / CONFIG)
    pooled = _read(request, request.files, prepared)
    given = {
        "validation": _read(request, request.validation, prepared),
        "test": _read(request, request.test, prepared),
    }
    prepared.sentences = _split(request, pooled, given)
    tables = [SpanTable.of(own.spans for own in part) for part in prepared.sentences.values()]
    prepared.overlapping = sum(int(table.overlapping_S().sum()) for table in tables)

    data = request.folder / DATA
    shutil.rmtree(data, ignore_errors=True)
    for name, sentences in prepared.sentences.items():
        write(sentences, named(FORMAT, "--to"), data / f"{name}{ENDING}", force=True)
    write_text(prepared.config, config_text(request, prepared))
    return prepared


def config_text(request: Request, prepared: Prepared) -> str:
    """Return a commented config that trains on the splits."""
    size = len(prepared.sentences["train"])
    steps = math.ceil(size / BATCH_SIZE)
    epochs = min(max(math.ceil(STEPS / steps), EPOCHS[0]), EPOCHS[1])
    patience = max(math.ceil(PATIENT_STEPS / steps), PATIENCE)
    rate, encoder_rate = ("3e-3", "7e-4") if _is_small(request.encoder) else ("1e-3", "5e-5")
    encoder = f"type: 'pretrained_transformer', model_name: {quoted(request.encoder)}"
    # A type may hold a line break, which would end the comment.
    types = ", ".join(repr(name)[1:-1] for name in sorted(_types(prepared)))
    return f"""\
// Train a tagger of {types}. Paths begin in the folder where this was written:
// allennlp train {shlex.quote(str(prepared.config))} -s {shlex.quote(str(request.folder / "run"))}
{{
{_data_text(request, prepared)}  evaluate_on_test: true,
  random_seed: {request.seed},
  numpy_seed: self.random_seed,
  pytorch_seed: self.random_seed,
  model: {{
    type: 'crf_tagger',
    // A folder, or a name on the Hugging Face hub such as 'hfl/chinese-roberta-wwm-ext'.
    encoder: {{ {encoder}, dropout: 0.1 }},
    tower: {{ type: 'lstm', hidden_size: 128, bidirectional: true }},
    head: {{ type: 'crf', dropout: 0.2, normalize_by: 'sentences' }},
  }},
  data_loader: {{ scheduler: {{ type: 'roundrobin', batch_size: {BATCH_SIZE} }} }},
  trainer: {{
    // About {epochs * steps} steps; training stops after {patience} epochs without a better F1.
    num_epochs: {epochs},
    patience: {patience},
    validation_metric: '+{request.name}_f1',
    grad_norm: 5.0,
    optimizer: {{
      type: 'huggingface_adamw',
      lr: {rate},
      // A pretrained encoder needs a lower rate than new layers.
      parameter_groups: [[['^encoder\\\\.'], {{ lr: {encoder_rate} }}]],
    }},
    learning_rate_scheduler: {{ type: 'linear_with_warmup', warmup: 0.1 }},
  }},
}}
"""


def _data_text(request: Request, prepared: Prepared) -> str:
    """Return the keys of the config that name reader and files."""
    name = request.name
    paths = {
        split: quoted(str(request.folder / DATA / f"{split}{ENDING}"))
        for split in prepared.sentences
    }
    sizes = ", ".join(f"{len(own)} {split}" for split, own in prepared.sentences.items())
    overlaps = ""
    if prepared.overlapping:
        overlaps = f"""
      // {prepared.overlapping} entities overlap another one: a CRF can tag only one of them, the
      // longest. To learn all, remove this line and set head: 'global_pointer' below.
      overlaps: 'outermost',"""
    return f"""\
  dataset_reader: {{ type: 'multitask', readers: {{
    {name}: {{
      type: 'annotations',
      format: {quoted(FORMAT)},{overlaps}
    }},
  }} }},
  // Sentences: {sizes}.
  train_data_path: {{ {name}: {paths["train"]} }},
  validation_data_path: {{ {name}: {paths["validation"]} }},
  test_data_path: {{ {name}: {paths["test"]} }},
"""


def _check(request: Request, force: bool) -> None:
    if len(request.shares) != 3 or any(not 0 < share < 1 for share in request.shares):
        shown = " ".join(f"{share:g}" for share in request.shares)
        raise UserError(f"--shares: expected three numbers above 0 and below 1, found {shown}")
    if abs(sum(request.shares) - 1) > 1e-6:
        raise UserError(f"--shares: expected a sum of 1, found {sum(request.shares):g}")
    if not is_name(request.name):
        expected = "ASCII letters, digits and underscores, and no word of Jsonnet"
        raise UserError(f'--name: expected {expected}, found "{request.name}"')

    folder = request.folder
    if folder.is_file():
        raise UserError(f"{folder} is a file: expected a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise UserError(f"{folder} is not empty: --force replaces {request.replaces}")
        if not (folder / CONFIG).is_file():
            raise UserError(f"{folder} has no {CONFIG}: --force does not replace its files")


def _read(request: Request, paths: Sequence[str], prepared: Prepared) -> list[Instance]:
    """Read labelled sentences of several files; add a line on each to `origins`."""
    found = []
    for path in paths:
        source, name, reason = source_of(path, request.source)
        file = CorpusFile(path, request.encoding, on_bad_record=request.on_bad_record)
        sentences = read(file, source, Choices(split_lines=True, unlabelled="drop"))
        notes = [f"{path}: format {name}" + (f" ({reason})" if reason else "")]
        notes += [f"{len(sentences)} sentences", *file.counts.messages()]
        prepared.origins.append("; ".join(notes))
        found += sentences
    return found


def _split(
    request: Request, pooled: Sequence[Instance], given: Mapping[str, list[Instance]]
) -> dict[str, list[Instance]]:
    """Return the sentences of each split; splits that are given are not made."""
    wanted = [name for name in SPLITS if not given.get(name)]
    shares = [share for name, share in zip(SPLITS, request.shares, strict=True) if name in wanted]
    parts = split(pooled, [share / sum(shares) for share in shares], request.seed)
    made = {
        name: [pooled[i] for i in part.tolist()] for name, part in zip(wanted, parts, strict=True)
    }
    splits = {name: made.get(name) or list(given[name]) for name in SPLITS}
    for name, sentences in splits.items():
        if not any(sentence.spans for sentence in sentences):
            raise UserError(
                f"no entity in the {name} split of {len(sentences)} sentences: more annotated "
                "sentences are needed"
            )
    return splits


def _types(prepared: Prepared) -> set[str]:
    return {
        span.type
        for sentences in prepared.sentences.values()
        for sentence in sentences
        for span in sentence.spans or ()
    }


def _is_small(encoder: str) -> bool:
    """Return whether an encoder is small, as far as its folder says."""
    try:
        settings = json.loads((Path(encoder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    size = settings.get("hidden_size", SMALL) if isinstance(settings, dict) else SMALL
    return isinstance(size, int) and size < SMALL
