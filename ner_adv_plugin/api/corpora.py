"""Corpora in memory: loading, looking at, splitting and saving them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from ner_adv_plugin.data.corpora.splitting import split
from ner_adv_plugin.data.formats.auto import AUTO
from ner_adv_plugin.data.formats.conversion import (
    ENDINGS,
    Choices,
    described,
    named,
    read,
    source_of,
    write,
)
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.instance import Instance, shown
from ner_adv_plugin.data.reading.overlaps import Overlaps
from ner_adv_plugin.data.reading.text_encoding import canonical

# Format of files whose ending tells none.
DEFAULT_FORMAT = "doccano"


@dataclass(frozen=True, repr=False)
class Corpus(Sequence[Instance]):
    """Sentences with spans. In a notebook, it shows the first 20 sentences in colours.

    # Parameters

    sentences : the sentences, each with its `text` and `spans`; `spans` is None if it is
        unlabelled.

    # Examples

    >>> from ner_adv_plugin.data import Span
    >>> corpus = Corpus([Instance("王明在北京", [Span(0, 2, "PER"), Span(3, 5, "LOC")])])
    >>> corpus
    Corpus of 1 sentences, 2 entities (LOC 1, PER 1)
    >>> corpus[0].text, corpus.types["PER"]
    ('王明在北京', 1)
    """

    sentences: Sequence[Instance]

    def __len__(self) -> int:
        return len(self.sentences)

    @overload
    def __getitem__(self, index: int) -> Instance: ...

    @overload
    def __getitem__(self, index: slice) -> "Corpus": ...

    def __getitem__(self, index: int | slice) -> "Instance | Corpus":
        if isinstance(index, slice):
            return Corpus(self.sentences[index])
        return self.sentences[index]

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.sentences)

    def __repr__(self) -> str:
        return f"Corpus of {described(self.sentences)}"

    def _repr_html_(self) -> str:
        return shown(self.sentences)

    @property
    def types(self) -> Counter[str]:
        """Number of spans of each type."""
        return Counter(span.type for sentence in self for span in sentence.spans or ())

    def split(self, shares: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 13370) -> "list[Corpus]":
        """Divide the sentences, as `allennlp quickstart` does.

        Each entity type has about the same share in every split, and near-duplicates are in one.

        # Parameters

        shares : share of each split, of which the sum is 1.
        seed : the same seed gives the same splits.

        # Raises

        UserError : if there are too few different sentences for a split.
        """
        parts = split(self.sentences, shares, seed)
        return [Corpus([self.sentences[i] for i in part.tolist()]) for part in parts]

    def save(self, path: str | Path, format: str | Mapping[str, Any] | None = None) -> None:
        """Write the sentences to a file or folder, as `allennlp convert` does; replace an old one.

        # Parameters

        path : the file or folder.
        format : name or settings of the format; None tells it from the ending, such as `.bio` or
            `.html`, and is "doccano" for others.

        # Raises

        UserError : if the format cannot represent a sentence.
        """
        name = format or ENDINGS.get(Path(path).suffix.lower(), DEFAULT_FORMAT)
        write(self.sentences, named(name, "format"), Path(path), force=True)


def load_corpus(
    path: str | Path,
    format: str | Mapping[str, Any] = AUTO,
    *,
    encoding: str = "utf-8",
    split_lines: bool = False,
    overlaps: Overlaps = "keep",
    type_map: Mapping[str, str | None] | None = None,
) -> Corpus:
    """Load an annotated file; what is left out of it is logged.

    # Parameters

    path : a file, a folder of BRAT, or `datasets://NAME?split=SPLIT` on the hub.
    format : name or settings of its format; "auto" recognises it by the content.
    encoding : encoding of the file.
    split_lines : whether each line of a text becomes a sentence.
    overlaps : which of overlapping entities to keep; "keep" keeps all of them.
    type_map : new names of types; None drops a type.

    # Raises

    DataError : with file and line, if the file is not in the format.

    # Examples

    >>> import ner_adv_plugin.components
    >>> corpus = load_corpus("fixtures/data/cluener/dev.json")
    >>> len(corpus), corpus.types["organization"]
    (20, 25)
    """
    source, _, _ = source_of(str(path), format, "format")
    file = CorpusFile(str(path), canonical(encoding, "encoding"))
    choices = Choices(split_lines=split_lines, overlaps=overlaps, type_map=type_map or {})
    sentences = read(file, source, choices)
    file.counts.log(str(path))
    return Corpus(sentences)
