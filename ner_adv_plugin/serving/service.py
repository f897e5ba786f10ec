"""Answering of requests: checks against the limits, cutting, batching, joining."""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.data.labels.answers import entities_of
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.inference.tagger import Reading
from ner_adv_plugin.serving.batcher import Batcher, Stopping
from ner_adv_plugin.serving.faults import refusal
from ner_adv_plugin.serving.metrics import Metrics
from ner_adv_plugin.serving.models import ServedModel
from ner_adv_plugin.serving.queue import Key, QueueFull
from ner_adv_plugin.serving.settings import ServerSettings
from ner_adv_plugin.serving.windows import Window, join, windows

T = TypeVar("T")
# Characters of a request whose answer takes noticeable time to put together.
LONG = 10_000
# A text to warm up with.
_SAMPLE = "昨天魏勇在深圳大学参加了会议。" * 8


class Service:
    """The models of a server behind one batcher.

    # Parameters

    models : the models; the first one is the default.
    settings : see `ServerSettings`.
    """

    def __init__(self, models: Sequence[ServedModel], settings: ServerSettings) -> None:
        self.models = {model.name: model for model in models}
        self.settings = settings
        self.metrics = Metrics()
        self.batcher = Batcher(self._compute, settings.batching, settings.limits, self.metrics)

    async def start(self) -> None:
        """Start the batcher and warm all heads up."""
        keys = [Key(name, head) for name, model in self.models.items() for head in model.heads]
        await self.batcher.start(keys, _SAMPLE)

    def _compute(self, key: Key, texts: Sequence[str]) -> list[list[Reading]]:
        return self.models[key.model].readings(key.head, key.n_best, texts)

    def model(
        self, name: str | None, where: Sequence[str | int] = ("body", "model")
    ) -> ServedModel:
        """Return a model by its name, the default one for None.

        # Raises

        HTTPException : 422, if there is no such model.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise _unknown(where, "model", name, list(self.models))
        return self.models[name]

    def key(self, model: ServedModel, head: str | None, n_best: int | None = None) -> Key:
        """Return the key of a request.

        # Raises

        HTTPException : 422, if there is no such head, or it does not rank readings.
        """
        head = model.default_head if head is None else head
        if head not in model.heads:
            raise _unknown(("body", "head"), "head", head, list(model.heads))
        most = self.settings.limits.n_best
        if n_best is not None and n_best > most:
            message = f"{n_best} readings, at most {most} are accepted"
            raise refusal(422, ("body", "n_best"), message, "too_large")
        try:
            model.tagger(head, n_best)
        except UserError as error:
            raise refusal(422, ("body", "n_best"), str(error), "not_ranked") from error
        return Key(model.name, head, n_best)

    async def readings(
        self, key: Key, texts: Sequence[str], where: Sequence[str | int] = ("body", "texts")
    ) -> list[list[Reading]]:
        """Return the best readings of every text.

        # Parameters

        key : see `Key`.
        texts : the texts, of any length that the limits allow.
        where : the place of the texts in the request, for errors.

        # Raises

        HTTPException : 413 or 422 if the texts are refused, 429 if the queue is full, 503 if the
            server stops.
        """
        self._check(key, texts, where)
        batching = self.settings.batching
        cuts = [windows(text, batching.window, batching.overlap) if text else [] for text in texts]
        pieces = [
            text[start:end] for text, own in zip(texts, cuts, strict=True) for start, end in own
        ]
        try:
            found = await self.batcher.submit(key, pieces)
        except QueueFull as error:
            again = {"Retry-After": str(self.batcher.retry_after())}
            raise refusal(429, ("queue",), str(error), "queue_full", again) from error
        except Stopping as error:
            raise refusal(503, ("server",), str(error), "stopping", {"Retry-After": "5"}) from error

        return await beside(texts, lambda: _joined(cuts, found, key.n_best is not None))

    def _check(self, key: Key, texts: Sequence[str], where: Sequence[str | int]) -> None:
        limits, window = self.settings.limits, self.settings.batching.window
        if len(texts) > limits.texts:
            message = f"{len(texts)} texts, at most {limits.texts} are accepted"
            raise refusal(413, where, message, "too_large")

        characters = 0
        for index, text in enumerate(texts):
            characters += len(text)
            if characters > limits.characters:
                message = (
                    f"{characters} characters up to and with this text, at most "
                    f"{limits.characters} are accepted in a request"
                )
                raise refusal(413, (*where, index), message, "too_large")
            if key.n_best is None:
                continue
            if len(text) > window:
                message = f"{len(text)} characters: n_best is for texts of at most {window}"
                raise refusal(422, (*where, index), message, "too_long")
            try:
                self.models[key.model].tagger(key.head, key.n_best).json_to_instance({"text": text})
            except UserError as error:
                raise refusal(422, (*where, index), str(error), "too_long") from error

    def described(self, key: Key, text: str, readings: Sequence[Reading]) -> dict[str, Any]:
        """Return the answer to one text as JSON."""
        segments = self.models[key.model].segments(key.head)
        answer: dict[str, Any] = {"text": text, **_spans(text, readings[0].spans, segments)}
        if key.n_best is not None:
            answer["n_best"] = [
                {"probability": reading.probability, **_spans(text, reading.spans, segments)}
                for reading in readings
            ]
        return answer


async def beside(texts: Sequence[str], work: Callable[[], T]) -> T:
    """Return the result of a function; for long texts, other requests go on meanwhile."""
    if sum(map(len, texts)) < LONG:
        return work()
    return await asyncio.to_thread(work)


def _joined(
    cuts: Sequence[Sequence[Window]], found: Iterable[list[Reading]], ranked: bool
) -> list[list[Reading]]:
    """Return the readings of each text from those of its pieces, one after the other."""
    pieces = iter(found)
    answers = []
    for own in cuts:
        readings = [next(pieces) for _ in own]
        if len(own) == 1:
            answers.append(readings[0])
        else:
            spans = join(own, [best[0].spans for best in readings]) if own else []
            answers.append([Reading(spans, 1.0 if ranked else None)])
    return answers


def _spans(text: str, spans: Sequence[ScoredSpan], segments: bool) -> dict[str, Any]:
    if segments:
        words = [{"start": s.start, "end": s.end, "text": text[s.start : s.end]} for s in spans]
        return {"words": words}
    entities = entities_of(text, spans)
    for entity in entities:
        # JSON has no NaN, the score of a head that computes none.
        entity["score"] = None if math.isnan(entity["score"]) else entity["score"]
    return {"entities": entities}


def _unknown(where: Sequence[str | int], what: str, name: str, known: Sequence[str]) -> Exception:
    message = f'no {what} "{name[:80]}".{nearest(name[:80], known)} Known: {", ".join(known)}.'
    return refusal(422, where, message, "unknown")
