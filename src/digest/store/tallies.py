"""Limits that all processes share: so many of a thing in so much time, counted from the first.

One statement decides and counts, so that no two processes take the last one both.
"""

from datetime import datetime, timedelta

from sqlalchemy import Table, case, delete, or_, select
from sqlmodel import Session

from digest.store.statements import changed_rows, upsert
from digest.store.web_tables import TallyRow

_tally: Table = TallyRow.__table__  # type: ignore[attr-defined]


def take(session: Session, name: str, *, limit: int, per: timedelta, now: datetime) -> timedelta | None:
    """One more of `name`; None where it was taken, else how long to wait until there is one again.

    `limit` are taken at most from the first one until `per` after it; then it begins anew. A refused try counts nothing,
    so that who keeps trying waits no longer. `now` is the caller's clock; a row further ahead than `per` explains was
    written by a wrong one and begins anew, too.
    """
    if limit < 1:
        return per
    is_over = or_(_tally.c.until <= now, _tally.c.until > now + per)
    statement = (
        upsert(session, _tally)
        .values(name=name, taken=1, since=now, until=now + per)
        .on_conflict_do_update(
            index_elements=[_tally.c.name],
            set_={
                "taken": case((is_over, 1), else_=_tally.c.taken + 1),
                "since": case((is_over, now), else_=_tally.c.since),
                "until": case((is_over, now + per), else_=_tally.c.until),
            },
            where=or_(is_over, _tally.c.taken < limit),
        )
        .returning(_tally.c.taken)
    )
    if session.execute(statement).first():
        return None
    until: datetime = session.execute(select(_tally.c.until).where(_tally.c.name == name)).scalar_one()
    return max(until - now, timedelta(seconds=1))


def begin_anew(session: Session, name: str) -> None:
    """Forget what was taken of `name`."""
    session.execute(delete(_tally).where(_tally.c.name == name))


def forget_old(session: Session, *, now: datetime) -> int:
    """Delete what is over; how many rows."""
    return changed_rows(session, delete(_tally).where(_tally.c.until <= now))
