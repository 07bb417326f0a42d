"""Counts of an issue that goes out, cheap enough to be asked for once a second: by the partial indexes alone.

Nearly all rows of an issue are queued at its beginning and accepted at its end. Queued ones are counted in their index,
the rare states in theirs, and accepted is what is left of the number that were made.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select, union_all
from sqlmodel import Session

from digest.core.states import DeliveryState
from digest.store.conditions import is_held, is_in, is_unserved
from digest.store.people_tables import DeliveryRow
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]


def count_quickly(session: Session, issue_id: int) -> Mapping[DeliveryState, int]:
    """As `count_deliveries`, while the ledger's sum holds; states without any are left out. One statement, one moment."""
    issue = _delivery.c.issue_id == issue_id
    waiting: Any = select(literal_column("'queued'"), func.count()).where(issue, is_in(DeliveryState.QUEUED))
    # Plus nothing: else the planner walks all of the issue's rows instead of the few that are held.
    of_issue = _delivery.c.issue_id + literal_column("0") == issue_id
    held = select(_delivery.c.state, func.count()).where(of_issue, is_held()).group_by(_delivery.c.state)
    unserved = select(_delivery.c.state, func.count()).where(issue, is_unserved()).group_by(_delivery.c.state)
    made = select(literal_column("'made'"), func.coalesce(_issue.c.expected, 0)).where(_issue.c.id == issue_id)
    rows: Any = session.execute(union_all(waiting, held, unserved, made))
    found: dict[str, int] = dict(rows.all())
    made_rows = found.pop("made", 0)
    found["accepted"] = max(0, made_rows - sum(found.values()))
    return {state: found[state] for state in DeliveryState if found.get(state)}


def count_settled_since(session: Session, issue_id: int, *, since: datetime) -> int:
    """How many deliveries of an issue came to rest after that time. Reads all its rows: for once, not for each second."""
    query = select(func.count()).where(
        _delivery.c.issue_id == issue_id, _delivery.c.settled_at >= since, ~is_held(), ~is_in(DeliveryState.QUEUED)
    )
    return int(session.execute(query).scalar_one())


RECENTLY = timedelta(minutes=1)
"""What a rate is taken over."""
