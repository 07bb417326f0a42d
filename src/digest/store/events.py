"""The append-only log: what happened to posts, issues, sources and people, in order. Nothing updates or deletes it."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlmodel import Session

from digest.core.discretion import hide_password
from digest.core.people import Event
from digest.store.people_tables import EventRow

_table = EventRow.__table__  # type: ignore[attr-defined]


def record(
    session: Session,
    kind: str,
    *,
    at: datetime,
    newsletter_id: int | None = None,
    source_id: int | None = None,
    post_id: int | None = None,
    issue_id: int | None = None,
    subscriber_id: int | None = None,
    **data: Any,
) -> None:
    """Add one line, in the transaction of what it tells of. `data` holds neither people's addresses nor tokens.

    Passwords of sources are taken out of what is said of them.
    """
    session.execute(
        insert(_table).values(
            at=at,
            kind=kind,
            newsletter_id=newsletter_id,
            source_id=source_id,
            post_id=post_id,
            issue_id=issue_id,
            subscriber_id=subscriber_id,
            data={name: _discreet(value) for name, value in data.items()},
        )
    )


def list_events(
    session: Session, *, kind: str | None = None, limit: int | None = None, **about: int
) -> tuple[Event, ...]:
    """Events in the order they happened; `about` names ids: `list_events(session, subscriber_id=3)`."""
    query = select(_table).order_by(_table.c.id)
    if kind:
        query = query.where(_table.c.kind == kind)
    for name, value in about.items():
        query = query.where(_table.c[name] == value)
    rows = session.execute(query.limit(limit)).mappings()
    return tuple(Event(**row) for row in rows)


def list_between(
    session: Session, kind: str, *, newsletter_id: int, since: datetime, until: datetime | None
) -> tuple[Event, ...]:
    """A newsletter's events of one kind, from `since` on and before `until`, in order."""
    query = select(_table).where(_table.c.kind == kind, _table.c.newsletter_id == newsletter_id, _table.c.at >= since)
    if until is not None:
        query = query.where(_table.c.at < until)
    return tuple(Event(**row) for row in session.execute(query.order_by(_table.c.id)).mappings())


def has_event(session: Session, kind: str, *, newsletter_id: int, **data: str) -> bool:
    """Whether a newsletter has an event of this kind that says this. The newest are looked at first."""
    query = select(_table.c.id).where(_table.c.kind == kind, _table.c.newsletter_id == newsletter_id)
    for name, value in data.items():
        query = query.where(_table.c.data[name].as_string() == value)
    return session.execute(query.order_by(_table.c.id.desc()).limit(1)).first() is not None


def _discreet(value: Any) -> Any:
    return hide_password(value) if isinstance(value, str) else value
