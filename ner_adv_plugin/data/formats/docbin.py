"""Binary corpora of spaCy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, refused
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

_USER = 'format "spacy"'


@CorpusFormat.register("spacy")
@dataclass(kw_only=True)
class SpacyFormat(CorpusFormat):
    """`DocBin` of spaCy 3, as `spacy train` reads it. Registered as "spacy".

    The entities of a document are `doc.ents`, or the span group `spans_key` if it has one with
    spans. A document whose entities are missing, not just absent, is unlabelled. Overlapping
    entities are written to the span group. Documents are written with one token per character.
    Needs `pip install "ner_adv_plugin[spacy]"`.

    # Parameters

    language : language of the empty vocabulary, such as "zh".
    spans_key : name of the span group.

    # Raises

    DataError : if the file is no `DocBin`.

    # Example

    ```jsonnet
    { type: 'spacy', spans_key: 'sc' }
    ```
    """

    ending = ".spacy"

    language: str = "zh"
    spans_key: str = "sc"

    def read(self, file: CorpusFile) -> Iterator[Instance]:
        """See `CorpusFormat.read`."""
        spacy = require_extra("spacy", _USER)
        require_extra("spacy.tokens", _USER)
        path = local_path(file.path)
        try:
            doc_bin = spacy.tokens.DocBin().from_bytes(path.read_bytes())
            docs = list(doc_bin.get_docs(spacy.blank(self.language).vocab))
        except Exception as error:  # of zlib, msgpack or the library
            raise file.error(
                None, f"{type(error).__name__}: {error}", "a DocBin of spaCy"
            ) from None
        for number, doc in enumerate(docs, 1):
            if doc.text:
                yield Instance(doc.text, self._spans(doc), {"line": number})
            else:
                file.counts.add("empty texts skipped", number)

    def _spans(self, doc: Any) -> list[Span] | None:
        group = doc.spans.get(self.spans_key, ())
        found = list(group) or list(doc.ents)
        if not found and not doc.has_annotation("ENT_IOB"):
            return None
        return [Span(span.start_char, span.end_char, span.label_) for span in found]

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        spacy = require_extra("spacy", _USER)
        require_extra("spacy.tokens", _USER)
        vocab = spacy.blank(self.language).vocab
        doc_bin = spacy.tokens.DocBin(store_user_data=True)
        for number, sentence in enumerate(sentences, 1):
            text = sentence.text
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise refused(number, sentence, "it holds half of a surrogate pair") from None
            doc = spacy.tokens.Doc(vocab, words=list(text), spaces=[False] * len(text))
            self._annotate(doc, sentence)
            doc_bin.add(doc)
        path.write_bytes(doc_bin.to_bytes())

    def _annotate(self, doc: Any, sentence: Instance) -> None:
        if sentence.spans is None:
            return
        spans = sorted(set(sentence.spans))
        found = [doc.char_span(start, end, label=name) for start, end, name in spans]
        ends = [span.end for span in spans]
        starts = [span.start for span in spans]
        if any(start < end for end, start in zip(ends, starts[1:], strict=False)):
            doc.spans[self.spans_key] = found
        else:
            doc.set_ents(found, default="outside")

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        return "the file ends in .spacy" if head.local.suffix == ".spacy" else None
