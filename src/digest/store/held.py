"""What only an admin moves on: deliveries of which nobody knows, and those that were refused or given up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlmodel import Session

from digest.core.states import DeliveryState
from digest.store.conditions import is_unserved
from digest.store.people_tables import DeliveryRow
from digest.store.statements import changed_rows
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]


def issues_with_uncertain(session: Session, newsletter_id: int) -> tuple[int, ...]:
    """Numbers of the newsletter's issues that hold uncertain deliveries."""
    held = exists().where(
        _delivery.c.issue_id == _issue.c.id, is_unserved(), _delivery.c.state == str(DeliveryState.UNCERTAIN)
    )
    query = select(_issue.c.number).where(_issue.c.newsletter_id == newsletter_id, held).order_by(_issue.c.number)
    return tuple(session.execute(query).scalars())


def count_held(
    session: Session, issue_id: int, *, states: Sequence[DeliveryState], address_keys: Sequence[str] | None
) -> int:
    """How many `resolve_held` would move."""
    query = select(func.count()).where(_chosen(issue_id, states, address_keys))
    return int(session.execute(query).scalar_one())


def resolve_held(
    session: Session,
    issue_id: int,
    *,
    to: DeliveryState,
    states: Sequence[DeliveryState],
    address_keys: Sequence[str] | None,
    now: datetime,
) -> int:
    """The operator's word, in one statement however many there are: `accepted`, or `queued` to send again.

    The fence moves on, so that no late answer is written over it. No keys: all in these states. How many moved.
    """
    return changed_rows(
        session,
        update(_delivery)
        .where(_chosen(issue_id, states, address_keys))
        .values(
            state=str(to),
            owner=None,
            fence=_delivery.c.fence + 1,
            lease_until=None,
            not_before=None,
            trying_since=None,
            reason=f"{to} by the operator",
            settled_at=now,
        ),
    )


def _chosen(issue_id: int, states: Sequence[DeliveryState], address_keys: Sequence[str] | None) -> ColumnElement[bool]:
    which = and_(
        _delivery.c.issue_id == issue_id, is_unserved(), _delivery.c.state.in_([str(state) for state in states])
    )
    return which if address_keys is None else and_(which, _delivery.c.address_key.in_(address_keys))
