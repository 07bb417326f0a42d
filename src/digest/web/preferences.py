"""A person's own page, by a signed link: every newsletter of the sender, who they are, their data, and being forgotten.

One form a matter; what is posted names it (`do`) and, where it is about a newsletter, its slug. The page then comes again
and says that it is done.
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.actions import choices, erasure, moves, profile, readers
from digest.actions.personal_data import personal_data
from digest.actions.profile import Choice, Profile
from digest.core.choices import pause_until
from digest.core.links import Purpose, verify
from digest.errors import DigestError
from digest.render.words import words_for
from digest.web.addresses import NoAddressError, read_address
from digest.web.desk import PRIVATE, Desk, in_thread
from digest.web.forms import read_form, text_of
from digest.web.limits import DAY, take, whose
from digest.web.preferences_view import view_of

MOVES_A_DAY = 3
"""Changes of address that one person may ask for: each writes to two addresses."""


def routes(desk: Desk) -> list[Route]:
    """The pages under /preferences/."""
    pages, place = _Preferences(desk), "/preferences/{token}"
    return [
        Route(place, pages.show, methods=["GET"]),
        Route(place, pages.change, methods=["POST"]),
        Route(f"{place}/data.json", pages.data, methods=["GET"]),
        Route(f"{place}/erase", pages.ask_to_erase, methods=["GET"]),
        Route(f"{place}/erase", pages.erase, methods=["POST"]),
    ]


class _Preferences:
    """The handlers, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._doers = {
            "choose": self._choose, "pause": self._pause, "resume": self._resume,
            "leave": self._leave, "join": self._join, "person": self._describe, "move": self._move,
        }  # fmt: skip

    async def show(self, request: Request) -> Response:
        return await in_thread(self._show, request)

    async def change(self, request: Request) -> Response:
        return await in_thread(self._change, request, await read_form(request))

    async def data(self, request: Request) -> Response:
        return await in_thread(self._data, request)

    async def ask_to_erase(self, request: Request) -> Response:
        return await in_thread(self._ask_to_erase, request)

    async def erase(self, request: Request) -> Response:
        await read_form(request)
        return await in_thread(self._erase, request)

    def _find(self, request: Request) -> Profile | None:
        app = self._desk.app
        numbers = verify(app.link_keys, Purpose.PREFERENCES, request.path_params["token"])
        if not numbers:
            return None
        with app.database.read() as session:
            return profile.find_profile(session, subscriber_id=numbers[0], secret=app.key)

    def _show(self, request: Request, *, done: str = "", wrong: str = "") -> Response:
        if (found := self._find(request)) is None:
            return self._desk.unknown_link(request)
        return self._desk.page(
            "preferences", newsletter=found.main, language=found.language, status=400 if wrong else 200, done=done,
            wrong=wrong, action=_action(request), **view_of(found, now=self._desk.app.clock()),
        )  # fmt: skip

    def _change(self, request: Request, form: FormData) -> Response:
        if (found := self._find(request)) is None:
            return self._desk.unknown_link(request)
        words = words_for(found.language)
        do, choice = self._doers.get(text_of(form, "do")), found.choice_of(text_of(form, "newsletter"))
        if do is None or (choice is None and do not in {self._describe, self._move}):
            return self._show(request, wrong=words._("That did not work"))
        try:
            wrong = do(request, found, choice, form)
        except DigestError as fault:
            if fault.exit_code == 75:  # busy: said as such, to be tried again
                raise
            wrong = words._("That did not work")
        # Read anew: the language may be another one now.
        after = self._find(request)
        said = words_for(after.language if after else found.language)
        done = said._("We have written to both addresses. Open the link in each, within a week.")
        done = done if do == self._move else said._("It is saved.")
        return self._show(request, wrong=wrong) if wrong else self._show(request, done=done)

    def _describe(self, _request: Request, found: Profile, _choice: Choice | None, form: FormData) -> str:
        app = self._desk.app
        profile.describe(
            app.database, found, secret=app.key, now=app.clock(), name=text_of(form, "name", most=200),
            language=text_of(form, "language", most=35), zone=text_of(form, "zone", most=64),
        )  # fmt: skip
        return ""

    def _move(self, _request: Request, found: Profile, _choice: Choice | None, form: FormData) -> str:
        app, words = self._desk.app, words_for(found.language)
        now, name = app.clock(), whose(app.key, "move", str(found.subscriber.id))
        try:
            address = read_address(self._desk, text_of(form, "address", most=320), words)
        except NoAddressError as fault:
            return str(fault)
        with app.database.write() as session:
            if take(session, name, limit=MOVES_A_DAY, per=DAY, now=now) is not None:
                return words._("This was asked for too often.")
        try:
            moves.ask_to_move(app.database, found, address, secret=app.key, now=now)
        except ValueError:
            return words._("This is your address already.")
        self._desk.knock()
        return ""

    def _choose(self, _request: Request, found: Profile, choice: Choice | None, form: FormData) -> str:
        topics = [one for one in form.getlist("topic") if isinstance(one, str)]
        cadence, hour = text_of(form, "cadence", most=20), text_of(form, "hour", most=2)
        choices.choose(
            self._desk.app.database, **_ids(found, choice), now=self._desk.app.clock(),
            cadence_id=int(cadence) if cadence.isdecimal() else None,
            topics=topics if choice and choice.topics else None,
            hour=None if "hour" not in form else int(hour) if hour.isdecimal() else choices.SLOTS_HOUR,
        )  # fmt: skip
        return ""

    def _pause(self, _request: Request, found: Profile, choice: Choice | None, form: FormData) -> str:
        now, words = self._desk.app.clock(), words_for(found.language)
        assert choice
        try:
            day = date.fromisoformat(text_of(form, "until", most=10))
            until = pause_until(day, zone=found.subscriber.zone or choice.newsletter.zone, now=now)
        except ValueError:
            return words._("Choose a day after today, and within a year.")
        choices.pause(
            self._desk.app.database,
            **_ids(found, choice),
            until=until,
            now=now,
            catch_up=bool(text_of(form, "earlier")),
        )
        return ""

    def _resume(self, _request: Request, found: Profile, choice: Choice | None, _form: FormData) -> str:
        choices.resume(self._desk.app.database, **_ids(found, choice), now=self._desk.app.clock())
        return ""

    def _leave(self, _request: Request, found: Profile, choice: Choice | None, _form: FormData) -> str:
        readers.leave(self._desk.app.database, **_ids(found, choice), now=self._desk.app.clock())
        return ""

    def _join(self, request: Request, found: Profile, choice: Choice | None, _form: FormData) -> str:
        assert choice
        words, app = words_for(found.language), self._desk.app
        origin = request.client.host if request.client else "preferences"
        text = words._("Subscribe to {newsletter}").format(newsletter=choice.newsletter.name)
        begun = profile.subscribe(app.database, found, choice, text=text, origin=origin, now=app.clock())
        return "" if begun else words._("This address gets no mail from us. Write to us if it should.")

    def _data(self, request: Request) -> Response:
        if (found := self._find(request)) is None:
            return self._desk.unknown_link(request)
        app = self._desk.app
        with app.database.read() as session:
            told = personal_data(session, found.subscriber.address, secret=app.key)
        named = {**PRIVATE, "Content-Disposition": 'attachment; filename="my-data.json"'}
        body = json.dumps(told, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=named)

    def _ask_to_erase(self, request: Request) -> Response:
        if (found := self._find(request)) is None:
            return self._desk.unknown_link(request)
        return self._desk.page(
            "erase", newsletter=found.main, language=found.language, address=found.subscriber.address,
            action=f"{_action(request)}/erase", back=_action(request),
        )  # fmt: skip

    def _erase(self, request: Request) -> Response:
        if (found := self._find(request)) is None:
            return self._desk.unknown_link(request)
        app = self._desk.app
        erasure.erase(
            app.database, found.subscriber.address, secret=app.key, now=app.clock(), leftovers=self._desk.leftovers
        )
        words = words_for(found.language)
        return self._desk.say(
            request, words._("You are forgotten"),
            words._("We have deleted everything about you. A keyed fingerprint of the address stays, by which nobody can "
                    "tell whose it was, so that no list brings it back."),
            newsletter=found.main, language=found.language,
        )  # fmt: skip


def _action(request: Request) -> str:
    return f"/preferences/{request.path_params['token']}"


def _ids(found: Profile, choice: Choice | None) -> Mapping[str, Any]:
    assert choice
    return {"subscriber_id": found.subscriber.id, "newsletter_id": choice.newsletter.id}
