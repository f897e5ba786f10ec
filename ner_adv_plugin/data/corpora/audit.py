"""Audit: what is in every corpus of a config, which version of it, and which sentences stand in several splits."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.corpora.known_corpora import KNOWN_CORPORA
from ner_adv_plugin.data.corpora.overlaps import Overlaps, SplitRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader


@dataclass
class SplitSummary:
    """What one split of one dataset holds.

    # Parameters

    file : where it was read from.
    known_as : the public corpus that has this fingerprint; None where none is known.
    sentences, characters : how many.
    entities : how many, `{"total": 3, "types": {"LOC": 1, "PER": 2}}`; None if spans are words, or missing.
    words : how many; None if spans are entities, or missing.
    max_length : characters of the longest sentence.
    duplicates : sentences whose text repeats in the split, every one of them.
    illegal_transitions : tags of the file that cannot follow the one before, or end a sentence.
    illegal_sentences : the lines of the file at which the sentences with these begin.
    unknown_characters : characters of the sentences that the encoder does not know; None without an encoder.
    fingerprint : see `fingerprint`.
    """

    file: str
    known_as: str | None
    sentences: int
    characters: int
    entities: dict[str, Any] | None
    words: int | None
    max_length: int
    duplicates: int
    illegal_transitions: int
    illegal_sentences: list[int]
    unknown_characters: int | None
    fingerprint: str


@dataclass
class Audit:
    """What an audit found.

    # Parameters

    summaries : of every dataset its splits.
    overlaps : of every pair of splits.
    """

    summaries: dict[str, dict[str, SplitSummary]]
    overlaps: Overlaps

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        datasets = {
            name: {split: asdict(summary) for split, summary in splits.items()}
            for name, splits in self.summaries.items()
        }
        pairs = [pair.as_json() for pair in self.overlaps.pairs]
        return {
            "datasets": datasets,
            "overlaps": pairs,
            "leaked_sentences": self.overlaps.leaked_sentences,
        }


def summarise(reader: DatasetReader, split: str, file: str) -> tuple[SplitSummary, SplitRows]:
    """Read a file and look at its sentences, of which little is kept.

    # Parameters

    reader : bound to its dataset.
    split : "train", "validation" or "test".
    file : a path or a URL.

    Raises `DataError` where a sentence cannot be read.
    """
    instances = reader.read(file)
    spans = [sentence.spans for sentence in instances]
    digests = [_digest(sentence) for sentence in instances]
    tagged = [
        digest if own is not None else None for digest, own in zip(digests, spans, strict=True)
    ]
    texts = [sentence.text for sentence in instances]
    counts = Counter(texts)
    found = [span for own in spans if own is not None for span in own]
    labelled, words = any(own is not None for own in spans), reader.task == "segmentation"
    illegal = reader.illegal_sentences.get(file, {})
    fingerprint = hashlib.sha256(b"".join(digests)).hexdigest()
    summary = SplitSummary(
        file=file,
        known_as=KNOWN_CORPORA.get(fingerprint),
        sentences=len(texts),
        characters=sum(map(len, texts)),
        entities=_entities(found) if labelled and not words else None,
        words=len(found) if labelled and words else None,
        max_length=max(map(len, texts)),
        duplicates=sum(count for count in counts.values() if count > 1),
        illegal_transitions=sum(illegal.values()),
        illegal_sentences=sorted(illegal),
        unknown_characters=None,
        fingerprint=fingerprint,
    )
    return summary, SplitRows(reader.dataset, split, texts, tagged)


def count_unknown(texts: Iterable[str], alphabet: Alphabet) -> int:
    """How many characters of texts an encoder does not know, each as often as it occurs."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return sum(count for character, count in counts.items() if not alphabet.knows(character))


def _digest(sentence: Instance) -> bytes:
    """SHA-256 of a sentence's text and its entities or words.

    A fingerprint is SHA-256 over the digests of all sentences, in order: of what was read, not of the bytes, so that
    line endings, a byte order mark and the file's columns do not matter, and a type that `type_map` renames does.
    """
    content = [
        sentence.text,
        None if sentence.spans is None else [list(span) for span in sentence.spans],
    ]
    return hashlib.sha256(json.dumps(content).encode("ascii")).digest()


def _entities(spans: Iterable[Span]) -> dict[str, Any]:
    types = Counter(span.type for span in spans)
    return {"total": types.total(), "types": dict(sorted(types.items()))}
