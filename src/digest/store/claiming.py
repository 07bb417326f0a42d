"""The statements that claim deliveries, made once: building a statement costs more than running it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, literal_column, select, update

from digest.core.people import Claimed
from digest.core.states import DeliveryState, IssueState
from digest.store.conditions import is_in, is_welcome, issue_is
from digest.store.people_tables import DeliveryRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]


def _make_claim(which: Callable[[Any], ColumnElement[bool]]) -> Any:
    wanted = _delivery.alias()
    due = (
        select(wanted.c.id)
        .where(
            wanted.c.issue_id == bindparam("issue"),
            wanted.c.state == literal_column("'queued'"),  # see is_in
            (wanted.c.not_before.is_(None)) | (wanted.c.not_before <= bindparam("now")),
            which(wanted),
        )
        .order_by(wanted.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")  # not a subquery: Postgres may run that more than once, and would then take more than the limit
    )
    return _claim(_delivery.c.id.in_(select(due.c.id)))


def _claim(these: ColumnElement[bool]) -> Any:
    return (
        update(_delivery)
        .where(these, is_in(DeliveryState.QUEUED), issue_is(IssueState.SENDING))
        .values(
            state=str(DeliveryState.CLAIMED),
            owner=bindparam("new_owner"),
            fence=_delivery.c.fence + 1,
            lease_until=bindparam("lease"),
            # Fixed at the first attempt: the Date header.
            dated=func.coalesce(_delivery.c.dated, bindparam("now", type_=_delivery.c.dated.type)),
        )
        .returning(*(_delivery.c[name] for name in Claimed._fields))
    )


CLAIM = _make_claim(is_welcome)
"""Up to `most` due deliveries of `issue` for `new_owner` until `lease`; gives the fields of `Claimed`."""
PROBE = _make_claim(lambda wanted: wanted.c.domain == bindparam("destination"))
"""The same within one `destination`, waiting or not."""
CLAIM_CHOSEN = _claim(_delivery.c.id.in_(bindparam("chosen", expanding=True)))
"""Those of the ids in `chosen` that are still queued."""
