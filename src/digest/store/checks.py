"""What a healthy database holds to: its own structure, its references, and the sums of the ledger."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlmodel import Session

from digest.core.states import TERMINAL, DeliveryState, IssueState
from digest.store import joining_tables, people_tables, tables, web_tables  # noqa: F401 - the last fills the metadata
from digest.store.base import Row
from digest.store.database import Database
from digest.store.schema import HEAD, revision

_issue = tables.IssueRow.__table__  # type: ignore[attr-defined]
_delivery = people_tables.DeliveryRow.__table__  # type: ignore[attr-defined]

MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What `check_database` found; healthy when it found no problem."""

    revision: str | None
    needed: str
    problems: tuple[str, ...]
    counts: dict[str, int]  # rows by table; empty where the schema is not this program's


def check_database(database: Database) -> Checkup:
    """Read the whole database and say what is wrong with it. Changes nothing.

    Raises:
        DatabaseBusy: locked for longer than the timeout.
        DatabaseError: it cannot be read at all.
    """
    found = revision(database)
    with database.read() as session:
        problems = _find_damage(session) if database.is_sqlite else ()
        if found != HEAD:
            wrong = f"the schema has revision {found}, and this program needs {HEAD}"
            return Checkup(revision=found, needed=HEAD, problems=(wrong, *problems), counts={})
        problems += _find_wrong_sums(session) + _find_unsettled(session)
        return Checkup(revision=found, needed=HEAD, problems=problems, counts=count_rows(session))


def count_rows(session: Session) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
        for table in Row.metadata.sorted_tables
    }


def _find_damage(session: Session) -> tuple[str, ...]:
    """SQLite's own words, for what only a restored backup mends."""
    found = session.execute(text(f"PRAGMA integrity_check({MOST_LISTED})")).scalars()
    damage = tuple(f"damaged: {line}" for line in found if line != "ok")
    broken = session.execute(text("PRAGMA foreign_key_check")).fetchmany(MOST_LISTED)
    return damage + tuple(f"{row[0]} row {row[1]} refers to a {row[2]} that does not exist" for row in broken)


def _find_wrong_sums(session: Session) -> tuple[str, ...]:
    """An issue that began to send has exactly the deliveries it counted: nobody is silently lost."""
    query = (
        select(_issue.c.id, _issue.c.expected, func.count(_delivery.c.id).label("found"))
        .outerjoin(_delivery, _delivery.c.issue_id == _issue.c.id)
        .group_by(_issue.c.id, _issue.c.expected)
        .having(func.coalesce(_issue.c.expected, 0) != func.count(_delivery.c.id))
        .order_by(_issue.c.id)
        .limit(MOST_LISTED)
    )
    rows = session.execute(query).all()
    return tuple(f"issue {row.id} expects {row.expected or 0} deliveries and has {row.found}" for row in rows)


def _find_unsettled(session: Session) -> tuple[str, ...]:
    """Uncertain deliveries are held and listed, and do not keep an issue from being done."""
    settled = [str(state) for state in (*sorted(TERMINAL), DeliveryState.UNCERTAIN)]
    query = (
        select(_issue.c.id, func.count(_delivery.c.id).label("open"))
        .join(_delivery, _delivery.c.issue_id == _issue.c.id)
        .where(_issue.c.state == str(IssueState.DONE), _delivery.c.state.not_in(settled))
        .group_by(_issue.c.id)
        .order_by(_issue.c.id)
        .limit(MOST_LISTED)
    )
    rows = session.execute(query).all()
    return tuple(f"issue {row.id} is done, but {row.open} of its deliveries are not settled" for row in rows)
