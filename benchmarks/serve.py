"""Load test of `allennlp serve` over loopback: requests per second and latency, by clients."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.corpora import PEOPLE_DAILY, provenance, split_corpus
from benchmarks.models import SMALL, TINY, random_bert
from benchmarks.options import Options
from benchmarks.report import Figure, Report
from ner_adv_plugin.runs.train_job import train_model

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = (1, 8, 64)
# A batch is one piece of one request.
UNBATCHED = ("--max-wait", "0", "--max-tokens", "1")
# Bounds of each measurement.
SECONDS, REQUESTS = 8.0, 4000
LONG = 200_000


def run(options: Options) -> Report:
    """Send one text per request, as fast as answers come, with 1, 8 and 64 clients."""
    corpus = split_corpus(PEOPLE_DAILY, 1, 50 if options.tiny else 1500)
    texts = [sentence.text for sentences in corpus.instances.values() for sentence in sentences]
    seconds, requests = (0.3, 20) if options.tiny else (SECONDS, REQUESTS)

    figures = []
    with _archive(options.tiny) as archive:
        for name, flags in (("batched", ()), ("one by one", UNBATCHED)):
            with _server(archive, flags) as url:
                asyncio.run(_load(url, texts, 1, seconds / 4, requests))
                for clients in CLIENTS:
                    waits = asyncio.run(_load(url, texts, clients, seconds, requests))
                    figures += _figures(f"{clients} clients, {name}", *waits)
                if not flags:
                    length = LONG // 100 if options.tiny else LONG
                    waited = asyncio.run(_beside(url, texts, length))
                    note = f"longest wait of a short text beside one of {length} characters"
                    figures.append(Figure(note, 1000 * waited, "ms"))
    return Report(
        figures,
        [
            f"{len(texts)} sentences of {provenance(PEOPLE_DAILY)}; client and server on the same "
            f"machine; at most {seconds:g} s and {requests} requests each"
        ],
    )


def _figures(name: str, waits: Sequence[float], seconds: float) -> list[Figure]:
    p50, p99 = np.percentile(waits, [50, 99]) * 1000
    return [
        Figure(f"requests per second, {name}", len(waits) / seconds),
        Figure(f"p50, {name}", float(p50), "ms"),
        Figure(f"p99, {name}", float(p99), "ms"),
    ]


@contextlib.contextmanager
def _archive(tiny: bool) -> Iterator[Path]:
    """Train a model with a random BERT for a moment; yield the folder of its run."""
    data = str(ROOT / "fixtures" / "data" / "weibo" / "weiboNER_2nd_conll.")
    with random_bert(TINY if tiny else SMALL) as encoder, TemporaryDirectory() as folder:
        config: dict[str, Any] = {
            "dataset_reader": {"type": "weibo", "max_instances": 16},
            "train_data_path": f"{data}train",
            "validation_data_path": f"{data}dev",
            "model": {
                "type": "crf_tagger",
                "encoder": {"type": "pretrained_transformer", "model_name": encoder},
                "tower": {"type": "lstm", "hidden_size": 128, "bidirectional": True},
            },
            "data_loader": {"batch_size": 16},
            "trainer": {
                "num_epochs": 1,
                "validation_metric": "+weibo_f1",
                "optimizer": {"type": "adamw", "lr": 1e-5},
                "cuda_device": -1,
            },
        }
        train_model(config, Path(folder) / "run")
        yield Path(folder) / "run"


@contextlib.contextmanager
def _server(archive: Path, flags: Sequence[str]) -> Iterator[str]:
    """Start a server on a free port of loopback; yield its URL."""
    command = [sys.executable, "-m", "ner_adv_plugin", "serve", str(archive), "--port", "0"]
    with subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Client:
    """A connection that stays open, with as little work as possible of its own."""

    def __init__(self, url: str) -> None:
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port

    async def __aenter__(self) -> "_Client":
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=2**26)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.close()

    async def predict(self, text: str) -> float:
        """Send a text; return the seconds until its whole answer."""
        body = json.dumps({"texts": [text]}, ensure_ascii=False).encode()
        head = (
            f"POST /predict HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        started = time.perf_counter()
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").lower()
        length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        await self.reader.readexactly(length)
        if not answer.startswith("http/1.1 200"):
            raise RuntimeError(answer)
        return time.perf_counter() - started


async def _load(
    url: str, texts: Sequence[str], clients: int, seconds: float, requests: int
) -> tuple[list[float], float]:
    """Return the seconds of every request of some clients, and of all together."""
    waiting = cycle(texts)
    waits: list[float] = []
    started = time.perf_counter()
    sent = 0

    async def ask() -> None:
        nonlocal sent
        async with _Client(url) as client:
            while sent < requests and time.perf_counter() - started < seconds:
                sent += 1
                waits.append(await client.predict(next(waiting)))

    await asyncio.gather(*(ask() for _ in range(clients)))
    return waits, time.perf_counter() - started


async def _beside(url: str, texts: Sequence[str], length: int) -> float:
    """Return the longest wait of short texts while one of `length` characters is predicted."""
    long = "".join(text for text, _ in zip(cycle(texts), range(length), strict=False))[:length]
    waits = []
    async with _Client(url) as one, _Client(url) as other:
        answer = asyncio.create_task(one.predict(long))
        await asyncio.sleep(0.05)
        for text in cycle(texts):
            waits.append(await other.predict(text))
            if answer.done():
                break
        await answer
    return max(waits)
