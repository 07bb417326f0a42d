"""Destinations that defer our mail, by domain: a tiny table, empty while all goes well.

A row counts deferrals in a row; an acceptance deletes it. With `not_before` set the whole domain is left out of claims, and
once that time has come one message tries.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, literal_column, or_, select, update
from sqlmodel import Session

from digest.core.addresses import domain_of
from digest.core.destination import Standing, after_impatience, is_impatient
from digest.core.policy import BACK_OFF, GIVE_UP_AFTER, name_answer
from digest.core.states import DeliveryState
from digest.store.conditions import is_held
from digest.store.deliveries import Settlement
from digest.store.people_tables import DeliveryRow, DestinationRow
from digest.store.statements import changed_rows, insert_if_new
from digest.store.tables import IssueRow

_table: Table = DestinationRow.__table__  # type: ignore[attr-defined]
_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A domain that has deferred our mail."""

    domain: str
    standing: Standing
    answer: str  # codes and phase


def list_destinations(session: Session) -> tuple[Destination, ...]:
    """Every domain in the table."""
    return tuple(_as_destination(row) for row in session.execute(select(_table).order_by(_table.c.domain)).mappings())


def find_destination(session: Session, domain: str) -> Destination | None:
    """This domain, None while nothing is wrong with it."""
    row = session.execute(select(_table).where(_table.c.domain == domain)).mappings().first()
    return _as_destination(row) if row else None


def doubted(session: Session) -> dict[str, datetime | None]:
    """Domains that have deferred our mail, and until when they wait."""
    return {each.domain: each.standing.not_before for each in list_destinations(session)}


def forget_destinations(session: Session) -> None:
    """Somebody has mended what was wrong: every domain may be asked again."""
    session.execute(delete(_table))


def forget_impossible(session: Session, *, now: datetime) -> None:
    """What a clock that was ahead has written, by which a domain might wait for a year."""
    session.execute(delete(_table).where(_table.c.at > now + GIVE_UP_AFTER))


def note_answers(
    session: Session,
    issue_id: int,
    settlements: Sequence[Settlement],
    *,
    doubted: dict[str, datetime | None],
    now: datetime,
) -> tuple[int, ...]:
    """What these answers say of the domains. `doubted`, kept up to date, has those in the table: until when they wait.

    Returns:
        The deliveries that were given up with a domain.
    """
    given_up: list[int] = []
    for one in settlements:
        domain = domain_of(one.delivery.address)
        if one.step.state is DeliveryState.ACCEPTED:
            if domain in doubted:
                session.execute(delete(_table).where(_table.c.domain == domain))
                del doubted[domain]
        elif is_impatient(one.outcome):
            standing, late = _worsen(session, issue_id, domain, name_answer(one.outcome), now=now)
            given_up += late
            doubted[domain] = standing.not_before
            if standing.is_given_up:
                given_up += _expire_behind(session, issue_id, domain, now=now)
    return tuple(given_up)


def due_probes(session: Session, *, now: datetime) -> tuple[str, ...]:
    """Waiting domains whose time has come and of which no message is on its way: one may try."""
    on_its_way = select(_delivery.c.domain).where(is_held())
    query = select(_table.c.domain).where(_table.c.not_before <= now, _table.c.domain.not_in(on_its_way))
    return tuple(session.execute(query.order_by(_table.c.domain)).scalars())


def _worsen(
    session: Session, issue_id: int, domain: str, answer: str, *, now: datetime
) -> tuple[Standing, Sequence[int]]:
    row = session.execute(select(_table).where(_table.c.domain == domain).with_for_update()).mappings().first()
    known = _as_destination(row).standing if row else None
    standing = after_impatience(known, now)
    given_up: Sequence[int] = ()
    if standing.not_before and standing != known:
        standing, given_up = _grant_last_tries(session, issue_id, domain, standing)
    values: dict[str, Any] = {**asdict(standing), "answer": answer}
    if not changed_rows(session, update(_table).where(_table.c.domain == domain).values(values)):
        insert_if_new(session, _table, {"domain": domain, **values})
    return standing, given_up


def _grant_last_tries(
    session: Session, issue_id: int, domain: str, standing: Standing
) -> tuple[Standing, Sequence[int]]:
    """The wait cut so that one message tries when the 48 hours of the first who was tried end.

    Not to less than the shortest wait: whose 48 hours end before anything is tried again had their last try in this answer.
    """
    assert standing.not_before
    until = standing.not_before
    began = select(func.coalesce(_issue.c.resumed_at, _issue.c.sending_at)).where(_issue.c.id == issue_id)
    if until - GIVE_UP_AFTER <= session.execute(began).scalar_one():
        return standing, ()  # nobody was tried for as long
    tried, theirs = _delivery.c.trying_since, _waits(issue_id, domain)
    soonest = standing.at + BACK_OFF[0] - GIVE_UP_AFTER
    if first := session.execute(select(func.min(tried)).where(*theirs, tried >= soonest)).scalar():
        until = min(until, first + GIVE_UP_AFTER)
    late = (*theirs, tried < until - GIVE_UP_AFTER)
    given_up = _expire(session, late, reason="not accepted within 48 hours", now=standing.at)
    return replace(standing, not_before=until), given_up


def _expire_behind(session: Session, issue_id: int, domain: str, *, now: datetime) -> Sequence[int]:
    """Those who waited behind the ones that tried: as long, and as vainly. Not whose own hour came later."""
    long_ago = now - GIVE_UP_AFTER
    own_time = or_(
        _delivery.c.trying_since.is_not(None), _delivery.c.not_before.is_(None), _delivery.c.not_before <= long_ago
    )
    began = select(func.coalesce(_issue.c.resumed_at, _issue.c.sending_at)).where(_issue.c.id == issue_id)
    since = func.coalesce(_delivery.c.trying_since, began.scalar_subquery())
    late = (*_waits(issue_id, domain), since <= long_ago, own_time)
    return _expire(session, late, reason="its domain accepted nothing for 48 hours", now=now)


def _waits(issue_id: int, domain: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _delivery.c.issue_id == issue_id,
        _delivery.c.state == literal_column("'queued'"),
        _delivery.c.domain == domain,
    )


def _expire(session: Session, which: tuple[ColumnElement[bool], ...], *, reason: str, now: datetime) -> Sequence[int]:
    values = {"state": str(DeliveryState.EXPIRED), "reason": reason, "lease_until": None, "settled_at": now}
    given_up = update(_delivery).where(*which).values(values).returning(_delivery.c.id)
    return session.execute(given_up).scalars().all()


def _as_destination(row: Any) -> Destination:
    given = {name: row[name] for name in ("failures", "since", "at", "not_before")}
    return Destination(domain=row["domain"], standing=Standing(**given), answer=row["answer"])
