"""Less often, later, about less: the forms of the leave page that keep a subscription, and their answers.

They stand under the unsubscribe link, whose bearer may leave, and so may do less than that.
"""

from datetime import date, datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.actions import choices
from digest.actions.readers import Reader, find_reader
from digest.core.choices import pause_until
from digest.core.links import Purpose, verify
from digest.core.states import SubscriptionState
from digest.core.zones import find_zone, local_date
from digest.errors import NotFound
from digest.render.rhythm import rhythm
from digest.render.words import words_for
from digest.store.topics import list_topics
from digest.web.desk import Desk, in_thread
from digest.web.forms import read_form, text_of


def routes(desk: Desk) -> list[Route]:
    """What is posted from the leave page instead of leaving."""
    place = "/unsubscribe/{token}"
    return [
        Route(f"{place}/{what}", _Choosing(desk, what).post, methods=["POST"]) for what in ("less", "pause", "topics")
    ]


class _Choosing:
    def __init__(self, desk: Desk, what: str) -> None:
        self._desk, self._what = desk, what

    async def post(self, request: Request) -> Response:
        form = await read_form(request)
        numbers = verify(self._desk.app.link_keys, Purpose.UNSUBSCRIBE, request.path_params["token"])
        return await in_thread(self._change, request, numbers, form)

    def _change(self, request: Request, numbers: tuple[int, ...] | None, form: FormData) -> Response:
        app, reader = self._desk.app, None
        if numbers:
            with app.database.read() as session:
                reader = find_reader(session, subscriber_id=numbers[0], newsletter_id=numbers[1])
        if reader is None:
            return self._desk.unknown_link(request)
        if reader.tie.state is not SubscriptionState.ACTIVE:
            words = words_for(reader.language)
            return self._say(request, reader, words._("You are not subscribed"), status=409)
        doers = {"less": self._less, "pause": self._pause, "topics": self._topics}
        return doers[self._what](request, reader, form)

    def _less(self, request: Request, reader: Reader, _form: FormData) -> Response:
        app, words, now = self._desk.app, words_for(reader.language), self._desk.app.clock()
        with app.database.read() as session:
            line = choices.less_often(session, reader, now=now)
        if line is not None:
            choices.choose(app.database, **_ids(reader), now=now, cadence_id=line.id)
        return self._done(
            request, reader, words._("From now on: {choice}").format(choice=rhythm(line, words)) if line else ""
        )

    def _pause(self, request: Request, reader: Reader, form: FormData) -> Response:
        words, now = words_for(reader.language), self._desk.app.clock()
        try:
            chosen = date.fromisoformat(text_of(form, "until", most=10))
            until = pause_until(chosen, zone=zone_of(reader), now=now)
        except ValueError:
            return self._say(
                request, reader, words._("This day cannot be chosen"),
                words._("Choose a day after today, and within a year."), status=400,
            )  # fmt: skip
        earlier = bool(text_of(form, "earlier"))
        choices.pause(self._desk.app.database, **_ids(reader), until=until, now=now, catch_up=earlier)
        told = words._("No issues come before {day}. Then they come again by themselves.")
        then = words._("The first issue after that also brings what you missed.") if earlier else ""
        return self._done(request, reader, told.format(day=words.span(chosen, chosen)), then)

    def _topics(self, request: Request, reader: Reader, form: FormData) -> Response:
        words, now = words_for(reader.language), self._desk.app.clock()
        topics = [one for one in form.getlist("topic") if isinstance(one, str)]
        try:
            changed = choices.choose(self._desk.app.database, **_ids(reader), now=now, topics=topics)
        except NotFound:
            return self._say(request, reader, words._("That did not work"), status=400)
        told = words._("From now on: {choice}").format(choice=topic_names(self._desk, changed or reader))
        return self._done(request, changed or reader, told)

    def _done(self, request: Request, reader: Reader, *told: str) -> Response:
        words = words_for(reader.language)
        return self._say(request, reader, words._("Done: you stay subscribed"), *told)

    def _say(self, request: Request, reader: Reader, heading: str, *told: str, status: int = 200) -> Response:
        return self._desk.say(
            request, heading, *filter(None, told), newsletter=reader.newsletter, language=reader.language, status=status
        )


def instead(desk: Desk, reader: Reader) -> dict[str, Any]:
    """What the leave page offers beside its button; nothing of it where a subscription does not run."""
    if reader.tie.state is not SubscriptionState.ACTIVE:
        return {"less": None, "days": None, "topics": ()}
    now, words = desk.app.clock(), words_for(reader.language)
    with desk.app.database.read() as session:
        line = choices.less_often(session, reader, now=now)
        topics = list_topics(session, reader.newsletter.id)
    chosen = set(reader.tie.topics) or {topic.slug for topic in topics}
    return {
        "less": rhythm(line, words) if line else None,
        "days": pause_days(zone_of(reader), now),
        "topics": [(topic.slug, topic.name, topic.slug in chosen) for topic in topics],
    }


def pause_days(zone: str, now: datetime) -> tuple[str, str, str]:
    """The first day that a pause may end on, one that is proposed, and the last: as a date field wants them."""
    today = local_date(now, find_zone(zone)).toordinal()
    first, proposed, last = (date.fromordinal(today + days).isoformat() for days in (1, 28, 366))
    return first, proposed, last


def zone_of(reader: Reader) -> str:
    """By whose clock a reader's days begin."""
    return reader.subscriber.zone or reader.newsletter.zone


def topic_names(desk: Desk, reader: Reader) -> str:
    """The chosen topics as readers see them; of all of them: that."""
    with desk.app.database.read() as session:
        names = {topic.slug: topic.name for topic in list_topics(session, reader.newsletter.id)}
    words = words_for(reader.language)
    return ", ".join(names[slug] for slug in reader.tie.topics if slug in names) or words._("All topics")


def _ids(reader: Reader) -> dict[str, Any]:
    return {"subscriber_id": reader.subscriber.id, "newsletter_id": reader.newsletter.id}
