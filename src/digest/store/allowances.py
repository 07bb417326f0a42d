"""What a pace has used up, one row a limit, shared by every process on this database.

A rate is a generic cell rate algorithm: its row holds the moment at which what was taken is used up (`used_until`), and
taking a share moves that on, in one statement, if it is not too far ahead. Times are the callers' clocks.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, case, or_, select, update
from sqlmodel import Session

from digest.core.pace import Ramp, WarmUp
from digest.store.people_tables import AllowanceRow, WarmUpRow
from digest.store.statements import changed_rows, insert_if_new, upsert

_allowance: Table = AllowanceRow.__table__  # type: ignore[attr-defined]
_warm_up: Table = WarmUpRow.__table__  # type: ignore[attr-defined]

AHEAD = 1.0
"""Seconds: a share may be taken this long before the last one is used up, so that nobody waits for the database."""
TRUST = 60.0
"""Seconds: a row further ahead than its limit explains, plus this, was written by a clock that is wrong."""
SHARE = 1.0
"""Seconds: how much of a rate is taken at once, so that many messages share one statement."""


@dataclass(frozen=True, slots=True)
class Granted:
    """How many messages may begin now; where none, when to ask again."""

    number: int
    again_in: float | None = None  # seconds


def take(session: Session, name: str, wanted: int, *, per_second: float, now: datetime) -> Granted:
    """Up to `wanted` messages of a rate, at most a second's worth, at least one. Use `put_back` for what is not used."""
    number = min(wanted, max(1, int(per_second * SHARE)))
    cost, moment = number / per_second, now.timestamp()
    row = _allowance.c.used_until
    trusted = moment + AHEAD + max(SHARE, 1 / per_second) + TRUST
    base = case((row.between(moment, trusted), row), else_=moment)
    statement = (
        upsert(session, _allowance)
        .values(name=name, used_until=moment + cost)
        .on_conflict_do_update(
            index_elements=[_allowance.c.name],
            set_={"used_until": base + cost},
            where=or_(row <= moment + AHEAD, row > trusted),
        )
        .returning(_allowance.c.used_until)
    )
    if session.execute(statement).first():
        return Granted(number)
    used_until = session.execute(select(row).where(_allowance.c.name == name)).scalar_one()
    return Granted(0, max(0.01, used_until - AHEAD - moment))


def put_back(session: Session, name: str, number: int, *, per_second: float) -> None:
    """What was taken and not used."""
    if number:
        row = _allowance.c.used_until
        values = {"used_until": row - number / per_second}
        session.execute(update(_allowance).where(_allowance.c.name == name).values(values))


def read_ramp(session: Session, today: date) -> Ramp:
    """How far the warm-up is today; its row is locked until the transaction ends."""
    row = session.execute(select(_warm_up).with_for_update()).mappings().first()
    return (
        Ramp(day=date.fromisoformat(row["day"]), step=row["step"], taken=row["taken"]).on(today)
        if row
        else Ramp(day=today)
    )


def write_ramp(session: Session, ramp: Ramp, number: int, *, now: datetime) -> None:
    """So many more messages of this day; negative where they were not sent after all."""
    values: dict[str, Any] = {"day": ramp.day.isoformat(), "step": ramp.step, "taken": max(0, ramp.taken + number)}
    if not changed_rows(session, update(_warm_up).values(values)):
        insert_if_new(session, _warm_up, {"id": 1, "started_at": now, **values})


def room(ramp: Ramp, warm_up: WarmUp) -> int:
    """How many messages this day has left."""
    return max(0, warm_up.most(ramp.step) - ramp.taken)
