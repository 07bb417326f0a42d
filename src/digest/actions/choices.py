"""What a reader decides about a subscription that goes on: a pause, its cadence, its topics.

Each verb is one transaction and safe to repeat: what is like that already changes nothing and tells nobody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from digest.actions import owing
from digest.actions.readers import Reader, find_reader
from digest.core.choices import next_longer
from digest.core.model import CadenceLine
from digest.core.people import Subscription
from digest.errors import NotFound, UsageError
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import list_cadences
from digest.store.owed import hold_still
from digest.store.subscriptions import update_subscription
from digest.store.topics import list_topics

SLOTS_HOUR = -1
"""Chosen instead of an hour: the time of the issue's slot."""


def pause(
    database: Database,
    *,
    subscriber_id: int,
    newsletter_id: int,
    until: datetime,
    now: datetime,
    catch_up: bool = False,
) -> Reader | None:
    """Nothing is sent before `until`, also not of what is on its way; then it goes on by itself.

    The first issue after it has what was owed from before; with `catch_up` also the posts of the pause, "earlier, while you
    were away". As it then is; None where there is no such subscription.
    """
    with database.write() as session:
        reader = _hold(session, subscriber_id, newsletter_id)
        if reader and (reader.tie.paused_until != until or catches_up(reader.tie, now) != catch_up):
            owing.begin_pause(session, reader.tie, until, wanted=catch_up, now=now)
            changes = {"paused_until": until}
            return _write(session, reader, "subscription.paused", changes, now, earlier=catch_up)
        return reader


def resume(database: Database, *, subscriber_id: int, newsletter_id: int, now: datetime) -> Reader | None:
    """End a pause now: the next issue comes."""
    with database.write() as session:
        reader = _hold(session, subscriber_id, newsletter_id)
        if reader:
            owing.end_pause(session, reader.tie, now=now)
        return _write(session, reader, "subscription.resumed", {"paused_until": None}, now)


def choose(
    database: Database,
    *,
    subscriber_id: int,
    newsletter_id: int,
    now: datetime,
    cadence_id: int | None = None,
    topics: Sequence[str] | None = None,
    hour: int | None = None,
) -> Reader | None:
    """Choose a cadence, topics (slugs; none of them, or each of them: all), the hour of the day; what is None stays.

    Raises:
        NotFound: the newsletter has no such cadence or topic.
        UsageError: a day has no such hour, and it is not `SLOTS_HOUR` either.
    """
    with database.write() as session:
        reader = _hold(session, subscriber_id, newsletter_id)
        changes: dict[str, Any] = {}
        if cadence_id is not None:
            changes["cadence_id"] = _check_cadence(session, newsletter_id, cadence_id)
        if topics is not None:
            changes["topics"] = _check_topics(session, newsletter_id, topics)
        if hour is not None:
            changes["hour"] = None if hour == SLOTS_HOUR else _check_hour(hour)
        if reader and cadence_id is not None:
            owing.go_over(session, reader.tie, cadence_id, now=now)
        return _write(session, reader, "subscription.changed", changes, now)


def less_often(session: Session, reader: Reader, *, now: datetime) -> CadenceLine | None:
    """The next longer cadence of this reader's newsletter, None where there is none."""
    return next_longer(list_cadences(session, reader.newsletter.id), reader.tie.cadence_id, now=now)


def catches_up(tie: Subscription, now: datetime) -> bool | None:
    """Whether the posts of the pause that runs are to come after it; None: none runs."""
    gaps = tie.owed.gaps if tie.owed else ()
    return next((gap.wanted for gap in gaps if gap.holds(now)), None)


def _hold(session: Session, subscriber_id: int, newsletter_id: int) -> Reader | None:
    hold_still(session, newsletter_id)
    return find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)


def _write(
    session: Session, reader: Reader | None, kind: str, changes: dict[str, Any], now: datetime, **more: Any
) -> Reader | None:
    """What is new of the changes; `more` is told with them, and makes them new by itself."""
    if reader is None:
        return None
    new = {name: value for name, value in changes.items() if value != _as_it_is(reader, name)}
    if new or more:
        update_subscription(session, reader.tie.id, **(new or changes))
        told: dict[str, Any] = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in (new or changes).items()
        } | more
        ids: dict[str, Any] = {"newsletter_id": reader.newsletter.id, "subscriber_id": reader.subscriber.id}
        record(session, kind, at=now, **ids, **told)
    return find_reader(session, subscriber_id=reader.subscriber.id, newsletter_id=reader.newsletter.id)


def _as_it_is(reader: Reader, name: str) -> Any:
    value = getattr(reader.tie, name)
    return list(value) if isinstance(value, tuple) else value


def _check_cadence(session: Session, newsletter_id: int, cadence_id: int) -> int:
    if cadence_id not in {line.id for line in list_cadences(session, newsletter_id)}:
        raise NotFound("the newsletter has no such cadence", next_step="digest newsletter show SLUG lists them")
    return cadence_id


def _check_hour(hour: int) -> int:
    if not 0 <= hour <= 23:
        raise UsageError(f"{hour} is no hour of a day", next_step="give one from 0 to 23")
    return hour


def _check_topics(session: Session, newsletter_id: int, slugs: Sequence[str]) -> list[str]:
    """In the newsletter's order. All of them is the same as none: who wants all gets what comes new, too."""
    known = [topic.slug for topic in list_topics(session, newsletter_id)]
    if slugs and not known:
        raise NotFound("the newsletter has no topics", next_step="digest topic add SLUG adds one")
    if unknown := set(slugs) - set(known):
        raise NotFound(
            f"the newsletter has no topic {', '.join(sorted(unknown))}",
            next_step=f"it has: {', '.join(known)}",
        )
    chosen = [slug for slug in known if slug in set(slugs)]
    return [] if chosen == known else chosen
