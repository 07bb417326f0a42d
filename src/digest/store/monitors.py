"""What must hold of an issue's rows whatever the code above does; where it does not, nothing more may go out."""

from sqlalchemy import func, select
from sqlmodel import Session

from digest.store.people_tables import DeliveryRow
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]


def find_wrong_sum(session: Session, issue_id: int) -> str | None:
    """Rows that vanished or came from nowhere since the deliveries were made, in words."""
    expected = session.execute(select(_issue.c.expected).where(_issue.c.id == issue_id)).scalar_one() or 0
    rows = session.execute(select(func.count()).where(_delivery.c.issue_id == issue_id)).scalar_one()
    return f"the ledger is damaged: it has {rows} deliveries, and {expected} were made" if rows != expected else None


def find_doubled(session: Session, issue_id: int) -> str | None:
    """Mailboxes with two rows, in words. None while the UNIQUE stands, whose index makes this one pass over it."""
    doubled = (
        select(_delivery.c.address_key)
        .where(_delivery.c.issue_id == issue_id)
        .group_by(_delivery.c.address_key)
        .having(func.count() > 1)
        .subquery()
    )
    twice = session.execute(select(func.count()).select_from(doubled)).scalar_one()
    return f"the ledger is damaged: readers who would get it twice: {twice}" if twice else None
