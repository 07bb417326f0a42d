"""All that is known of one person: for the admin's `show`, for `explain`, and for a person who asks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select
from sqlmodel import Session

from digest.core.addresses import address_hash, address_key
from digest.core.notices import QueuedNotice
from digest.core.people import Event, Subscriber, Subscription, Suppression
from digest.store.events import list_events
from digest.store.notices import list_notices
from digest.store.people_tables import DeliveryRow
from digest.store.subscribers import find_subscriber
from digest.store.subscriptions import list_subscriptions
from digest.store.suppressions import find_suppression
from digest.store.tables import IssueRow, NewsletterRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]
_newsletter: Table = NewsletterRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One issue that was made for a person, and what became of it."""

    newsletter: str  # its slug
    number: int | None
    state: str
    at: datetime | None  # when it was settled
    code: int | None = None
    enhanced: str | None = None
    tries: int = 0
    reason: str | None = None
    message_id: str | None = None
    not_before: datetime | None = None  # while it is queued: it is due then


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A person's whole story; `subscriber` is None where only a suppression is known."""

    subscriber: Subscriber | None
    suppression: Suppression | None
    subscriptions: dict[str, Subscription]  # by the newsletter's slug
    deliveries: tuple[Received, ...]  # the newest first
    events: tuple[Event, ...]
    notices: tuple[QueuedNotice, ...] = ()  # the newest first


def tell_story(session: Session, address: str, *, secret: bytes, limit: int | None = 50) -> Story:
    """The story of an address; of deliveries and events the newest `limit`, or all."""
    person = find_subscriber(session, address)
    return Story(
        subscriber=person,
        suppression=find_suppression(session, address_hash(secret, address_key(address))),
        subscriptions=_subscriptions(session, person.id) if person else {},
        deliveries=_deliveries(session, person.id, limit) if person else (),
        events=list_events(session, subscriber_id=person.id)[-limit if limit else 0 :] if person else (),
        notices=list_notices(session, subscriber_id=person.id, limit=limit) if person else (),
    )


def _subscriptions(session: Session, subscriber_id: int) -> dict[str, Subscription]:
    slugs: dict[Any, str] = {row.id: row.slug for row in session.execute(select(_newsletter.c.id, _newsletter.c.slug))}
    return {slugs[tie.newsletter_id]: tie for tie in list_subscriptions(session, subscriber_id)}


def _deliveries(session: Session, subscriber_id: int, limit: int | None) -> tuple[Received, ...]:
    columns = (_delivery.c.state, _delivery.c.settled_at.label("at"), _delivery.c.code, _delivery.c.reason, _delivery.c.enhanced,
               _delivery.c.tries, _delivery.c.not_before)  # fmt: skip
    query = (
        select(_newsletter.c.slug.label("newsletter"), _issue.c.number, *columns, _delivery.c.message_id)
        .select_from(_delivery.join(_issue, _issue.c.id == _delivery.c.issue_id))
        .join(_newsletter, _newsletter.c.id == _issue.c.newsletter_id)
        .where(_delivery.c.subscriber_id == subscriber_id)
        .order_by(_delivery.c.id.desc())
        .limit(limit)
    )
    return tuple(Received(**row) for row in session.execute(query).mappings())
