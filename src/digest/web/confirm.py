"""The confirmation's link: opened it shows one button, pressed it subscribes; too old, it offers a new one."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.actions import signups
from digest.actions.notice_mail import latest_address
from digest.actions.pages import subscribe_address
from digest.actions.readers import Reader, find_reader
from digest.core.links import Purpose, preferences_url, verify_until
from digest.core.states import SubscriptionState
from digest.render.words import words_for
from digest.web.desk import Desk, in_thread
from digest.web.forms import read_form
from digest.web.limits import network_of, too_many


def routes(desk: Desk) -> list[Route]:
    """The pages under /confirm/."""
    pages, place = _Confirming(desk), "/confirm/{token}"
    return [
        Route(place, pages.show, methods=["GET"]),
        Route(place, pages.confirm, methods=["POST"]),
        Route(f"{place}/again", pages.again, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom a link is about, and whether it is over."""

    subscriber_id: int
    newsletter_id: int
    is_over: bool


class _Confirming:
    """The handlers, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        return await in_thread(self._show, request)

    async def confirm(self, request: Request) -> Response:
        await read_form(request)
        return await in_thread(self._confirm, request)

    async def again(self, request: Request) -> Response:
        await read_form(request)
        return await in_thread(self._again, request)

    def _show(self, request: Request) -> Response:
        asked = self._asked(request)
        reader = self._find(asked) if asked else None
        if asked is None or reader is None:
            return self._desk.unknown_link(request)
        if reader.tie.state is not SubscriptionState.PENDING:
            return self._stands(request, reader)
        words, path = words_for(reader.language), f"/confirm/{request.path_params['token']}"
        name, address = reader.newsletter.name, reader.subscriber.address
        if asked.is_over:
            return self._desk.page(
                "confirm", newsletter=reader.newsletter, language=reader.language, action=f"{path}/again",
                heading=words._("This link is too old"), button=words._("Send me a new one"),
                said=words._("Links like this are good for a week. We can send a new one to {address}.").format(address=address),
            )  # fmt: skip
        return self._desk.page(
            "confirm", newsletter=reader.newsletter, language=reader.language, action=path,
            heading=words._("One more step"), button=words._("Confirm subscription"),
            said=words._("Press the button, and {newsletter} comes to {address}.").format(newsletter=name, address=address),
        )  # fmt: skip

    def _confirm(self, request: Request) -> Response:
        asked, app = self._asked(request), self._desk.app
        if asked is None or asked.is_over:
            return self._show(request)
        reader = signups.confirm(
            app.database, subscriber_id=asked.subscriber_id, newsletter_id=asked.newsletter_id,
            caps=app.settings.signup.caps(), key=app.key, now=app.clock(),
        )  # fmt: skip
        if reader is None:
            return self._desk.unknown_link(request)
        self._desk.knock()
        return self._stands(request, reader)

    def _again(self, request: Request) -> Response:
        asked, app = self._asked(request), self._desk.app
        reader = self._find(asked) if asked else None
        if asked is None or reader is None:
            return self._desk.unknown_link(request)
        wait = signups.ask_again(
            app.database, subscriber_id=asked.subscriber_id, newsletter_id=asked.newsletter_id,
            network=network_of(request), caps=app.settings.signup.caps(), key=app.key, now=app.clock(),
        )  # fmt: skip
        if wait is not None:
            return too_many(self._desk, request, wait, newsletter=reader.newsletter, language=reader.language)
        self._desk.knock()
        return self._desk.page(
            "sent", newsletter=reader.newsletter, language=reader.language, address=reader.subscriber.address,
            action=subscribe_address(self._desk.base, reader.newsletter) or "/",
        )  # fmt: skip

    def _stands(self, request: Request, reader: Reader) -> Response:
        """Nothing is left to confirm."""
        app, words = self._desk.app, words_for(reader.language)
        if reader.tie.state is SubscriptionState.ENDED:
            url = subscribe_address(self._desk.base, reader.newsletter)
            return self._desk.say(
                request, words._("You have left {newsletter}").format(newsletter=reader.newsletter.name),
                words._("To get it again, sign up once more."),
                newsletter=reader.newsletter, language=reader.language,
                link={"link": url, "text": words._("Subscribe")} if url else None,
            )  # fmt: skip
        with app.database.read() as session:
            latest = latest_address(session, reader.newsletter, self._desk.base)
        reply_to = reader.newsletter.reply_to or reader.newsletter.sender_address
        return self._desk.page(
            "welcome", newsletter=reader.newsletter, language=reader.language, address=reader.subscriber.address,
            latest=latest, preferences=preferences_url(
                self._desk.base, key=app.link_keys[0], subscriber_id=reader.subscriber.id, reply_to=reply_to
            ),
        )  # fmt: skip

    def _asked(self, request: Request) -> _Asked | None:
        app = self._desk.app
        told = verify_until(app.link_keys, Purpose.CONFIRM, request.path_params["token"], now=app.clock())
        return _Asked(*told.numbers[:2], told.is_over) if told and len(told.numbers) == 2 else None

    def _find(self, asked: _Asked) -> Reader | None:
        with self._desk.app.database.read() as session:
            return find_reader(session, subscriber_id=asked.subscriber_id, newsletter_id=asked.newsletter_id)
