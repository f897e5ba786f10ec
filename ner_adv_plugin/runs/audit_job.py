"""The audit of all corpora of a config."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.keys import check_keys
from ner_adv_plugin.common.schema import Lazy, Supplied, parameters
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.corpora.audit import (
    Audit,
    SplitSummary,
    contradictions_of,
    count_unknown,
    summarise,
)
from ner_adv_plugin.data.corpora.overlaps import TRAIN, SplitRows, find_overlaps
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.encoder import Encoder, LazyEncoder
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.sources import Paths, Sources, check_files, sources_of


@dataclass(kw_only=True)
class AuditJob:
    """The config keys that an audit uses besides `model.encoder`; see `TrainJob`."""

    dataset_reader: DatasetReader
    train_data_path: Paths | None = None
    validation_dataset_reader: DatasetReader | None = None
    validation_data_path: Paths | None = None
    test_data_path: Paths | None = None
    vocabulary: Annotated[Lazy[Vocabulary], Supplied("instances", "readers")] | None = None


def audit(config: Mapping[str, Any]) -> Audit:
    """Read all corpora of a config completely and summarise them.

    # Parameters

    config : a config with `dataset_reader` and at least one of `train_data_path`,
        `validation_data_path` and `test_data_path`. Of a complete training config only these keys,
        `vocabulary` and `model.encoder` are used.

    # Returns

    A summary of every split of every dataset, the sentences that occur in several splits, and the
    texts that are labelled in different ways.

    # Raises

    ConfigurationError : if readers and paths do not match.
    DataError : if a sentence cannot be read.
    """
    known = [parameter.name for parameter in parameters(TrainJob)]
    check_keys(config, known, known, "")
    audit_keys = {field.name for field in fields(AuditJob)}
    job = construct(AuditJob, {key: value for key, value in config.items() if key in audit_keys})
    encoder = _encoder(config)
    sources = sources_of(job, config)
    _check_paths(job, sources)

    summaries: dict[str, dict[str, SplitSummary]] = {}
    splits: list[SplitRows] = []
    for name in sources.reader.readers:
        for split, paths in sources.paths.items():
            if name in paths:
                reader = sources.reader if split == TRAIN else sources.held_out_reader
                summary, sentences = summarise(reader.readers[name], split, paths[name])
                summaries.setdefault(name, {})[split] = summary
                splits.append(sentences)

    if encoder is not None:
        vocabulary = _character_vocabulary(encoder, job, sources, splits)
        for sentences in splits:
            texts = map(sources.reader.readers[sentences.dataset].shown, sentences.texts)
            summary = summaries[sentences.dataset][sentences.split]
            summary.unknown_characters = count_unknown(texts, vocabulary)

    contradictions = contradictions_of(splits, sources.reader.readers)
    return Audit(summaries, find_overlaps(splits), contradictions)


def _encoder(config: Mapping[str, Any]) -> Lazy[Encoder] | None:
    model = config.get("model")
    settings = model.get("encoder") if isinstance(model, Mapping) else None
    return None if settings is None else construct(LazyEncoder, settings, "model.encoder")


def _check_paths(job: AuditJob, sources: Sources) -> None:
    if not sources.paths:
        raise ConfigurationError(
            "nothing to read: expected train_data_path, validation_data_path or test_data_path"
        )
    for name in sources.reader.readers:
        if not any(name in paths for paths in sources.paths.values()):
            raise ConfigurationError(
                "no path for this reader: it would read nothing", f"dataset_reader.readers.{name}"
            )
    for split in sources.paths:
        check_files(getattr(job, f"{split}_data_path"), f"{split}_data_path", folders=True)


def _character_vocabulary(
    encoder: Lazy[Encoder], job: AuditJob, sources: Sources, splits: Sequence[SplitRows]
) -> Alphabet:
    """Return the character vocabulary of the encoder, without loading its weights if possible.

    An encoder without pretraining knows the characters of all training sentences, including leaked
    ones.
    """
    instances: dict[str, dict[str, list[Instance]]] = {}
    for sentences in splits:
        instances.setdefault(sentences.split, {})[sentences.dataset] = [
            Instance(text) for text in sentences.texts
        ]
    build = Vocabulary.from_instances if job.vocabulary is None else job.vocabulary.construct
    vocab = build(instances=instances, readers=sources.reader.readers)

    if inspect.isclass(encoder.target) and issubclass(encoder.target, Encoder):
        with below(encoder.path):
            alphabet = encoder.target.alphabet_of(vocab, encoder.filled)
        if alphabet is not None:
            return alphabet
    return encoder.construct(vocab=vocab).alphabet
