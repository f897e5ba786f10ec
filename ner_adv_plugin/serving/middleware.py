"""What surrounds every request: token, size of the body, counters, headers."""

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ner_adv_plugin.serving.faults import Answer, refusal
from ner_adv_plugin.serving.metrics import Metrics
from ner_adv_plugin.serving.settings import ServerSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Paths without a token: the page, which asks for it, and what watches the server.
OPEN = ("/", "/health")


class Counted:
    """Count requests by route and status, and measure their time."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        # Of a client that went away before the answer.
        status = 499

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.request_seconds.labels(route).observe(time.monotonic() - started)


class Guarded:
    """Refuse requests without the token, and bodies that are too large or too slow.

    The token is that of `Authorization: Bearer TOKEN`, or the password of `Authorization: Basic`,
    which Label Studio sends.
    """

    def __init__(self, app: App, settings: ServerSettings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        # A browser asks without the token whether it may send one (CORS).
        is_open = scope["path"] in OPEN or scope["method"] == "OPTIONS"
        if not is_open and not self._may_enter(headers.get(b"authorization", b"")):
            await self._refuse(
                scope, receive, send, 401, "header", "the token is missing or wrong", "token"
            )
            return
        most = self.settings.limits.body_bytes
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > most:
            message = f"{int(length)} bytes, at most {most} are accepted"
            await self._refuse(scope, receive, send, 413, "body", message, "too_large")
            return
        await self.app(scope, self._limited(receive), send)

    def _may_enter(self, authorization: bytes) -> bool:
        if self.settings.token is None:
            return True
        kind, _, sent = authorization.partition(b" ")
        if kind.lower() == b"basic":
            try:
                sent = base64.b64decode(sent, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(sent.strip(), self.settings.token.encode())

    def _limited(self, receive: Receive) -> Receive:
        """Return `receive` with limits on the size and the time of the body."""
        most, seconds = self.settings.limits.body_bytes, self.settings.body_seconds
        read, complete = 0, False
        deadline = asyncio.get_running_loop().time() + seconds

        async def receiving() -> Message:
            nonlocal read, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                self.metrics.rejected.labels("slow_body").inc()
                text = f"the body did not arrive within {seconds:g} seconds"
                raise refusal(408, ("body",), text, "too_slow") from None
            read += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if read > most:
                self.metrics.rejected.labels("too_large").inc()
                text = f"more than {most} bytes, the most that are accepted"
                raise refusal(413, ("body",), text, "too_large")
            return message

        return receiving

    async def _refuse(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        status: int,
        where: str,
        message: str,
        reason: str,
    ) -> None:
        self.metrics.rejected.labels(reason).inc()
        error = refusal(status, (where,), message, reason)
        headers = {"WWW-Authenticate": 'Bearer realm="ner"'} if status == 401 else {}
        answer = Answer({"detail": error.detail}, status, headers | {"Connection": "close"})
        await answer(scope, receive, send)
