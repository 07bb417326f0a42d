"""Deliveries of an issue that has two subjects: who tries them, and what the others get."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, literal_column, select, update
from sqlmodel import Session

from digest.store.people_tables import DeliveryRow
from digest.store.statements import changed_rows
from digest.store.tables import IssueRow, VariantRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]
_variant: Table = VariantRow.__table__  # type: ignore[attr-defined]
_queued = _delivery.c.state == literal_column("'queued'")

SUFFIX = "/B"
"""Of a variant's key: it says the same under the second subject."""
_SPREAD, _TURN = 7_919, 104_729
"""Primes: neighbours in the list fall into different parts of the sample, and each issue has another one."""


def count_sample(session: Session, issue_id: int, *, percent: int) -> tuple[int, int]:
    """How many would get the first subject and how many the second, of those whose variant has both."""
    place = _place(issue_id)
    halves = (
        func.count().filter(place < percent // 2),
        func.count().filter(and_(place >= percent // 2, place < percent)),
    )
    mine = (_delivery.c.issue_id == issue_id, _queued, _second_of().is_not(None))
    first, second = session.execute(select(*halves).where(*mine)).one()
    return int(first), int(second)


def split(session: Session, issue_id: int, *, percent: int, until: datetime) -> tuple[int, int]:
    """Give half of a sample the second subject, and let who is not in it wait; how many get the first and the second."""
    place = _place(issue_id)
    mine = and_(_delivery.c.issue_id == issue_id, _queued)
    sample = count_sample(session, issue_id, percent=percent)
    in_second = and_(place >= percent // 2, place < percent)
    session.execute(update(_delivery).where(mine, in_second, _second_of().is_not(None)).values(variant_id=_second_of()))
    later = case((_delivery.c.not_before > until, _delivery.c.not_before), else_=until)
    session.execute(update(_delivery).where(mine, place >= percent).values(not_before=later))
    session.execute(update(_issue).where(_issue.c.id == issue_id).values(subject_until=until))
    return sample


def award(session: Session, issue_id: int, *, percent: int, second: bool) -> int | None:
    """End the test: with `second`, who waited and was never tried gets that subject. How many; None where it was over.

    A message that was tried keeps its bytes.
    """
    open_test = update(_issue).where(_issue.c.id == issue_id, _issue.c.subject_until.is_not(None))
    if not changed_rows(session, open_test.values(subject_until=None)):
        return None
    if not second:
        return 0
    waiting = and_(_delivery.c.issue_id == issue_id, _queued, _delivery.c.tries == 0, _delivery.c.dated.is_(None))
    others = and_(waiting, _place(issue_id) >= percent, _second_of().is_not(None))
    return changed_rows(session, update(_delivery).where(others).values(variant_id=_second_of()))


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


def _second_of() -> Any:
    """The variant that says the same under the second subject; NULL where there is none."""
    first = _variant.alias()
    return (
        select(_variant.c.id)
        .join(first, and_(first.c.issue_id == _variant.c.issue_id, _variant.c.key == first.c.key + SUFFIX))
        .where(first.c.id == _delivery.c.variant_id, _variant.c.html.is_not(None))
        .correlate(_delivery)
        .scalar_subquery()
    )
