"""What every request passes first: the host, the size and the time it may take; and the headers of every answer.

As plain ASGI: it must see the body's pieces as they come.
"""

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 64 * 1024
"""Bytes of a form. One-click's body has 26."""
PATIENCE = 20.0
"""Seconds for the whole of a request."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Strict-Transport-Security": "max-age=31536000",
}
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


class _TooLargeError(Exception):
    """A body beyond the limit."""


class Guard:
    """Refuses other hosts and large bodies, ends what takes too long, and puts the headers on every answer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str],
        is_https: bool,
        longest: int = LONGEST_BODY,
        patience: float = PATIENCE,
    ) -> None:
        self._app, self._hosts, self._is_https = app, frozenset(hosts), is_https
        self._longest, self._patience = longest, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(message)
            await send(message)

        refusal: PlainTextResponse | None = None
        try:
            async with asyncio.timeout(self._patience):
                if not self._is_known(Headers(scope=scope)):
                    refusal = PlainTextResponse("this host is not served here\n", 421)
                else:
                    await self._app(scope, _counted(receive, self._longest), with_headers)
        except _TooLargeError:
            refusal = PlainTextResponse("too much was sent\n", 413)
        except TimeoutError:
            refusal = PlainTextResponse("it took too long\n", 408)
        if refusal and not started:
            await refusal(scope, receive, with_headers)

    def _is_known(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        return name.lower() in self._hosts

    def _add_headers(self, message: MutableMapping[str, Any]) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            if self._is_https or name != "Strict-Transport-Security":
                headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", _NO_PAGE)


def _counted(receive: Receive, longest: int) -> Receive:
    read = 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > longest:
            raise _TooLargeError
        return message

    return counting
