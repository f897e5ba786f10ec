"""Batches across requests: an asyncio loop that feeds one thread of computation."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ner_adv_plugin.inference.tagger import Reading
from ner_adv_plugin.serving.metrics import Metrics
from ner_adv_plugin.serving.queue import FairQueue, Job, Key, QueueFull
from ner_adv_plugin.serving.settings import Batching, Limits

logger = logging.getLogger(__name__)

Compute = Callable[[Key, Sequence[str]], list[list[Reading]]]
# Share of the newest batch in the estimate of the speed.
NEWEST = 0.3


class Stopping(Exception):
    """The server stops and takes no more requests, or could not finish this one in time."""


class Batcher:
    """Answer requests of any number of clients in common batches.

    Pieces of all waiting requests with the same key share a batch. One thread computes, so that
    torch's threads are never used twice.

    # Parameters

    compute : function of a key and the texts of a batch; called in the thread.
    batching, limits : see the classes.
    metrics : counts what happens.
    """

    def __init__(
        self, compute: Compute, batching: Batching, limits: Limits, metrics: Metrics
    ) -> None:
        self.compute = compute
        self.batching = batching
        self.queue = FairQueue(limits)
        self.metrics = metrics
        self.stopping = False
        # Characters per second of each key.
        self._speed: dict[Key, float] = {}
        self._changed = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "prediction")
        self._loop: asyncio.Task[None] | None = None
        self._deadline: asyncio.Task[None] | None = None

    async def start(self, keys: Sequence[Key] = (), text: str = "") -> None:
        """Start to compute, after one batch of each key to warm up and to measure its speed."""
        for key in keys:
            for _ in range(2):
                await self._timed(key, [text])
        self._loop = asyncio.create_task(self._work(), name="batches")

    async def submit(self, key: Key, pieces: Sequence[str]) -> list[list[Reading]]:
        """Return the readings of the pieces of a request, in order.

        If the caller is cancelled, the pieces that still wait are dropped.

        # Raises

        QueueFull : if there is no room for the request.
        Stopping : if the server stops.
        """
        if self.stopping:
            raise Stopping("the server is stopping")
        loop = asyncio.get_running_loop()
        job = Job(key, pieces, loop.create_future(), loop.time())
        if not pieces:
            return []

        try:
            self.queue.add(job)
        except QueueFull:
            self.metrics.rejected.labels("queue_full").inc()
            raise
        self._queue_changed()
        try:
            return await job.answer
        finally:
            self.queue.remove(job)
            self._queue_changed()

    def retry_after(self) -> int:
        """Return the seconds after which there may be room, 1 to 60, estimated from the speed."""
        speed = min(self._speed.values(), default=0.0)
        seconds = self.queue.characters / speed / 2 if speed else 1.0
        return max(1, min(60, math.ceil(seconds)))

    def stop_by(self, seconds: float) -> None:
        """Take no more requests; those that are not finished after some seconds fail."""
        if not self.stopping:
            self.stopping = True
            self._changed.set()
            self._deadline = asyncio.create_task(self._fail_after(seconds), name="deadline")

    async def close(self) -> None:
        """End the loop and the thread; what still waits fails."""
        self.stopping = True
        for task in (self._deadline, self._loop):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._fail_all()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _fail_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._fail_all()

    def _fail_all(self) -> None:
        for job in self.queue.jobs():
            job.fail(Stopping("the server stopped before this request was finished"))
            self.queue.remove(job)

    def _queue_changed(self) -> None:
        self.metrics.queued(self.queue.requests, self.queue.characters)
        self._changed.set()

    async def _work(self) -> None:
        """Take and compute batches until cancelled."""
        while True:
            await self._wait_for_work()
            oldest = self.queue.oldest
            if oldest is None:
                continue
            batch = self.queue.take(self._tokens_of(oldest.key))
            texts = [job.pieces[piece] for job, piece in batch]
            try:
                found = await self._timed(oldest.key, texts)
            except Exception:
                await self._one_by_one(batch)
                continue
            for (job, piece), readings in zip(batch, found, strict=True):
                job.finish(piece, readings)

    async def _wait_for_work(self) -> None:
        """Wait for a request, then for others to share its batch with."""
        while self.queue.oldest is None:
            self._changed.clear()
            await self._changed.wait()

        loop = asyncio.get_running_loop()
        while (oldest := self.queue.oldest) is not None and not (oldest.begun or self.stopping):
            left = oldest.arrived + self.batching.max_wait - loop.time()
            tokens = self._tokens_of(oldest.key)
            if left <= 0 or self.queue.waiting_tokens(oldest.key, tokens) >= tokens:
                return
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def _tokens_of(self, key: Key) -> int:
        """Return the size of a batch that takes `max_seconds` at most, if the speed is known."""
        most = self.batching.max_tokens
        speed = self._speed.get(key)
        if speed is None:
            return max(1, most // 8)
        return max(1, min(most, int(speed * self.batching.max_seconds)))

    async def _timed(self, key: Key, texts: Sequence[str]) -> list[list[Reading]]:
        """Compute a batch in the thread; count it and measure the speed."""
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, self.compute, key, texts)
        seconds = max(time.monotonic() - started, 1e-6)

        characters = sum(map(len, texts))
        self.metrics.computed(key.model, len(texts), characters, seconds)
        before = self._speed.get(key, characters / seconds)
        self._speed[key] = before + NEWEST * (characters / seconds - before)
        return found

    async def _one_by_one(self, batch: Sequence[tuple[Job, int]]) -> None:
        """Compute the pieces of a failed batch alone, so that only the request at fault fails."""
        for job, piece in batch:
            if job.answer.done():
                continue
            try:
                (readings,) = await self._timed(job.key, [job.pieces[piece]])
                job.finish(piece, readings)
            except Exception as error:
                logger.exception("a text of %d characters failed", len(job.pieces[piece]))
                job.fail(error)
                self.queue.remove(job)
