"""Addresses never to be mailed again, known by a keyed hash only, so that they outlive an erased person."""

from datetime import datetime

from sqlalchemy import Table, delete, func, select
from sqlmodel import Session

from digest.core.people import Suppression
from digest.store.people_tables import DeliveryRow, SubscriberRow, SuppressionRow
from digest.store.statements import insert_if_new

_table: Table = SuppressionRow.__table__  # type: ignore[attr-defined]
_subscriber: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]


def insert_suppression(
    session: Session, address_hash: str, *, reason: str, now: datetime, note: str | None = None
) -> bool:
    """Suppress an address; False where it was suppressed already: the first reason stays."""
    values = {"address_hash": address_hash, "reason": reason, "note": note, "created_at": now}
    return insert_if_new(session, _table, values)


def find_suppression(session: Session, address_hash: str) -> Suppression | None:
    """Why this address is suppressed, None where it is not."""
    row = session.execute(select(_table).where(_table.c.address_hash == address_hash)).mappings().first()
    return Suppression(**row) if row else None


def is_suppressed(session: Session, subscriber_id: int) -> bool:
    """Whether this person's address is."""
    theirs = select(_subscriber.c.address_hash).where(_subscriber.c.id == subscriber_id).scalar_subquery()
    return session.execute(select(_table.c.id).where(_table.c.address_hash == theirs)).first() is not None


def delete_suppression(session: Session, address_hash: str) -> bool:
    """Allow the address again; False where it was not suppressed."""
    done = session.execute(delete(_table).where(_table.c.address_hash == address_hash).returning(_table.c.id))
    return done.first() is not None


def count_suppressed(session: Session, issue_id: int, *, reason: str, since: datetime, until: datetime | None) -> int:
    """How many of those who were sent an issue were suppressed for this reason in that time. Erased ones are not found."""
    query = (
        select(func.count())
        .select_from(_table)
        .join(_subscriber, _subscriber.c.address_hash == _table.c.address_hash)
        .join(_delivery, (_delivery.c.subscriber_id == _subscriber.c.id) & (_delivery.c.issue_id == issue_id))
        .where(_table.c.reason == reason, _table.c.created_at >= since)
    )
    if until is not None:
        query = query.where(_table.c.created_at < until)
    return int(session.execute(query).scalar_one())
