"""The process of a server: socket, signals, start and stop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.serving.settings import ServerSettings

logger = logging.getLogger(__name__)

# Seconds in which connections are closed after all answers.
CLOSING = 5


def serve(app: FastAPI, host: str, port: int, settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was accepted, within `stop_seconds`.

    A second SIGINT stops at once.

    # Parameters

    app : see `create_app`.
    host : the address to listen on.
    port : the port; 0 for any free one. The URL is printed when the server is ready.
    settings : see `ServerSettings`.

    # Raises

    UserError : if the address cannot be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(settings.stop_seconds) + CLOSING,
        # Bodies that are being read are not yet in the queue.
        limit_concurrency=4 * settings.limits.queued_requests,
    )
    with contextlib.closing(_listening(host, port)) as listener:
        _Server(config, settings).run([listener])


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UserError(f"--port: expected 0 to 65535, found {port}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        message = f"cannot listen on {host}, port {port}: {error}. See --host and --port."
        raise UserError(message) from error
    # Its connections inherit it: without, an answer waits 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, settings: ServerSettings) -> None:
        super().__init__(config)
        self.settings = settings
        self.event_loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the URL when requests are answered."""
        self.event_loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"http://{shown}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals; unlike uvicorn's, an orderly stop ends with status 0."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop accepting; give accepted requests their time."""
        super().handle_exit(sig, frame)
        if self.event_loop is not None:
            self.event_loop.call_soon_threadsafe(self._stop_batcher)

    def _stop_batcher(self) -> None:
        batcher: Any = self.config.app.state.service.batcher  # type: ignore[union-attr]
        if not batcher.stopping:
            logger.info("stopping: %d accepted requests are finished first", batcher.queue.requests)
        batcher.stop_by(self.settings.stop_seconds)
