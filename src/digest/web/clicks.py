"""`/c/TOKEN`: on to where the link of the issue leads, and one more for it, if its newsletter counts.

HEAD, what browsers fetch ahead, and clients that follow the link which nobody sees do not count. The reader is never kept
waiting for the count.
"""

from collections.abc import Mapping
from functools import lru_cache

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from digest.actions import clicks
from digest.core.clicks import CANARY, Place
from digest.core.links import Purpose, verify
from digest.errors import DigestError, NotFound
from digest.web.desk import PRIVATE, Desk, in_thread
from digest.web.limits import network_of

AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")
"""Headers by which browsers say that nobody has clicked yet."""


def routes(desk: Desk) -> list[Route]:
    """The one."""
    return [Route("/c/{token}", _Clicks(desk).follow)]


class _Clicks:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._links = lru_cache(maxsize=64)(self._read_links)

    async def follow(self, request: Request) -> Response:
        numbers = verify(self._desk.app.link_keys, Purpose.CLICK, request.path_params["token"])
        if numbers is None or len(numbers) != 3:
            return await in_thread(self._desk.unknown_link, request)
        issue_id, place = numbers[0], (numbers[1], numbers[2])
        target = await in_thread(self._find, issue_id, place)
        counting = BackgroundTask(in_thread, self._count, request, issue_id, place)
        task = counting if target and target.is_counted and _is_click(request) else None
        if place == CANARY:
            return Response(status_code=204, headers=PRIVATE, background=task)
        if target is None or target.url is None:
            return await in_thread(self._desk.unknown_link, request)
        return RedirectResponse(target.url, 302, headers=PRIVATE, background=task)

    def _find(self, issue_id: int, place: Place) -> clicks.Target | None:
        try:
            links = self._links(issue_id)
            with self._desk.app.database.read() as session:
                return clicks.find_target(session, links, issue_id=issue_id, place=place)
        except NotFound:
            return None

    def _read_links(self, issue_id: int) -> Mapping[Place, str]:
        with self._desk.app.database.read() as session:
            return clicks.read_links(session, issue_id)

    def _count(self, request: Request, issue_id: int, place: Place) -> None:
        app = self._desk.app
        try:
            clicks.note_visit(
                app.database, key=app.key, issue_id=issue_id, place=place, network=network_of(request),
                agent=request.headers.get("user-agent", ""), now=app.clock(),
            )  # fmt: skip
        except DigestError:  # a click that is not counted harms nobody
            return


def _is_click(request: Request) -> bool:
    ahead = " ".join(request.headers.get(name, "") for name in AHEAD).lower()
    return request.method == "GET" and not any(word in ahead for word in ("prefetch", "preview", "prerender"))
