"""The bounded queue of requests, which shares batches among them fairly."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ner_adv_plugin.inference.tagger import Reading
from ner_adv_plugin.serving.settings import Limits

# Cost of a piece in addition to its characters: special tokens, and work per sentence.
PIECE = 4


class Key(NamedTuple):
    """What can share a batch.

    # Parameters

    model : name of the model.
    head : name of the head.
    n_best : number of readings; None for the best one alone.
    """

    model: str
    head: str
    n_best: int | None = None


class QueueFull(Exception):
    """More requests or characters wait than the limits allow; the message says which."""


@dataclass(eq=False)
class Job:
    """A request in the queue.

    # Parameters

    key : see `Key`.
    pieces : its texts, cut into pieces.
    answer : set when all pieces are done, to the readings of each.
    arrived : time of arrival, on the clock of the event loop.
    """

    key: Key
    pieces: Sequence[str]
    answer: "asyncio.Future[list[list[Reading]]]"
    arrived: float
    waiting: deque[int] = field(init=False)
    done: dict[int, list[Reading]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = deque(range(len(self.pieces)))
        self.characters = sum(map(len, self.pieces))

    @property
    def begun(self) -> bool:
        """Whether a batch has taken one of its pieces."""
        return len(self.waiting) < len(self.pieces)

    def finish(self, piece: int, readings: list[Reading]) -> None:
        """Keep the readings of a piece; the last one completes the answer."""
        self.done[piece] = readings
        if len(self.done) == len(self.pieces) and not self.answer.done():
            self.answer.set_result([self.done[index] for index in range(len(self.pieces))])

    def fail(self, error: Exception) -> None:
        """Complete the answer with an error."""
        if not self.answer.done():
            self.answer.set_exception(error)


class FairQueue:
    """Requests that wait, in rotation: each gives one piece in turn to a batch.

    A request stays counted until it is removed, also while its last pieces are computed. The pieces
    of a long text therefore never keep a short one waiting for more than one turn.

    # Parameters

    limits : see `Limits`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._rotation: deque[Job] = deque()
        self._accepted: set[Job] = set()
        self.characters = 0

    @property
    def requests(self) -> int:
        """Number of accepted requests that are not finished."""
        return len(self._accepted)

    @property
    def oldest(self) -> Job | None:
        """The request whose turn is next; None if nothing waits."""
        return self._rotation[0] if self._rotation else None

    def waiting_tokens(self, key: Key, at_most: int) -> int:
        """Return the cost of the waiting pieces of a key, counted up to `at_most`."""
        total = 0
        for job in self._rotation:
            if job.key == key:
                for piece in job.waiting:
                    total += len(job.pieces[piece]) + PIECE
                    if total >= at_most:
                        return total
        return total

    def add(self, job: Job) -> None:
        """Accept a request.

        # Raises

        QueueFull : if there is no room for it.
        """
        if self.requests >= self.limits.queued_requests:
            raise QueueFull(f"{self.requests} requests wait, the most that may")
        if self.characters + job.characters > self.limits.queued_characters:
            raise QueueFull(
                f"{self.characters} characters wait, of at most {self.limits.queued_characters}; "
                f"the request has {job.characters}"
            )
        self._accepted.add(job)
        self._rotation.append(job)
        self.characters += job.characters

    def remove(self, job: Job) -> None:
        """Forget a request: it is finished, or nobody wants its answer."""
        if job in self._accepted:
            self._accepted.remove(job)
            self.characters -= job.characters
        if job in self._rotation:
            self._rotation.remove(job)

    def jobs(self) -> list[Job]:
        """Return the accepted requests."""
        return list(self._accepted)

    def take(self, max_tokens: int) -> list[tuple[Job, int]]:
        """Take the pieces of the next batch, all with the key of the oldest request.

        # Parameters

        max_tokens : maximum cost of the batch; the first piece is taken at any rate.

        # Returns

        Requests and the indices of their pieces.
        """
        taken: list[tuple[Job, int]] = []
        tokens = 0
        key = self._rotation[0].key
        served: dict[Job, None] = {}
        fits = True
        while fits:
            fits = False
            for job in self._rotation:
                if job.key != key or not job.waiting:
                    continue
                cost = len(job.pieces[job.waiting[0]]) + PIECE
                if not taken or tokens + cost <= max_tokens:
                    taken.append((job, job.waiting.popleft()))
                    tokens += cost
                    served[job] = None
                    fits = True

        # Who had a turn goes to the end, and leaves the rotation with the last piece.
        others = [job for job in self._rotation if job not in served]
        self._rotation = deque([*others, *(job for job in served if job.waiting)])
        return taken
