"""Counters of a server, in the format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_CHARACTERS = (16, 64, 256, 1024, 4096, 16384, 65536)


class Metrics:
    """The counters of one server; each server has its own registry.

    # Examples

    >>> metrics = Metrics()
    >>> metrics.computed("weibo", texts=3, characters=60, seconds=0.02)
    >>> [line for line in metrics.text().splitlines() if line.startswith("ner_characters_total")]
    ['ner_characters_total{model="weibo"} 60.0']
    """

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "ner_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "ner_request_seconds",
            "Time from request to answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rejected = Counter(
            "ner_rejected", "Requests refused, by reason.", ["reason"], registry=registry
        )
        self._texts = Counter("ner_texts", "Texts predicted.", ["model"], registry=registry)
        self._characters = Counter(
            "ner_characters", "Characters predicted.", ["model"], registry=registry
        )
        self._batch_texts = Histogram(
            "ner_batch_texts", "Pieces of text per batch.", buckets=_TEXTS, registry=registry
        )
        self._batch_characters = Histogram(
            "ner_batch_characters", "Characters per batch.", buckets=_CHARACTERS, registry=registry
        )
        self._batch_seconds = Histogram(
            "ner_batch_seconds", "Time of a batch.", buckets=_SECONDS, registry=registry
        )
        self._queued_requests = Gauge(
            "ner_queued_requests", "Requests accepted and not finished.", registry=registry
        )
        self._queued_characters = Gauge(
            "ner_queued_characters", "Characters of these requests.", registry=registry
        )

    def computed(self, model: str, texts: int, characters: int, seconds: float) -> None:
        """Count a batch."""
        self._texts.labels(model).inc(texts)
        self._characters.labels(model).inc(characters)
        self._batch_texts.observe(texts)
        self._batch_characters.observe(characters)
        self._batch_seconds.observe(seconds)

    def queued(self, requests: int, characters: int) -> None:
        """Set the current size of the queue."""
        self._queued_requests.set(requests)
        self._queued_characters.set(characters)

    def text(self) -> str:
        """Return all counters as text."""
        return generate_latest(self._registry).decode("utf-8")
