"""Deliveries of an issue that has two subjects: who tries them, and what the others get."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, case, func, literal, literal_column, select, update
from sqlmodel import Session

from digest.core.states import DeliveryState
from digest.core.variants import SUFFIX
from digest.store.people_tables import DeliveryRow
from digest.store.statements import changed_rows
from digest.store.tables import IssueRow, VariantRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]
_variant: Table = VariantRow.__table__  # type: ignore[attr-defined]
_queued = _delivery.c.state == literal_column("'queued'")

_SPREAD, _TURN = 7_919, 104_729
"""Primes: neighbours in the list fall into different parts of the sample, and each issue has another one."""


class Sampled(NamedTuple):
    """How many of a sample are due at one instant, by subject."""

    at: datetime
    first: int
    second: int


def list_sample(session: Session, issue_id: int, *, percent: int, now: datetime) -> tuple[Sampled, ...]:
    """Who would get the first subject and who the second, of those whose variant has both; the earliest wave first."""
    place, due = _place(issue_id), _due(now)
    halves = (
        func.count().filter(place < percent // 2),
        func.count().filter(and_(place >= percent // 2, place < percent)),
    )
    mine = (_delivery.c.issue_id == issue_id, _queued, _second_of().is_not(None))
    query = select(due.label("at"), *halves).where(*mine).group_by("at").order_by("at")
    return tuple(Sampled(*row) for row in session.execute(query))


def split(session: Session, issue_id: int, *, percent: int, begins: datetime, until: datetime, now: datetime) -> None:
    """Give half of a sample the second subject, and let who is not in it wait from `begins` on.

    Whose wave comes after the test is not in the sample: what they get is decided by then.
    """
    place, due = _place(issue_id), _due(now)
    mine = and_(_delivery.c.issue_id == issue_id, _queued, due < until)
    in_second = and_(place >= percent // 2, place < percent)
    session.execute(update(_delivery).where(mine, in_second, _second_of().is_not(None)).values(variant_id=_second_of()))
    session.execute(update(_delivery).where(mine, place >= percent, due >= begins).values(not_before=until))
    session.execute(update(_issue).where(_issue.c.id == issue_id).values(subject_until=until))


def count_tried(session: Session, issue_id: int) -> tuple[int, int]:
    """How many have been sent the first subject, and how many the second."""
    query = (
        select(_variant.c.second, func.count())
        .join(_variant, _variant.c.id == _delivery.c.variant_id)
        .where(_delivery.c.issue_id == issue_id, _delivery.c.state == str(DeliveryState.ACCEPTED))
        .group_by(_variant.c.second)
    )
    counts = {bool(second): number for second, number in session.execute(query)}
    return counts.get(False, 0), counts.get(True, 0)


def award(session: Session, issue_id: int, *, second: bool) -> int | None:
    """End the test: who was not tried gets the better subject. How many change to it; None where it was over.

    A message that was tried keeps its bytes.
    """
    open_test = update(_issue).where(_issue.c.id == issue_id, _issue.c.subject_until.is_not(None))
    if not changed_rows(session, open_test.values(subject_until=None)):
        return None
    waiting = and_(_delivery.c.issue_id == issue_id, _queued, _delivery.c.tries == 0, _delivery.c.dated.is_(None))
    better = _second_of() if second else _first_of()
    return changed_rows(session, update(_delivery).where(waiting, better.is_not(None)).values(variant_id=better))


def has_second(session: Session, issue_id: int) -> bool:
    """Whether a second subject was rendered."""
    query = select(_variant.c.id).where(
        _variant.c.issue_id == issue_id, _variant.c.second, _variant.c.html.is_not(None)
    )
    return session.execute(query.limit(1)).first() is not None


def _place(issue_id: int) -> ColumnElement[int]:
    """0 to 99."""
    place: ColumnElement[int] = (_delivery.c.subscriber_id * _SPREAD + issue_id * _TURN) % 100
    return place


def _due(now: datetime) -> Any:
    """When a delivery's wave comes: for what is due, now."""
    at = literal(now, _delivery.c.not_before.type)
    return case((_delivery.c.not_before > at, _delivery.c.not_before), else_=at)


def _second_of() -> Any:
    """The variant that says the same under the second subject; NULL where there is none, or this is it."""
    first = _variant.alias()
    return _other(first, _variant.c.key == first.c.key + SUFFIX)


def _first_of() -> Any:
    """The variant that says the same under the first subject; NULL where this is it."""
    second = _variant.alias()
    return _other(second, second.c.key == _variant.c.key + SUFFIX)


def _other(mine: Any, is_twin: ColumnElement[bool]) -> Any:
    return (
        select(_variant.c.id)
        .join(mine, and_(mine.c.issue_id == _variant.c.issue_id, is_twin))
        .where(mine.c.id == _delivery.c.variant_id, _variant.c.html.is_not(None))
        .correlate(_delivery)
        .scalar_subquery()
    )
