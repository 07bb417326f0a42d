"""Changes of address that wait for a word from both ends. One a person: a new one takes the place of the old."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, delete, insert, select, update
from sqlmodel import Session

from digest.store.web_tables import MoveRow

_table: Table = MoveRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From the address that a person has to another one."""

    id: int
    subscriber_id: int
    newsletter_id: int  # in whose name it was asked
    address: str  # the new one
    asked_at: datetime
    old_said_at: datetime | None = None
    new_said_at: datetime | None = None

    @property
    def is_agreed(self) -> bool:
        """Whether both ends have confirmed it."""
        return self.old_said_at is not None and self.new_said_at is not None


def put_move(session: Session, *, subscriber_id: int, newsletter_id: int, address: str, now: datetime) -> int:
    """Ask for a change; its id, which none before it had, so that links of earlier ones are over."""
    drop_move(session, subscriber_id)
    values = {"subscriber_id": subscriber_id, "newsletter_id": newsletter_id, "address": address, "asked_at": now}
    return int(session.execute(insert(_table).values(values).returning(_table.c.id)).scalar_one())


def find_move(session: Session, subscriber_id: int) -> Move | None:
    """The change that a person has asked for last, if it waits."""
    row = session.execute(select(_table).where(_table.c.subscriber_id == subscriber_id)).mappings().first()
    return Move(**row) if row else None


def say_yes(session: Session, move_id: int, *, is_new: bool, now: datetime) -> None:
    """One end has confirmed it; the first time stays."""
    column = _table.c.new_said_at if is_new else _table.c.old_said_at
    session.execute(update(_table).where(_table.c.id == move_id, column.is_(None)).values({column.name: now}))


def drop_move(session: Session, subscriber_id: int) -> None:
    """It is made, or asked anew."""
    session.execute(delete(_table).where(_table.c.subscriber_id == subscriber_id))
