"""Notices on their way: the ledger's moves for mails to one person. Every one is compare-and-set.

    queued ─claim─▶ claimed ─mark─▶ inflight ─settle─▶ accepted | refused | queued | uncertain | expired
    claimed, lease over ─▶ queued        inflight, lease over ─▶ uncertain, never back to queued

Whoever may no longer get it (they left, confirmed already, are suppressed) is skipped, at the claim and at the mark.
"""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, exists, func, insert, not_, or_, select, update
from sqlmodel import Session

from digest.core.notices import DEMANDS, QueuedNotice
from digest.core.people import Outcome
from digest.core.policy import NextStep
from digest.core.states import DeliveryState, NoticeKind
from digest.errors import NotFound
from digest.store.conditions import is_past
from digest.store.joining_tables import NoticeRow
from digest.store.outcome_columns import outcome_columns
from digest.store.people_tables import SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.statements import changed_rows

_table: Table = NoticeRow.__table__  # type: ignore[attr-defined]
_subscriber: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression: Table = SuppressionRow.__table__  # type: ignore[attr-defined]

_OWN = tuple(f.name for f in fields(QueuedNotice) if f.name not in {"address", "name", "language"})
_WAITS = (DeliveryState.CLAIMED, DeliveryState.INFLIGHT, DeliveryState.UNCERTAIN)
"""States that an answer may still be written on."""


def insert_notice(
    session: Session,
    *,
    kind: NoticeKind,
    newsletter_id: int,
    subscriber_id: int,
    now: datetime,
    address: str | None = None,
) -> int:
    """Put a notice into the queue; its id. `address`: where it goes, if not to the subscriber's."""
    values = {"kind": kind, "newsletter_id": newsletter_id, "subscriber_id": subscriber_id, "address": address,
              "created_at": now, "state": DeliveryState.QUEUED}  # fmt: skip
    return int(session.execute(insert(_table).values(values).returning(_table.c.id)).scalar_one())


def has_due_notice(session: Session, *, now: datetime) -> bool:
    """Whether any could be claimed, or reaped, now."""
    held = or_(_is(DeliveryState.CLAIMED), _is(DeliveryState.INFLIGHT))
    query = select(_table.c.id).where(or_(_is_due(now), and_(held, is_past(_table.c.lease_until, now))))
    return session.execute(query.limit(1)).first() is not None


def claim_notices(
    session: Session, *, owner: str, limit: int, now: datetime, lease_until: datetime
) -> tuple[QueuedNotice, ...]:
    """Take up to `limit` that are due, the oldest first. Those that nobody may get any more are skipped."""
    session.execute(update(_table).where(_is_due(now), not_(_is_wanted())).values(_skipped(now)))
    due = (
        select(_table.c.id).where(_is_due(now)).order_by(_table.c.id).limit(limit).with_for_update(skip_locked=True)
    ).cte("due")
    moved = (
        update(_table)
        .where(_table.c.id.in_(select(due.c.id)), _is(DeliveryState.QUEUED))
        .values(state=DeliveryState.CLAIMED, owner=owner, fence=_table.c.fence + 1, lease_until=lease_until)
        .returning(_table.c.id)
    )
    taken = list(session.execute(moved).scalars())
    return _read(session, _table.c.id.in_(taken)) if taken else ()


def mark_notice(
    session: Session, notice: QueuedNotice, *, message_id: str, now: datetime, lease_until: datetime
) -> bool:
    """Claimed → inflight: whether it may get its final dot. Who may not get it any more is skipped."""
    done = changed_rows(
        session,
        update(_table)
        .where(_mine(notice), _is(DeliveryState.CLAIMED), _is_wanted())
        .values(state=DeliveryState.INFLIGHT, lease_until=lease_until, message_id=message_id, tries=_table.c.tries + 1),
    )
    if not done:
        skip = update(_table).where(_mine(notice), _is(DeliveryState.CLAIMED), not_(_is_wanted()))
        session.execute(skip.values(_skipped(now)))
    return bool(done)


def settle_notice(session: Session, notice: QueuedNotice, outcome: Outcome, step: NextStep, *, now: datetime) -> bool:
    """Write down what the server said, late answers too; False where the row is no longer ours."""
    values = outcome_columns(outcome, step, trying_since=_table.c.trying_since, now=now) | {"tries": notice.tries + 1}
    if step.state is DeliveryState.QUEUED:
        values |= {"owner": None, "settled_at": None}
    return bool(changed_rows(session, update(_table).where(_mine(notice), _table.c.state.in_(_WAITS)).values(values)))


def release_notice(session: Session, notice: QueuedNotice) -> bool:
    """Claimed → queued: nothing was sent."""
    free = {"state": DeliveryState.QUEUED, "owner": None, "lease_until": None}
    return bool(changed_rows(session, update(_table).where(_mine(notice), _is(DeliveryState.CLAIMED)).values(free)))


def reap_notices(session: Session, *, now: datetime) -> tuple[int, int]:
    """What the dead left behind: how many claims went back to the queue, of how many nobody knows."""
    over = is_past(_table.c.lease_until, now)
    free = {"state": DeliveryState.QUEUED, "owner": None, "lease_until": None}
    queued = changed_rows(session, update(_table).where(_is(DeliveryState.CLAIMED), over).values(free))
    why = "the sender stopped between the final dot and the reply"
    held = {"state": DeliveryState.UNCERTAIN, "lease_until": None, "reason": why, "settled_at": now}
    return queued, changed_rows(session, update(_table).where(_is(DeliveryState.INFLIGHT), over).values(held))


def requeue_notice(session: Session, notice_id: int) -> QueuedNotice:
    """An admin's word: send it (again), whatever became of it. What is still wanted of it is asked when it goes out.

    Raises:
        NotFound: there is no such notice, or it is on its way.
    """
    held = (DeliveryState.CLAIMED, DeliveryState.INFLIGHT)
    free = {"state": DeliveryState.QUEUED, "owner": None, "lease_until": None, "not_before": None, "reason": None,
            "settled_at": None, "trying_since": None, "tries": 0}  # fmt: skip
    if not changed_rows(
        session, update(_table).where(_table.c.id == notice_id, _table.c.state.not_in(held)).values(free)
    ):
        raise NotFound(f"there is no notice {notice_id} at rest", next_step="digest notice list shows them")
    return _read(session, _table.c.id == notice_id)[0]


def list_notices(
    session: Session,
    *,
    newsletter_id: int | None = None,
    subscriber_id: int | None = None,
    state: DeliveryState | None = None,
    limit: int | None = None,
) -> tuple[QueuedNotice, ...]:
    """The newest `limit`, the newest first."""
    wanted = [
        column == value
        for column, value in ((_table.c.newsletter_id, newsletter_id), (_table.c.subscriber_id, subscriber_id),
                              (_table.c.state, state))
        if value is not None
    ]  # fmt: skip
    return _read(session, *wanted, newest=True, limit=limit)


def _read(
    session: Session, *which: ColumnElement[bool], newest: bool = False, limit: int | None = None
) -> tuple[QueuedNotice, ...]:
    columns = [_table.c[name] for name in _OWN]
    person = (
        func.coalesce(_table.c.address, _subscriber.c.address).label("address"),
        _subscriber.c.name,
        _subscriber.c.language,
    )
    query = (
        select(*columns, *person)
        .select_from(_table.join(_subscriber, _subscriber.c.id == _table.c.subscriber_id))
        .where(*which)
        .order_by(_table.c.id.desc() if newest else _table.c.id)
        .limit(limit)
    )
    return tuple(
        QueuedNotice(**{**row, "kind": NoticeKind(row["kind"]), "state": DeliveryState(row["state"])})
        for row in session.execute(query).mappings()
    )


def _is(state: DeliveryState) -> ColumnElement[bool]:
    return _table.c.state == str(state)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(_is(DeliveryState.QUEUED), or_(_table.c.not_before.is_(None), is_past(_table.c.not_before, now)))


def _is_wanted() -> ColumnElement[bool]:
    """The subscription is as the kind demands, and nobody suppressed the address."""
    tie = and_(
        _subscription.c.newsletter_id == _table.c.newsletter_id,
        _subscription.c.subscriber_id == _table.c.subscriber_id,
        or_(*(and_(_table.c.kind == kind, _subscription.c.state == state) for kind, state in DEMANDS.items())),
    )
    suppressed = exists().where(
        _subscriber.c.id == _table.c.subscriber_id, _suppression.c.address_hash == _subscriber.c.address_hash
    )
    return and_(or_(_table.c.kind.not_in(list(DEMANDS)), exists().where(tie)), not_(suppressed))


def _mine(notice: QueuedNotice) -> ColumnElement[bool]:
    return and_(_table.c.id == notice.id, _table.c.owner == notice.owner, _table.c.fence == notice.fence)


def _skipped(now: datetime) -> dict[str, Any]:
    return {"state": DeliveryState.SKIPPED, "reason": "nobody waits for it any more", "lease_until": None,
            "settled_at": now}  # fmt: skip
