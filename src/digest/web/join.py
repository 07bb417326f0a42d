"""Joining: the form, on its own page or on anybody's, and the same answer to everybody who fills it in.

    form ─▶ an address? ─▶ shown by us a moment ago? ─▶ a slip of the finger? ─▶ kept: look into your mailbox

What is known of the address is looked up later, off the request (actions/signups.py).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.actions import signups
from digest.core.links import Purpose, sign, verify
from digest.core.model import CadenceLine, Newsletter, Topic
from digest.core.signups import Signup, has_door
from digest.core.typos import suggest_address
from digest.errors import NotFound
from digest.render.catalogues import languages as known_languages
from digest.render.consent import consent_text
from digest.render.rhythm import rhythms
from digest.render.words import words_for
from digest.store.newsletters import get_newsletter, list_cadences
from digest.store.topics import list_topics
from digest.web.addresses import NoAddressError, read_address
from digest.web.desk import Desk, in_thread, preferred_language
from digest.web.embed import asks_for_zone, snippet
from digest.web.forms import read_form, text_of
from digest.web.limits import network_of, too_many
from digest.web.preferences_view import PLACES, own_name

QUICKEST = timedelta(seconds=2)
"""Nobody fills in a form sooner; who does is asked once more."""
LONGEST = timedelta(hours=24)
"""How long a form that was shown is good."""

GUESS_ZONE = (
    "try{var s=document.getElementById('zone'),z=Intl.DateTimeFormat().resolvedOptions().timeZone;"
    "if(s&&z&&!s.value){s.value=z;if(s.value!==z)s.value=''}}catch(e){}"
)
"""The browser's zone, where nothing is chosen yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the form."""

    address: str = ""
    cadence_id: int | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    zone: str | None = None
    page: str = ""  # where the form stood, if not here


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A newsletter that anybody may join, and what they may choose."""

    newsletter: Newsletter
    cadences: tuple[CadenceLine, ...]
    topics: tuple[Topic, ...] = field(default=())

    @property
    def languages(self) -> tuple[str, ...]:
        """Those it is sent in."""
        return tuple(dict.fromkeys((self.newsletter.language, *self.newsletter.languages)))

    @property
    def tongues(self) -> list[tuple[str, str]]:
        """Those with their own names; empty where there is no choice."""
        return [(tag, own_name(tag)) for tag in self.languages] if len(self.languages) > 1 else []


def routes(desk: Desk) -> list[Route]:
    """The pages under /subscribe/."""
    pages, place = _Joining(desk), "/subscribe/{slug}"
    return [
        Route(place, pages.show, methods=["GET"]),
        Route(place, pages.join, methods=["POST"]),
        Route(f"{place}/embed", pages.embed, methods=["GET"]),
    ]


class _Joining:
    """The handlers, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        return await in_thread(self._show, request)

    async def join(self, request: Request) -> Response:
        return await in_thread(self._join, request, await read_form(request))

    async def embed(self, request: Request) -> Response:
        return await in_thread(self._embed, request)

    def _show(self, request: Request) -> Response:
        door = self._door(request)
        language = _language(request, door, request.query_params.get("lang", ""))
        first = door.cadences[0].id if len(door.cadences) > 1 else None
        return self._form(request, door, Filled(language=language, cadence_id=first), language)

    def _join(self, request: Request, form: FormData) -> Response:
        door = self._door(request)
        language = _language(request, door, text_of(form, "lang", most=35))
        filled, words = _read(request, door, form, language), words_for(language)
        if text_of(form, "website"):  # only a program fills in what nobody sees
            return self._sent(request, door, filled, language)
        try:
            address = read_address(self._desk, filled.address, words)
        except NoAddressError as fault:
            return self._form(request, door, filled, language, wrong=str(fault))
        nonce = text_of(form, "nonce", most=100)
        shown = self._shown_at(door, nonce)
        now = self._desk.app.clock()
        if shown is None or not timedelta(0) <= now - shown <= LONGEST:
            return self._form(request, door, filled, language, more=words._("Look it over, then press the button."))
        if now - shown < QUICKEST:
            return self._form(request, door, filled, language, nonce=nonce, more=words._("Please press once more."))
        if (meant := suggest_address(address)) and not text_of(form, "sure"):
            return self._doubt(request, door, filled, language, meant=meant, nonce=nonce)
        return self._keep(request, door, filled, language, address=address)

    def _keep(self, request: Request, door: Door, filled: Filled, language: str, *, address: str) -> Response:
        app, told = self._desk.app, consent_text(door.newsletter, language=language)
        signup = Signup(
            newsletter_id=door.newsletter.id, address=address, cadence_id=filled.cadence_id, topics=filled.topics,
            language=filled.language if len(door.languages) > 1 else None, zone=filled.zone, asked_at=app.clock(),
            network=request.client.host if request.client else None, page=filled.page or _here(self._desk, door),
            text=told.text, version=told.version,
        )  # fmt: skip
        wait = signups.ask(
            app.database, signup, network=network_of(request), caps=app.settings.signup.caps(), key=app.key
        )
        if wait is not None:
            return too_many(self._desk, request, wait, newsletter=door.newsletter, language=language)
        self._desk.knock()
        return self._sent(request, door, filled, language)

    def _sent(self, request: Request, door: Door, filled: Filled, language: str) -> Response:
        return self._desk.page(
            "sent", newsletter=door.newsletter, language=language, address=filled.address, action=_action(request)
        )

    def _doubt(
        self, request: Request, door: Door, filled: Filled, language: str, *, meant: str, nonce: str
    ) -> Response:
        return self._desk.page(
            "typo", newsletter=door.newsletter, language=language, form=filled, meant=meant, nonce=nonce,
            action=_action(request), consent=consent_text(door.newsletter, language=language).text,
        )  # fmt: skip

    def _form(
        self,
        request: Request,
        door: Door,
        filled: Filled,
        language: str,
        *,
        wrong: str = "",
        more: str = "",
        nonce: str = "",
    ) -> Response:
        words = words_for(language)
        return self._desk.page(
            "join", newsletter=door.newsletter, language=language, status=400 if wrong else 200, form=filled,
            wrong=wrong, more=more, nonce=nonce or self._nonce(door), action=_action(request),
            cadences=rhythms(door.cadences, words), topics=[(one.slug, one.name) for one in door.topics],
            languages=door.tongues, zones=PLACES if asks_for_zone(door.newsletter) else (),
            consent=consent_text(door.newsletter, language=language).text, script=GUESS_ZONE,
        )  # fmt: skip

    def _embed(self, request: Request) -> Response:
        """The form for other sites, as text to copy."""
        door = self._door(request)
        language = _language(request, door, request.query_params.get("lang", ""))
        words = words_for(language)
        html = snippet(
            _here(self._desk, door), newsletter=door.newsletter, words=words, cadences=rhythms(door.cadences, words),
            topics=[(one.slug, one.name) for one in door.topics], languages=door.tongues,
        )  # fmt: skip
        return PlainTextResponse(html, headers={"Cache-Control": "no-cache"})

    def _door(self, request: Request) -> Door:
        """Raises HTTPException (404) where nobody may join by themselves."""
        with self._desk.app.database.read() as session:
            try:
                newsletter = get_newsletter(session, request.path_params["slug"])
            except NotFound:
                raise HTTPException(404) from None
            if not has_door(newsletter):
                raise HTTPException(404)
            cadences = list_cadences(session, newsletter.id)
            return Door(newsletter=newsletter, cadences=cadences, topics=list_topics(session, newsletter.id))

    def _nonce(self, door: Door) -> str:
        """That this form was shown, and when."""
        app = self._desk.app
        return sign(app.link_keys[0], Purpose.FORM, door.newsletter.id, int(app.clock().timestamp()))

    def _shown_at(self, door: Door, nonce: str) -> datetime | None:
        numbers = verify(self._desk.app.link_keys, Purpose.FORM, nonce)
        if not numbers or numbers[0] != door.newsletter.id:
            return None
        return datetime.fromtimestamp(numbers[1], UTC)


def _read(request: Request, door: Door, form: FormData, language: str) -> Filled:
    """What was posted, of what there is to choose. A zone that decides nothing is not kept, whoever's form had it (decision 0206)."""
    cadence, tongue = text_of(form, "cadence", most=20), text_of(form, "language", most=35)
    ids = {str(line.id): line.id for line in door.cadences}
    zone = text_of(form, "zone", most=64) if asks_for_zone(door.newsletter) else ""
    asked = {one for one in form.getlist("topic") if isinstance(one, str)}
    topics = tuple(topic.slug for topic in door.topics if topic.slug in asked)
    return Filled(
        address=text_of(form, "address", most=254),
        cadence_id=ids.get(cadence) or (door.cadences[0].id if len(ids) > 1 else None),
        topics=topics if len(topics) < len(door.topics) else (),
        language=tongue if tongue in door.languages else language if language in door.languages else None,
        zone=zone if zone in PLACES else None,
        page=text_of(form, "page", most=300) or _elsewhere(request),
    )


def _elsewhere(request: Request) -> str:
    """The page of another site that the form was on, as far as the browser tells."""
    referrer = request.headers.get("referer", "")[:300]
    parts = urlsplit(referrer) if referrer.startswith(("https://", "http://")) and referrer.isprintable() else None
    return referrer if parts and parts.hostname != request.url.hostname else ""


def _language(request: Request, door: Door, wanted: str) -> str:
    """That of the page: the one asked for, if we speak it, else what the browser prefers."""
    speaks = wanted in door.languages or wanted in known_languages()
    return wanted if speaks else preferred_language(request, door.newsletter)


def _action(request: Request) -> str:
    return f"/subscribe/{request.path_params['slug']}"


def _here(desk: Desk, door: Door) -> str:
    return f"{desk.base}/subscribe/{door.newsletter.slug}"
