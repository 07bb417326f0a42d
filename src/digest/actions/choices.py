"""What a reader decides about a subscription that goes on: a pause, its cadence, its topics.

Each verb is one transaction and safe to repeat: what is like that already changes nothing and tells nobody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from digest.actions.readers import Reader, find_reader
from digest.core.choices import next_longer
from digest.core.model import CadenceLine
from digest.errors import NotFound
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import list_cadences
from digest.store.subscriptions import update_subscription
from digest.store.topics import list_topics


def pause(
    database: Database, *, subscriber_id: int, newsletter_id: int, until: datetime, now: datetime
) -> Reader | None:
    """Nothing is sent before `until`, also not of what is on its way; then it goes on by itself, without what was missed.

    As it then is; None where there is no such subscription.
    """
    return _change(database, subscriber_id, newsletter_id, "subscription.paused", now, paused_until=until)


def resume(database: Database, *, subscriber_id: int, newsletter_id: int, now: datetime) -> Reader | None:
    """End a pause now: the next issue comes."""
    return _change(database, subscriber_id, newsletter_id, "subscription.resumed", now, paused_until=None)


def choose(
    database: Database,
    *,
    subscriber_id: int,
    newsletter_id: int,
    now: datetime,
    cadence_id: int | None = None,
    topics: Sequence[str] | None = None,
) -> Reader | None:
    """Choose a cadence, topics (slugs; none of them, or each of them: all), or both; what is None stays.

    Raises:
        NotFound: the newsletter has no such cadence or topic.
    """
    with database.write() as session:
        changes: dict[str, Any] = {}
        if cadence_id is not None:
            changes["cadence_id"] = _check_cadence(session, newsletter_id, cadence_id)
        if topics is not None:
            changes["topics"] = _check_topics(session, newsletter_id, topics)
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        return _write(session, reader, "subscription.changed", changes, now)


def less_often(session: Session, reader: Reader, *, now: datetime) -> CadenceLine | None:
    """The next longer cadence of this reader's newsletter, None where there is none."""
    return next_longer(list_cadences(session, reader.newsletter.id), reader.tie.cadence_id, now=now)


def _change(
    database: Database, subscriber_id: int, newsletter_id: int, kind: str, now: datetime, **changes: Any
) -> Reader | None:
    with database.write() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        return _write(session, reader, kind, changes, now)


def _write(session: Session, reader: Reader | None, kind: str, changes: dict[str, Any], now: datetime) -> Reader | None:
    if reader is None:
        return None
    if new := {name: value for name, value in changes.items() if value != _as_it_is(reader, name)}:
        update_subscription(session, reader.tie.id, **new)
        told: dict[str, Any] = {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in new.items()
        }
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


def _check_topics(session: Session, newsletter_id: int, slugs: Sequence[str]) -> list[str]:
    """In the newsletter's order. All of them is the same as none: who wants all gets what comes new, too."""
    known = [topic.slug for topic in list_topics(session, newsletter_id)]
    if unknown := set(slugs) - set(known):
        raise NotFound(
            f"the newsletter has no topic {', '.join(sorted(unknown))}",
            next_step=f"it has: {', '.join(known) or 'none'}",
        )
    chosen = [slug for slug in known if slug in set(slugs)]
    return [] if chosen == known else chosen
