"""Addresses never to be mailed again, known by a keyed hash only, so that they outlive an erased person."""

from datetime import datetime

from sqlalchemy import Table, delete, select
from sqlmodel import Session

from digest.core.people import Suppression
from digest.store.people_tables import SuppressionRow
from digest.store.statements import insert_if_new

_table: Table = SuppressionRow.__table__  # type: ignore[attr-defined]


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


def delete_suppression(session: Session, address_hash: str) -> bool:
    """Allow the address again; False where it was not suppressed."""
    done = session.execute(delete(_table).where(_table.c.address_hash == address_hash).returning(_table.c.id))
    return done.first() is not None
