"""One line in the log for each request: method, route, status, milliseconds. Never an address, a network or a token.

The route is the pattern (`/unsubscribe/{token}`), not the path: what stands in a path may be a token.
"""

import logging
import time
from collections.abc import Iterable

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for by machines every few seconds: told at debug level."""


class AccessLog:
    """Tells of each request when it is answered."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[Route]) -> None:
        self._app = app
        self._paths = {id(route.endpoint): route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = self._paths.get(id(scope.get("endpoint")), "none")
            level = logging.DEBUG if route in QUIET and status < 400 else logging.INFO
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            facts = {"method": _known(scope["method"]), "route": route, "status": status, "ms": milliseconds}
            log.log(level, "request", extra=facts)


def _known(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"} else "other"
