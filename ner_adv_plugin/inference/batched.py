"""What a model says of whole datasets, batch by batch."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TypeVar

import torch

from ner_adv_plugin.common.processes import rank, world_size
from ner_adv_plugin.common.progress import progress_bar
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders.evaluation import MAX_TOKENS, evaluation_batches
from ner_adv_plugin.models import Model

# Batches computed side by side, at most: more would wait for one another, since Python runs on one thread at a time.
MAX_WORKERS = 8
T = TypeVar("T")
_starting = Lock()


def infer(
    model: Model,
    sentences: EncodedDataset,
    ask: Callable[[Batch], T],
    batch_size: int,
    description: str,
) -> Iterator[tuple[Batch, T]]:
    """Every batch of a dataset with what `ask` says of it; the model is left in the mode it was in.

    On a CPU several batches are computed side by side, each on its share of torch's threads: what cannot be split, such
    as the steps of an LSTM, then leaves none idle. Where there are several processes each gets its share of the
    batches.

    # Parameters

    model : asked in evaluation mode, without gradients.
    sentences : the dataset; its empty sentences are in no batch.
    ask : called with a batch on the model's device, by several threads at once.
    batch_size : sentences a batch at most.
    description : of the progress bar.
    """
    device = next(model.parameters()).device
    threads, batch_count = (
        torch.get_num_threads(),
        -(-len(sentences) // (max(batch_size, 1) * world_size())),
    )
    workers = max(1, min(threads, batch_count, MAX_WORKERS)) if device.type == "cpu" else 1
    # Every thread has its own.
    precision = torch.get_autocast_dtype(device.type), torch.is_autocast_enabled(device.type)

    def answered(batch: Batch) -> tuple[Batch, T]:
        with torch.inference_mode(), torch.autocast(device.type, *precision):
            return batch, ask(batch.to(device))

    batches = evaluation_batches(sentences, batch_size, MAX_TOKENS // workers, rank(), world_size())
    was_training = model.training
    model.eval()
    try:
        with progress_bar(len(sentences), description) as bar:
            for batch, answer in (
                _side_by_side(answered, batches, workers) if workers > 1 else map(answered, batches)
            ):
                yield batch, answer
                bar.update(len(batch))
    finally:
        model.train(was_training)


def _side_by_side(
    function: Callable[[Batch], T], batches: Iterator[Batch], workers: int
) -> Iterator[T]:
    """What a function makes of batches, in their order, computed by several threads of Python's."""
    waiting: deque[Future[T]] = deque()
    pool = _started(workers)
    try:
        for batch in batches:
            waiting.append(pool.submit(function, batch))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _started(workers: int) -> ThreadPoolExecutor:
    """Threads of Python's that have begun, each with its share of torch's."""
    threads = torch.get_num_threads()
    met = Barrier(workers + 1)

    def begin() -> None:
        # Asked for the first time, torch takes what is set for all; only then does a thread keep a setting of its own.
        torch.get_num_threads()
        torch.set_num_threads(threads // workers)

    pool = ThreadPoolExecutor(workers, "inference", begin)
    with _starting:
        for _ in range(workers):
            pool.submit(met.wait)
        met.wait()
        # It is set for all that begin later, too.
        torch.set_num_threads(threads)
    return pool
