"""An audit of everything that a config reads."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from ner_adv_plugin.common.binding import check_keys, construct
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.schema import Lazy, Supplied, parameters
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.corpora.audit import Audit, SplitSummary, count_unknown, summarise
from ner_adv_plugin.data.corpora.overlaps import TRAIN, SplitRows, find_overlaps
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.encoder import Encoder, LazyEncoder
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.sources import Paths, Sources, check_files, sources_of


@dataclass(kw_only=True)
class AuditJob:
    """The keys of a config that an audit looks at, as in `TrainJob`; the model's encoder besides."""

    dataset_reader: DatasetReader
    train_data_path: Paths | None = None
    validation_dataset_reader: DatasetReader | None = None
    validation_data_path: Paths | None = None
    test_data_path: Paths | None = None
    vocabulary: Annotated[Lazy[Vocabulary], Supplied("instances", "readers")] | None = None


def audit(config: Mapping[str, Any]) -> Audit:
    """Read every corpus that a config names, whole, and look at it.

    # Parameters

    config : with `dataset_reader` and at least one of `train_data_path`, `validation_data_path` and
        `test_data_path`; of a whole config for training only these, `vocabulary` and `model.encoder` are looked at.

    Raises `ConfigurationError` where readers and paths do not fit, `DataError` where a sentence cannot be read.
    """
    known = [parameter.name for parameter in parameters(TrainJob)]
    check_keys(config, known, known, "")
    own = {field.name for field in fields(AuditJob)}
    job = construct(AuditJob, {key: value for key, value in config.items() if key in own})
    encoder = _encoder(config)
    given = sources_of(job, config)
    _check_paths(job, given)
    summaries: dict[str, dict[str, SplitSummary]] = {}
    splits: list[SplitRows] = []
    for name in given.reader.readers:
        for split, paths in given.paths.items():
            if name in paths:
                reader = given.reader if split == TRAIN else given.held_out_reader
                summary, sentences = summarise(reader.readers[name], split, paths[name])
                summaries.setdefault(name, {})[split] = summary
                splits.append(sentences)
    if encoder is not None:
        alphabet = _alphabet(encoder, job, given, splits)
        for sentences in splits:
            texts = map(given.reader.readers[sentences.dataset].shown, sentences.texts)
            summaries[sentences.dataset][sentences.split].unknown_characters = count_unknown(
                texts, alphabet
            )
    return Audit(summaries, find_overlaps(splits))


def _encoder(config: Mapping[str, Any]) -> Lazy[Encoder] | None:
    model = config.get("model")
    settings = model.get("encoder") if isinstance(model, Mapping) else None
    if settings is None:
        return None
    return construct(LazyEncoder, settings, "model.encoder")


def _check_paths(job: AuditJob, given: Sources) -> None:
    if not given.paths:
        raise ConfigurationError(
            "nothing to read: expected train_data_path, validation_data_path or test_data_path"
        )
    for name in given.reader.readers:
        if not any(name in paths for paths in given.paths.values()):
            raise ConfigurationError(
                "no path has this name: it would read nothing", f"dataset_reader.readers.{name}"
            )
    for split in given.paths:
        check_files(getattr(job, f"{split}_data_path"), f"{split}_data_path")


def _alphabet(
    encoder: Lazy[Encoder], job: AuditJob, given: Sources, splits: Sequence[SplitRows]
) -> Alphabet:
    """What the encoder knows, its weights left alone where they do not matter.

    An encoder learnt from scratch knows the characters of the training sentences, leaked ones too.
    """
    instances: dict[str, dict[str, list[Instance]]] = {}
    for sentences in splits:
        instances.setdefault(sentences.split, {})[sentences.dataset] = [
            Instance(text) for text in sentences.texts
        ]
    build = Vocabulary.from_instances if job.vocabulary is None else job.vocabulary.construct
    vocab = build(instances=instances, readers=given.reader.readers)
    if inspect.isclass(encoder.target) and issubclass(encoder.target, Encoder):
        with below(encoder.path):
            alphabet = encoder.target.alphabet_of(vocab, encoder.filled)
        if alphabet is not None:
            return alphabet
    return encoder.construct(vocab=vocab).alphabet
