"""Pipeline component of spaCy.

spaCy imports this module whenever it makes a pipeline, so that what loads a model is imported on
first use.
"""

import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.extras import require_extra

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span
    from spacy.training import Example

    from ner_adv_plugin.inference import Predictor

_USER = "the pipeline component of spaCy"
spacy = require_extra("spacy", _USER)
# Imports of spaCy's own modules, which the main module does not all bring.
for _name in ("spacy.language", "spacy.scorer", "spacy.tokens", "spacy.util"):
    require_extra(_name, _USER)

FACTORY = "ner_adv"
ALIGNMENTS = ("strict", "contract", "expand")
# Name of the file in the component's folder.
ARCHIVE = "model.tar.gz"
DEFAULTS: dict[str, Any] = {
    "archive": None,
    "head": None,
    "alignment_mode": "strict",
    "overwrite_ents": False,
    "spans_key": None,
    "score_attribute": "score",
    "batch_size": 64,
    "cuda_device": -1,
}


class EntityTagger:
    """Set the entities of documents with a trained model. Registered as the factory "ner_adv".

    The text of a document is tagged as a whole, whatever its tokens are. Each predicted span
    becomes the span of the tokens that it covers. Entities that are in the document already are
    kept, and so are tokens that are blocked: predictions that overlap them are dropped.

    The model is loaded when it is needed first, or by `initialize`.

    # Parameters

    name : name of the component in its pipeline.
    archive : path or URL of a `model.tar.gz`, or the folder of a run; None if `from_disk` or
        `from_bytes` follows.
    head : name of the head, by default that of the archive's `validation_metric`.
    alignment_mode : what becomes of a predicted span whose ends are inside of tokens: "strict"
        drops it, "contract" takes the tokens inside of it, "expand" all tokens that it touches.
    overwrite_ents : replace earlier entities that overlap a prediction.
    spans_key : name of a span group in `doc.spans` that receives all aligned predictions, with
        those that overlap and their scores; None for no group.
    score_attribute : name of the extension of `Span` that receives the score, as in
        `span._.score`; None for none.
    batch_size : maximum number of texts that the model encodes together.
    cuda_device : index of a GPU, or -1 for the CPU.

    # Attributes

    lost : numbers of predictions that are not in `doc.ents`, by reason: "misaligned" with the
        tokens, "overlapping" a longer prediction, "existing" for entities and blocked tokens that
        were there before. The first of each of the former two is warned of.
    """

    def __init__(
        self,
        name: str = FACTORY,
        archive: str | None = None,
        head: str | None = None,
        alignment_mode: str = "strict",
        overwrite_ents: bool = False,
        spans_key: str | None = None,
        score_attribute: str | None = "score",
        batch_size: int = 64,
        cuda_device: int = -1,
    ) -> None:
        if alignment_mode not in ALIGNMENTS:
            known = ", ".join(f'"{mode}"' for mode in ALIGNMENTS)
            hint = nearest(alignment_mode, ALIGNMENTS)
            raise ConfigurationError(
                f'expected {known}, found "{alignment_mode}".{hint}', f"{name}.alignment_mode"
            )
        at_least(1, batch_size, f"{name}.batch_size")

        self.name = name
        self.archive = archive
        self.head = head
        self.alignment_mode: Literal["strict", "contract", "expand"] = alignment_mode  # type: ignore[assignment]
        self.overwrite_ents = overwrite_ents
        self.spans_key = spans_key
        self.score_attribute = score_attribute
        self.batch_size = batch_size
        self.cuda_device = cuda_device
        self.lost: Counter[str] = Counter()
        self._predictor: Predictor | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._error_handler: Callable[..., None] = spacy.util.raise_error

        if score_attribute is not None:
            self._add_extension(score_attribute)

    def __call__(self, doc: "Doc") -> "Doc":
        """Set the entities of one document and return it."""
        for done in self.pipe([doc], batch_size=1):
            return done
        return doc

    def pipe(self, stream: Iterable["Doc"], *, batch_size: int = 128) -> Iterator["Doc"]:
        """Set the entities of many documents.

        # Parameters

        stream : the documents, read lazily.
        batch_size : number of documents that are held and tagged together.
        """
        for docs in spacy.util.minibatch(stream, size=batch_size):
            try:
                texts = [{"sentence": doc.text} for doc in docs]
                answers = self.predictor.predict_batch_json(texts)
                for doc, answer in zip(docs, answers, strict=True):
                    self._annotate(doc, answer["entities"])
            except Exception as error:  # the user's handler decides
                self._error_handler(self.name, self, docs, error)
            else:
                yield from docs

    @property
    def predictor(self) -> "Predictor":
        """The predictor of the archive, which is loaded on first use.

        # Raises

        UserError : if there is no archive, or its head segments words.
        """
        if self._predictor is None:
            self._predictor = self._load()
        return self._predictor

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types of the head; empty until the model is loaded."""
        if self._predictor is None:
            return ()
        vocab = self._predictor.archive.model.vocab
        return tuple(sorted(vocab.label_space(self._predictor.head).types))

    def initialize(
        self, get_examples: Callable[[], Iterable["Example"]], *, nlp: "Language | None" = None
    ) -> None:
        """Load the model; nothing is trained."""
        assert self.predictor

    def score(self, examples: Iterable["Example"], **settings: Any) -> dict[str, Any]:
        """Score `doc.ents` as spaCy's own recogniser does; see `spacy.scorer.get_ner_prf`."""
        scores: dict[str, Any] = spacy.scorer.get_ner_prf(examples, **settings)
        return scores

    def set_error_handler(self, error_handler: Callable[..., None]) -> None:
        """Set what is called with name, component, documents and error if a batch fails."""
        self._error_handler = error_handler

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the archive into a folder."""
        from ner_adv_plugin.archives.portable import single_file
        from ner_adv_plugin.common.files import write_file

        target = Path(path) / ARCHIVE
        with single_file(self._source()) as source:
            if not (target.exists() and target.samefile(source)):
                write_file(target, lambda partial: _copy(source, partial))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "EntityTagger":
        """Load the archive of a folder that `to_disk` wrote."""
        self._use(str(Path(path) / ARCHIVE))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the bytes of the archive."""
        from ner_adv_plugin.archives.portable import single_file

        with single_file(self._source()) as source:
            return source.read_bytes()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "EntityTagger":
        """Load the archive that `to_bytes` returned."""
        folder = tempfile.TemporaryDirectory(prefix="ner_adv_plugin-")
        (Path(folder.name) / ARCHIVE).write_bytes(data)
        self._use(str(Path(folder.name) / ARCHIVE))
        # Kept as long as the component, which may be written again.
        self._folder = folder
        return self

    def _add_extension(self, name: str) -> None:
        span = spacy.tokens.Span
        if not span.has_extension(name):
            span.set_extension(name, default=None)
        elif any(part is not None for part in span.get_extension(name)[1:]):
            raise ConfigurationError(
                f'the extension "{name}" of Span is a method or is computed: choose another name',
                f"{self.name}.score_attribute",
            )

    def _source(self) -> str:
        if self.archive is None:
            raise UserError(
                f'component "{self.name}" has no archive: set "archive" to a model.tar.gz or to '
                "the folder of a run"
            )
        return self.archive

    def _use(self, archive: str) -> None:
        """Load another archive at once."""
        self.archive, self._predictor, self._folder = archive, None, None
        self._predictor = self._load()

    def _load(self) -> "Predictor":
        from ner_adv_plugin.commands.plugins import import_components
        from ner_adv_plugin.inference import Predictor

        import_components([])
        source = self._source()
        predictor = Predictor.from_path(source, cuda_device=self.cuda_device, head=self.head)
        if predictor.archive.model.vocab.label_space(predictor.head).segmentation:
            heads = ", ".join(predictor.archive.heads)
            raise UserError(
                f'{source}: head "{predictor.head}" segments words, which are not entities; its '
                f'heads: {heads}. Set "head".'
            )
        return Predictor.from_params(
            {"type": "tagger", "batch_size": self.batch_size},
            archive=predictor.archive,
            head=predictor.head,
        )

    def _annotate(self, doc: "Doc", entities: Sequence[dict[str, Any]]) -> None:
        """Set the entities of a document.

        # Parameters

        doc : the document, which is changed.
        entities : the predicted entities, as in the answers of a predictor.
        """
        aligned: list[tuple[Span, float]] = []
        for entity in entities:
            span = doc.char_span(
                entity["start"],
                entity["end"],
                label=entity["type"],
                alignment_mode=self.alignment_mode,
            )
            if span is None:
                self._lose("misaligned", doc, entity["start"], entity["end"], entity["type"])
            else:
                aligned.append((span, entity["score"]))
        if self.spans_key is not None:
            doc.spans[self.spans_key] = spacy.tokens.SpanGroup(
                doc,
                name=self.spans_key,
                spans=[span for span, _ in aligned],
                attrs={"scores": [score for _, score in aligned]},
            )

        self._set_entities(doc, self._without_overlaps(doc, aligned))

    def _without_overlaps(
        self, doc: "Doc", aligned: Sequence[tuple["Span", float]]
    ) -> list[tuple["Span", float]]:
        """Keep the longest of spans that overlap, of equally long ones the first."""
        chosen: list[tuple[Span, float]] = []
        taken: set[int] = set()
        by_length = sorted(aligned, key=lambda pair: (pair[0].start - pair[0].end, pair[0].start))
        for span, score in by_length:
            tokens = range(span.start, span.end)
            if taken.isdisjoint(tokens):
                chosen.append((span, score))
                taken.update(tokens)
            else:
                self._lose("overlapping", doc, span.start_char, span.end_char, span.label_)
        return chosen

    def _set_entities(self, doc: "Doc", chosen: Sequence[tuple["Span", float]]) -> None:
        """Set predictions beside the entities and blocked tokens of a document."""
        blocked = {token.i for token in doc if token.ent_iob_ == "B" and not token.ent_type_}
        existing = list(doc.ents)
        kept = set(blocked)
        if not self.overwrite_ents:
            kept |= {token.i for span in existing for token in span}

        new = [(s, score) for s, score in chosen if kept.isdisjoint(range(s.start, s.end))]
        self.lost["existing"] += len(chosen) - len(new)
        taken = {token.i for span, _ in new for token in span}
        old = [span for span in existing if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents(
            [*old, *(span for span, _ in new)], blocked=[doc[i : i + 1] for i in sorted(blocked)]
        )
        if self.score_attribute is not None:
            for span, score in new:
                span._.set(self.score_attribute, score)

    def _lose(self, reason: str, doc: "Doc", start: int, end: int, label: str) -> None:
        """Count a prediction that is not in `doc.ents`; warn of the first for a reason."""
        self.lost[reason] += 1
        if self.lost[reason] > 1:
            return

        what = f'{label} "{doc.text[start:end]}" (characters {start} to {end})'
        if reason == "misaligned":
            remedy = (
                'does not end where tokens end, and is dropped. Set "alignment_mode" to "expand" '
                'or "contract", or let the tokenizer split characters'
            )
        else:
            remedy = (
                "overlaps another entity at least as long, which doc.ents cannot hold. Set "
                '"spans_key" for all of them'
            )
        warnings.warn(
            f'component "{self.name}": {what} {remedy}. Further ones are counted in its `lost`.',
            stacklevel=2,
        )


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


@spacy.language.Language.factory(  # type: ignore[untyped-decorator]
    FACTORY,
    default_config=DEFAULTS,
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_entity_tagger(
    nlp: "Language",
    name: str,
    archive: str | None,
    head: str | None,
    alignment_mode: str,
    overwrite_ents: bool,
    spans_key: str | None,
    score_attribute: str | None,
    batch_size: int,
    cuda_device: int,
) -> EntityTagger:
    """Make the component from the settings in the config of a pipeline; see `EntityTagger`."""
    return EntityTagger(
        name,
        archive,
        head,
        alignment_mode,
        overwrite_ents,
        spans_key,
        score_attribute,
        batch_size,
        cuda_device,
    )
