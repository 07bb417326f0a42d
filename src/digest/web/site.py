"""The application: every route, and what stands before them."""

import logging
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from digest.errors import TryLater
from digest.web import archive, choosing, clicks, confirm, health, join, leave, move, preferences, signposts
from digest.web.access import AccessLog
from digest.web.desk import Desk, preferred_words
from digest.web.guard import Guard

log = logging.getLogger(__name__)

OWN_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


def make_site(desk: Desk) -> Starlette:
    """The pages of a deployment."""
    web = desk.app.settings.web
    parts = urlsplit(web.base_url or "http://localhost")
    hosts = {_as_asked(name) for name in (parts.hostname or "", *web.hosts)} | OWN_HOSTS
    rooms = (join, confirm, leave, choosing, preferences, move, archive, clicks, signposts, health)
    routes = [route for pages in rooms for route in pages.routes(desk)]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(AccessLog, routes=routes),
            Middleware(Guard, hosts=hosts, is_https=parts.scheme == "https"),
        ],
        exception_handlers={HTTPException: _http_fault(desk), TryLater: _busy(desk), Exception: _fault(desk)},
    )


def _as_asked(host: str) -> str:
    """As a browser's Host has it: an address of IPv6 between brackets (RFC 3986 3.2.2)."""
    return f"[{host}]".lower() if ":" in host and not host.startswith("[") else host.lower()


def _http_fault(desk: Desk):  # type: ignore[no-untyped-def] # noqa: ANN202
    def handle(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        if request.method == "OPTIONS" and fault.status_code == 405:  # asked what can be done here, not to do it
            return Response(status_code=204, headers=fault.headers)
        words = preferred_words(request)
        known = {404: words._("There is no such page"), 405: words._("That cannot be done here")}
        heading = known.get(fault.status_code, words._("That did not work"))
        home = {"link": f"{desk.base}/", "text": words._("Newsletters")} if fault.status_code == 404 else None
        made = desk.say(request, heading, status=fault.status_code, link=home)
        made.headers.update(fault.headers or {})
        return made

    return handle


def _busy(desk: Desk):  # type: ignore[no-untyped-def] # noqa: ANN202
    def handle(request: Request, fault: Exception) -> Response:
        log.warning("a page had to be refused", extra={"problem": str(fault)})
        words = preferred_words(request)
        made = desk.say(request, words._("Please try again in a moment"), words._("Nothing was changed."), status=503)
        made.headers["Retry-After"] = "5"
        return made

    return handle


def _fault(desk: Desk):  # type: ignore[no-untyped-def] # noqa: ANN202
    def handle(request: Request, fault: Exception) -> Response:
        log.error("a fault in digest itself", exc_info=fault, extra={"route": _route(request)})
        words = preferred_words(request)
        return desk.say(
            request, words._("That did not work"), words._("The fault is ours. Nothing was lost."), status=500
        )

    return handle


def _route(request: Request) -> str:
    """The path without a token in it."""
    return "/".join(request.url.path.split("/")[:2])
