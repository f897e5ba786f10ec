"""Audits: the content and version of every corpus of a config, and overlaps between splits."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.corpora.contradictions import (
    Contradictions,
    LabelledFile,
    find_contradictions,
)
from ner_adv_plugin.data.corpora.known_corpora import KNOWN_CORPORA
from ner_adv_plugin.data.corpora.overlaps import Overlaps, SplitRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader


@dataclass
class SplitSummary:
    """The content of one split of one dataset, in numbers.

    # Parameters

    file : the path or URL from which it was read.
    known_as : the public corpus with this fingerprint; None if unknown.
    sentences, characters : number of sentences, and of characters.
    entities : number of entities, such as `{"total": 3, "types": {"LOC": 1, "PER": 2}}`; None if
        the sentences are unlabelled or segmented into words.
    words : number of words; None if the sentences are unlabelled or have entities.
    max_length : number of characters of the longest sentence.
    duplicates : number of sentences whose text occurs more than once in the split.
    illegal_transitions : number of tags that cannot follow the previous one or end a sentence.
    illegal_sentences : for each sentence with such a tag, the line of the file at which it begins.
    unknown_characters : number of characters that the encoder does not know; None without an
        encoder.
    fingerprint : SHA-256 over the digests of all sentences, in order. It depends on what was read,
        not on the bytes of the file: line endings, a byte order mark and the columns of the file
        do not matter, but a type renamed by `type_map` does.
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
    """The result of an audit.

    # Parameters

    summaries : summary of every split, by dataset and split.
    overlaps : overlaps of every pair of splits.
    contradictions : texts with different labels, by head and split, over all datasets of the head.
    """

    summaries: dict[str, dict[str, SplitSummary]]
    overlaps: Overlaps
    contradictions: dict[str, dict[str, Contradictions]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the audit as a JSON object."""
        datasets = {
            name: {split: asdict(summary) for split, summary in splits.items()}
            for name, splits in self.summaries.items()
        }
        pairs = [pair.as_json() for pair in self.overlaps.pairs]
        return {
            "datasets": datasets,
            "overlaps": pairs,
            "leaked_sentences": self.overlaps.leaked_sentences,
            "contradictions": {
                head: {split: found.as_json() for split, found in splits.items()}
                for head, splits in self.contradictions.items()
            },
        }


def summarise(reader: DatasetReader, split: str, file: str) -> tuple[SplitSummary, SplitRows]:
    """Read a file and summarise its sentences, keeping only what overlaps need.

    # Parameters

    reader : reader bound to its dataset.
    split : "train", "validation" or "test".
    file : a path or a URL.

    # Raises

    DataError : if a sentence cannot be read.
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
    labelled = any(own is not None for own in spans)
    words = reader.task == "segmentation"
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
    return summary, SplitRows(reader.dataset, split, texts, tagged, instances)


def contradictions_of(
    splits: Iterable[SplitRows], readers: Mapping[str, DatasetReader]
) -> dict[str, dict[str, Contradictions]]:
    """Find the texts with different labels in the datasets of each head, split by split.

    # Parameters

    splits : the splits, from `summarise`.
    readers : reader of each dataset.

    # Returns

    The contradictions by head and split, for splits with labels.
    """
    files: dict[str, dict[str, list[LabelledFile]]] = {}
    for rows in splits:
        reader = readers[rows.dataset]
        if reader.head is not None and rows.table is not None and rows.table.spans is not None:
            by_split = files.setdefault(reader.head, {})
            file = LabelledFile(rows.table, reader.annotated_types)
            by_split.setdefault(rows.split, []).append(file)
    return {
        head: {split: find_contradictions(own) for split, own in by_split.items()}
        for head, by_split in files.items()
    }


def count_unknown(texts: Iterable[str], alphabet: Alphabet) -> int:
    """Count the characters that an encoder does not know, each as often as it occurs.

    # Parameters

    texts : the texts.
    alphabet : the encoder's character vocabulary.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return sum(count for character, count in counts.items() if not alphabet.knows(character))


def _digest(sentence: Instance) -> bytes:
    """Return the SHA-256 of the text of a sentence and its entities or words."""
    content = [
        sentence.text,
        None if sentence.spans is None else [list(span) for span in sentence.spans],
    ]
    return hashlib.sha256(json.dumps(content).encode("ascii")).digest()


def _entities(spans: Iterable[Span]) -> dict[str, Any]:
    """Count entities in total and by type."""
    types = Counter(span.type for span in spans)
    return {"total": types.total(), "types": dict(sorted(types.items()))}
