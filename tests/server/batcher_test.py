"""The queue and the batches, with a function in place of a model."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.inference.tagger import Reading
from ner_adv_plugin.serving.batcher import Batcher, Stopping
from ner_adv_plugin.serving.metrics import Metrics
from ner_adv_plugin.serving.queue import PIECE, FairQueue, Job, Key, QueueFull
from ner_adv_plugin.serving.settings import Batching, Limits

A, B = Key("m", "a"), Key("m", "b")


def readings(key: Key, texts: Sequence[str]) -> list[list[Reading]]:
    """A reading that tells its text and key."""
    return [[Reading([ScoredSpan(0, len(text), key.head + text, 1.0)])] for text in texts]


def run(
    work: Callable[[Batcher], Coroutine[Any, Any, None]],
    compute: Any = readings,
    batching: Batching | None = None,
    limits: Limits | None = None,
) -> Batcher:
    """Run a coroutine with a started batcher, at most ten seconds."""

    async def main() -> Batcher:
        batcher = Batcher(compute, batching or Batching(), limits or Limits(), Metrics())
        await batcher.start()
        try:
            await asyncio.wait_for(work(batcher), 10)
        finally:
            await batcher.close()
        return batcher

    return asyncio.run(main())


class Recorded:
    """`readings`, which notes its batches, may sleep for each character, and can be held."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[tuple[Key, list[str]]] = []
        self.seconds = seconds
        self.go = threading.Event()
        self.go.set()

    def __call__(self, key: Key, texts: Sequence[str]) -> list[list[Reading]]:
        self.batches.append((key, list(texts)))
        self.go.wait(10)
        time.sleep(self.seconds * sum(map(len, texts)))
        return readings(key, texts)


PIECES = st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.sampled_from([A, B]), PIECES), max_size=6), st.integers(1, 40))
def test_every_piece_is_taken_once(jobs: list[tuple[Key, list[str]]], budget: int) -> None:
    async def main() -> None:
        queue = FairQueue(Limits())
        loop = asyncio.get_running_loop()
        added = [Job(key, pieces, loop.create_future(), 0.0) for key, pieces in jobs]
        for job in added:
            queue.add(job)
        taken = []
        while queue.oldest is not None:
            first = queue.oldest
            batch = queue.take(budget)
            assert batch[0] == (first, min(p for j, p in batch if j is first))
            assert len({job.key for job, _ in batch}) == 1
            cost = sum(len(job.pieces[piece]) + PIECE for job, piece in batch)
            assert len(batch) == 1 or cost <= budget
            taken += batch
        assert len(set(taken)) == len(taken) == sum(len(job.pieces) for job in added)
        # Accepted until removed.
        assert queue.requests == len(added)
        assert queue.characters == sum(len(piece) for job in added for piece in job.pieces)
        for job in added:
            queue.remove(job)
            queue.remove(job)
        assert queue.requests == queue.characters == 0

    asyncio.run(main())


def test_a_short_request_is_in_the_next_batch() -> None:
    async def main() -> None:
        queue = FairQueue(Limits())
        loop = asyncio.get_running_loop()
        queue.add(Job(A, ["x" * 96] * 100, loop.create_future(), 0.0))
        queue.take(400)
        queue.add(Job(A, ["short"], loop.create_future(), 0.0))
        queue.add(Job(B, ["other"], loop.create_future(), 0.0))
        taken = [[job.pieces[piece] for job, piece in queue.take(400)] for _ in range(2)]
        assert taken[0] == ["x" * 96, "short", "x" * 96, "x" * 96]
        assert taken[1] == ["other"]

    asyncio.run(main())


def test_requests_share_batches() -> None:
    compute = Recorded()
    answers: list[Any] = []

    async def work(batcher: Batcher) -> None:
        asked = [batcher.submit(A, [f"t{i}", f"u{i}"]) for i in range(20)]
        answers.extend(await asyncio.gather(*asked, batcher.submit(B, ["v"])))

    run(work, compute, Batching(max_wait=0.05))
    assert answers == [readings(A, [f"t{i}", f"u{i}"]) for i in range(20)] + [readings(B, ["v"])]
    by_head = {key.head: texts for key, texts in compute.batches}
    assert len(compute.batches) == 2 and len(by_head["a"]) == 40 and by_head["b"] == ["v"]


def test_a_full_batch_does_not_wait() -> None:
    async def work(batcher: Batcher) -> None:
        started = time.monotonic()
        await batcher.submit(A, ["x" * 50] * 3)
        assert time.monotonic() - started < 4

    # Of an unknown speed, an eighth of the maximum is a full batch.
    run(work, batching=Batching(max_wait=5.0, max_tokens=200))


def test_the_time_of_a_batch_is_bounded() -> None:
    compute = Recorded(seconds=0.0005)

    async def work(batcher: Batcher) -> None:
        await batcher.start([A], "x" * 100)
        compute.batches.clear()
        long = asyncio.create_task(batcher.submit(A, ["x" * 96] * 50))
        await asyncio.sleep(0.02)
        started = time.monotonic()
        await batcher.submit(A, ["short"])
        waited = time.monotonic() - started
        assert not long.done() and waited < 1.0
        long.cancel()

    run(work, compute, Batching(max_wait=0.0, max_seconds=0.2))
    # 2,000 characters a second: a batch of 0.2 s has about 400.
    sizes = [sum(map(len, texts)) for _, texts in compute.batches]
    assert max(sizes) <= 480


def test_a_full_queue_refuses() -> None:
    compute = Recorded()
    compute.go.clear()

    async def work(batcher: Batcher) -> None:
        waiting = [asyncio.create_task(batcher.submit(A, ["x" * 10])) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(QueueFull, match="3 requests wait, the most that may"):
            await batcher.submit(A, ["y"])
        batcher.queue.limits = Limits(queued_requests=9, characters=30, queued_characters=35)
        with pytest.raises(QueueFull, match="30 characters wait, of at most 35; .* has 6"):
            await batcher.submit(A, ["y" * 6])
        accepted = asyncio.create_task(batcher.submit(A, ["y" * 5]))
        await asyncio.sleep(0.01)
        assert 1 <= batcher.retry_after() <= 60
        compute.go.set()
        await asyncio.gather(*waiting, accepted)
        assert batcher.queue.requests == batcher.queue.characters == 0

    run(work, compute, limits=Limits(queued_requests=3))


def test_what_nobody_waits_for_is_not_computed() -> None:
    compute = Recorded()
    compute.go.clear()

    async def work(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.submit(A, ["first"]))
        await asyncio.sleep(0.05)
        left = asyncio.create_task(batcher.submit(A, ["left"] * 5))
        stays = asyncio.create_task(batcher.submit(A, ["stays"]))
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.sleep(0)
        compute.go.set()
        assert await stays == readings(A, ["stays"])
        await first
        assert batcher.queue.requests == 0

    run(work, compute)
    assert [texts for _, texts in compute.batches] == [["first"], ["stays"]]


def test_only_the_request_at_fault_fails(caplog: pytest.LogCaptureFixture) -> None:
    def compute(key: Key, texts: Sequence[str]) -> list[list[Reading]]:
        if "bad" in texts:
            raise RuntimeError("out of luck")
        return readings(key, texts)

    async def work(batcher: Batcher) -> None:
        asked = [batcher.submit(A, texts) for texts in (["good"], ["ok", "bad"], ["fine"])]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers[0] == readings(A, ["good"]) and answers[2] == readings(A, ["fine"])
        assert isinstance(answers[1], RuntimeError)
        assert await batcher.submit(A, ["later"]) == readings(A, ["later"])
        assert batcher.queue.requests == 0

    run(work, compute, Batching(max_wait=0.05))
    assert caplog.messages == ["a text of 3 characters failed"]


def test_stopping_finishes_what_was_accepted() -> None:
    compute = Recorded()
    compute.go.clear()

    async def work(batcher: Batcher) -> None:
        accepted = [asyncio.create_task(batcher.submit(A, [f"t{i}"] * 3)) for i in range(4)]
        await asyncio.sleep(0.05)
        batcher.stop_by(5)
        with pytest.raises(Stopping, match="is stopping"):
            await batcher.submit(A, ["late"])
        compute.go.set()
        assert await asyncio.gather(*accepted) == [readings(A, [f"t{i}"] * 3) for i in range(4)]

    run(work, compute)


def test_stopping_has_a_deadline() -> None:
    compute = Recorded()
    compute.go.clear()

    async def work(batcher: Batcher) -> None:
        accepted = asyncio.create_task(batcher.submit(A, ["t"]))
        await asyncio.sleep(0.05)
        batcher.stop_by(0.05)
        with pytest.raises(Stopping, match="before this request was finished"):
            await accepted
        compute.go.set()

    run(work, compute)
