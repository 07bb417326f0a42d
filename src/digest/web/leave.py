"""Leaving: one click from the mail program (RFC 8058), one button on the page, undo, and a reason.

The address of both is the same. Whatever is posted to it leaves; opening it only shows the button.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.actions import readers
from digest.actions.readers import Reader, Reason
from digest.core.links import Purpose, verify
from digest.core.states import SubscriptionState
from digest.render.words import Words, words_for
from digest.web.choosing import instead
from digest.web.desk import PRIVATE, Desk, in_thread
from digest.web.forms import read_form

ONE_CLICK = "List-Unsubscribe"


def routes(desk: Desk) -> list[Route]:
    """The pages under /unsubscribe/."""
    place = "/unsubscribe/{token}"
    return [
        Route(place, _Leaving(desk).show, methods=["GET"]),
        Route(place, _Leaving(desk).leave, methods=["POST"]),
        Route(f"{place}/undo", _Leaving(desk).undo, methods=["POST"]),
        Route(f"{place}/why", _Leaving(desk).why, methods=["POST"]),
    ]


class _Leaving:
    """The handlers, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        reader = await in_thread(self._find, request)
        if reader is None:
            return await in_thread(self._desk.unknown_link, request)
        if reader.tie.state is SubscriptionState.ENDED:
            return await in_thread(self._left, request, reader)
        return await in_thread(
            self._desk.page, "leave", newsletter=reader.newsletter, language=reader.language,
            address=reader.subscriber.address, action=_action(request), **await in_thread(instead, self._desk, reader),
        )  # fmt: skip

    async def leave(self, request: Request) -> Response:
        form = await read_form(request)
        ids = self._ids(request)
        reader = await in_thread(self._leave, ids) if ids else None
        if reader is None:
            return await in_thread(self._desk.unknown_link, request)
        if ONE_CLICK in form or "page" not in form:  # a mail program: it reads the status
            return PlainTextResponse("unsubscribed\n", headers=PRIVATE)
        return await in_thread(self._left, request, reader)

    async def undo(self, request: Request) -> Response:
        await read_form(request)
        ids = self._ids(request)
        reader = await in_thread(self._take_back, ids) if ids else None
        if reader is None:
            return await in_thread(self._desk.unknown_link, request)
        words = words_for(reader.language)
        return await in_thread(
            self._desk.say, request, words._("Welcome back"),
            words._("You are subscribed to {newsletter} again.").format(newsletter=reader.newsletter.name),
            newsletter=reader.newsletter, language=reader.language,
        )  # fmt: skip

    async def why(self, request: Request) -> Response:
        form = await read_form(request)
        reader = await in_thread(self._find, request)
        if reader is None:
            return await in_thread(self._desk.unknown_link, request)
        if (said := form.get("why")) in set(Reason):
            await in_thread(
                readers.say_why, self._desk.app.database, subscriber_id=reader.subscriber.id,
                newsletter_id=reader.newsletter.id, reason=Reason(said), now=self._desk.app.clock(),
            )  # fmt: skip
        return await in_thread(self._left, request, reader, ask_why=False)

    def _left(self, request: Request, reader: Reader, *, ask_why: bool = True) -> Response:
        return self._desk.page(
            "left", newsletter=reader.newsletter, language=reader.language, address=reader.subscriber.address,
            action=_action(request), ask_why=ask_why, reasons=_reasons(words_for(reader.language)),
        )  # fmt: skip

    def _ids(self, request: Request) -> tuple[int, int] | None:
        numbers = verify(self._desk.app.link_keys, Purpose.UNSUBSCRIBE, request.path_params["token"])
        return (numbers[0], numbers[1]) if numbers else None

    def _find(self, request: Request) -> Reader | None:
        if not (ids := self._ids(request)):
            return None
        with self._desk.app.database.read() as session:
            return readers.find_reader(session, subscriber_id=ids[0], newsletter_id=ids[1])

    def _leave(self, ids: tuple[int, int]) -> Reader | None:
        app = self._desk.app
        return readers.leave(app.database, subscriber_id=ids[0], newsletter_id=ids[1], now=app.clock())

    def _take_back(self, ids: tuple[int, int]) -> Reader | None:
        app = self._desk.app
        return readers.take_back(
            app.database, subscriber_id=ids[0], newsletter_id=ids[1], secret=app.key, now=app.clock()
        )


def _action(request: Request) -> str:
    """The page's own path without what was behind it: forms post there."""
    return f"/unsubscribe/{request.path_params['token']}"


def _reasons(words: Words) -> list[tuple[str, str]]:
    return [
        (str(Reason.TOO_MANY), words._("Too many emails")),
        (str(Reason.NOT_FOR_ME), words._("It is not about what interests me")),
        (str(Reason.NEVER_ASKED), words._("I never asked for it")),
        (str(Reason.LOOKS_WRONG), words._("It looks wrong in my mail program")),
        (str(Reason.OTHER), words._("Another reason")),
    ]
