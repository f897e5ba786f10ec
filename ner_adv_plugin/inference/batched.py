"""Inference over whole datasets, batch by batch."""

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
from ner_adv_plugin.data.batching.loaders.evaluation import evaluation_batches
from ner_adv_plugin.data.windows import MAX_TOKENS
from ner_adv_plugin.models import Model

# Maximum number of concurrent batches; more would wait for the global interpreter lock.
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
    """Yield every batch of a dataset with the result of `ask`.

    The model is in evaluation mode without gradients, and its mode is restored afterwards. On a CPU
    several batches are computed concurrently, each with its share of torch's threads, so that
    sequential work such as the steps of an LSTM leaves no thread idle. With several processes, each
    gets its share of the batches.

    # Parameters

    model : the model.
    sentences : the dataset; its empty sentences are in no batch.
    ask : function of a batch on the model's device; it is called from several threads concurrently.
    batch_size : maximum number of sentences in a batch.
    description : label of the progress bar.
    """
    device = next(model.parameters()).device
    threads = torch.get_num_threads()
    batch_count = -(-len(sentences) // (max(batch_size, 1) * world_size()))
    workers = max(1, min(threads, batch_count, MAX_WORKERS)) if device.type == "cpu" else 1
    # Autocast is set per thread.
    precision = torch.get_autocast_dtype(device.type), torch.is_autocast_enabled(device.type)

    def answered(batch: Batch) -> tuple[Batch, T]:
        with torch.inference_mode(), torch.autocast(device.type, *precision):
            return batch, ask(batch.to(device))

    batches = evaluation_batches(sentences, batch_size, MAX_TOKENS // workers, rank(), world_size())
    was_training = model.training
    if was_training:
        # Visiting all modules takes a tenth of the time for a short text.
        model.eval()
    try:
        with progress_bar(len(sentences), description) as bar:
            for batch, answer in (
                _concurrent(answered, batches, workers) if workers > 1 else map(answered, batches)
            ):
                yield batch, answer
                bar.update(len(batch))
    finally:
        if was_training:
            model.train()


def _concurrent(
    function: Callable[[Batch], T], batches: Iterator[Batch], workers: int
) -> Iterator[T]:
    """Map a function over batches with several Python threads; yield the results in order."""
    waiting: deque[Future[T]] = deque()
    pool = _start_threads(workers)

    try:
        for batch in batches:
            waiting.append(pool.submit(function, batch))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_threads(workers: int) -> ThreadPoolExecutor:
    """Start Python threads, each with its share of torch's threads."""
    threads = torch.get_num_threads()
    all_started = Barrier(workers + 1)

    def begin() -> None:
        # The first call in a thread makes torch adopt the global setting; only after that does the
        # thread keep its own.
        torch.get_num_threads()
        torch.set_num_threads(threads // workers)

    pool = ThreadPoolExecutor(workers, "inference", begin)
    with _starting:
        for _ in range(workers):
            pool.submit(all_started.wait)
        all_started.wait()
        # Setting it in a thread also changes the default of threads that start later: restore it.
        torch.set_num_threads(threads)
    return pool
