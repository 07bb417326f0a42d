"""The cast of the tests: anna is active, ben pending, carl suppressed, dora ended; their newsletter, and what it needs.

Every function takes a Session, adds rows with flush, and returns ids: tests read them back through the store.
"""

import functools
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session

from digest.core.addresses import address_hash, address_key
from digest.core.states import ClaimState, DeliveryState, IssueState, SubscriptionState
from digest.store import people_tables as people
from digest.store import tables

KEY = b"the secret key of the tests"
NOW = datetime(2017, 8, 14, 7, 5, tzinfo=UTC)

_people = people.SubscriberRow.__table__  # type: ignore[attr-defined]
_ADDRESS = select(_people.c.address, _people.c.address_key).where(_people.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Ids: the newsletter with its weekly cadence, and its four people."""

    newsletter: int
    cadence: int
    anna: int  # active
    ben: int  # pending
    carl: int  # active, but suppressed
    dora: int  # ended


def assemble(session: Session, *, now: datetime = NOW) -> Cast:
    """A weekly newsletter and its four people."""
    newsletter = add_newsletter(session, created_at=now)
    cadence = add_cadence(session, newsletter, started_at=now)
    long_ago = now - timedelta(days=30)
    names = ("Anna", "Ben", "Carl", "Dora")
    persons = [_person(f"{name.lower()}@example.org", name=name, created_at=long_ago) for name in names]
    anna, ben, carl, dora = _add_all(session, people.SubscriberRow, persons)
    pending = {"state": SubscriptionState.PENDING, "confirmed_at": None}
    ended = {"state": SubscriptionState.ENDED, "ended_at": now, "ended_why": "unsubscribed"}
    ties: list[tuple[int, dict[str, Any]]] = [(anna, {}), (ben, pending), (carl, {}), (dora, ended)]
    _add_all(session, people.SubscriptionRow, [_consent(newsletter, who, **fields) for who, fields in ties])
    add_suppression(session, "carl@example.org", created_at=long_ago)
    return Cast(newsletter=newsletter, cadence=cadence, anna=anna, ben=ben, carl=carl, dora=dora)


def add_newsletter(session: Session, slug: str = "weekly", **fields: Any) -> int:
    """A newsletter in the zone of the sample blog."""
    given = {
        "name": "The Weekly",
        "sender_name": "The Weekly",
        "sender_address": "weekly@example.org",
        "zone": "America/Los_Angeles",
        "postal_address": "1 Sample Street, Los Angeles",
        "created_at": NOW,
    }
    return _add(session, tables.NewsletterRow, {"slug": slug, **given, **fields})


def add_cadence(session: Session, newsletter: int, name: str = "weekly", **fields: Any) -> int:
    """Mondays at midnight, in the zone of the sample blog."""
    given = {"rule": "weekly on mon at 00:00", "zone": "America/Los_Angeles", "started_at": NOW - timedelta(days=30)}
    return _add(session, tables.CadenceRow, {"newsletter_id": newsletter, "name": name, **given, **fields})


def add_topic(session: Session, newsletter: int, slug: str, **fields: Any) -> int:
    """A topic that readers may choose."""
    given = {"name": slug.capitalize(), "created_at": NOW}
    return _add(session, tables.TopicRow, {"newsletter_id": newsletter, "slug": slug, **given, **fields})


def add_source(session: Session, *newsletters: int, url: str = "https://blog.example/feed", **fields: Any) -> int:
    """A feed that these newsletters read."""
    source = _add(session, tables.SourceRow, {"url": url, "title": "A Blog", "created_at": NOW, **fields})
    for newsletter in newsletters:
        row = {"newsletter_id": newsletter, "source_id": source, "added_at": NOW}
        _add(session, tables.NewsletterSourceRow, row)
    return source


def add_post(session: Session, source: int, key: str, **fields: Any) -> int:
    """A post of this source, seen when it was published."""
    at = fields.get("effective_at", NOW)
    given = {
        "title": f"Post {key}",
        "card": {"title": f"Post {key}", "link": f"https://blog.example/{key}"},
        "published": at,
        "seen_at": at,
        "effective_at": at,
    }
    return _add(session, tables.PostRow, {"source_id": source, "key": key, **given, **fields})


def add_claim(session: Session, cadence: int, post: int, **fields: Any) -> int:
    """A post's place in a cadence; it waits, unless told otherwise."""
    given = {"state": ClaimState.PENDING, "effective_at": NOW}
    return _add(session, tables.ClaimRow, {"cadence_id": cadence, "post_id": post, **given, **fields})


def add_subscriber(session: Session, address: str, **fields: Any) -> int:
    """A person."""
    return _add(session, people.SubscriberRow, _person(address, **fields))


def _person(address: str, **fields: Any) -> dict[str, Any]:
    given = {"address_key": address_key(address), "address_hash": address_hash(KEY, address), "created_at": NOW}
    return {"address": address, **given, **fields}


def add_subscription(session: Session, newsletter: int, subscriber: int, **fields: Any) -> int:
    """A confirmed consent, made by a form, unless told otherwise."""
    return _add(session, people.SubscriptionRow, _consent(newsletter, subscriber, **fields))


def _consent(newsletter: int, subscriber: int, **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=30)
    given = {
        "state": SubscriptionState.ACTIVE,
        "consent_at": at,
        "consent_how": "form",
        "consent_origin": "192.0.2.7",
        "consent_text": "Send me the weekly digest.",
        "confirmed_at": at,
        "created_at": at,
    }
    return {"newsletter_id": newsletter, "subscriber_id": subscriber, **given, **fields}


def add_suppression(session: Session, address: str, reason: str = "complaint", **fields: Any) -> int:
    """An address never to be mailed again."""
    given = {"address_hash": address_hash(KEY, address), "reason": reason, "created_at": NOW}
    return _add(session, people.SuppressionRow, {**given, **fields})


def add_issue(session: Session, cast: Cast, number: int = 1, **fields: Any) -> int:
    """The issue of the week before `NOW`, frozen and without content, unless told otherwise."""
    given = {
        "slot_key": f"2017-08-{13 + number:02}T00:00",
        "period_start": NOW - timedelta(days=7),
        "period_end": NOW,
        "due_at": NOW,
        "state": IssueState.FROZEN,
        "merge_key": "k3y",
        "created_at": NOW,
    }
    row = {"newsletter_id": cast.newsletter, "cadence_id": cast.cadence, "number": number, **given, **fields}
    return _add(session, tables.IssueRow, row)


def add_variant(session: Session, issue: int, key: str = "*/en", **fields: Any) -> int:
    """The issue as rendered, in English."""
    given = {"language": "en", "subject": "The Weekly", "preheader": "", "html": "<p>Hello</p>", "text": "Hello"}
    return _add(session, tables.VariantRow, {"issue_id": issue, "key": key, **given, **fields})


def add_delivery(session: Session, issue: int, subscriber: int, **fields: Any) -> int:
    """A row of the ledger, queued unless told otherwise."""
    session.flush()
    address, key = session.connection().execute(_ADDRESS, {"id": subscriber}).one()
    given = {
        "address": address,
        "address_key": key,
        "domain": key.partition("@")[2],
        "state": DeliveryState.QUEUED,
    }
    return _add(session, people.DeliveryRow, {"issue_id": issue, "subscriber_id": subscriber, **given, **fields})


def _add(session: Session, table: Any, fields: dict[str, Any]) -> int:
    (made,) = _add_all(session, table, [fields])
    return made


def _add_all(session: Session, table: Any, rows: list[dict[str, Any]]) -> list[int]:
    """By one statement that is compiled once: rows of the ORM, each with its flush, cost three times as much."""
    session.flush()  # what a test has added by itself comes first
    given = [{name: default() for name, default in _defaults(table).items()} | row for row in rows]
    return list(session.connection().execute(_insert(table), given).scalars())


@functools.cache
def _insert(table: Any) -> ReturningInsert[tuple[int]]:
    return insert(table.__table__).returning(table.__table__.c.id, sort_by_parameter_order=True)


@functools.cache
def _defaults(table: Any) -> dict[str, Callable[[], Any]]:
    """What makes the value of each field that has a default."""
    return {
        name: field.default_factory or functools.partial(copy, field.default)
        for name, field in table.model_fields.items()
        if name != "id" and not field.is_required()
    }
