"""The ledger's moves, one delivery at a time. Every one is compare-and-set; the row count is the truth.

    queued ─claim─▶ claimed ─mark─▶ inflight ─settle─▶ accepted | refused | queued | uncertain | expired
    claimed, lease over ─▶ queued        inflight, lease over ─▶ uncertain, never back to queued

Leases affect progress only: whoever lost a claim fails at the mark, before the message's final dot.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, literal_column, not_, select, tuple_, update
from sqlmodel import Session

from digest.core.people import Delivery, Outcome
from digest.core.policy import Blame, NextStep
from digest.core.states import DeliveryState, IssueState, SubscriptionState
from digest.store.people_tables import DeliveryRow, SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]

_COLUMNS = tuple(_delivery.c[field.name] for field in fields(Delivery))
_LONGEST_REPLY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one delivery."""

    delivery: Delivery
    outcome: Outcome
    step: NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What the reaper found: claims that go back, and messages of which nobody knows."""

    queued: int
    uncertain: int


def claim(
    session: Session, issue_id: int, *, owner: str, limit: int, now: datetime, lease_until: datetime
) -> tuple[Delivery, ...]:
    """Take up to `limit` deliveries that are due. Those whose reader may no longer get mail are skipped here."""
    wanted = _delivery.alias()
    due = (
        select(wanted.c.id)
        .where(
            wanted.c.issue_id == issue_id,
            wanted.c.state == literal_column("'queued'"),  # see _is
            (wanted.c.not_before.is_(None)) | (wanted.c.not_before <= now),
        )
        .order_by(wanted.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")  # not a subquery: Postgres may run that more than once, and would then take more than the limit
    )
    moved = session.execute(
        update(_delivery)
        .where(_delivery.c.id.in_(select(due.c.id)), _is(DeliveryState.QUEUED), _issue_is_sending())
        .values(
            state=str(DeliveryState.CLAIMED),
            owner=owner,
            fence=_delivery.c.fence + 1,
            lease_until=lease_until,
            # Fixed at the first attempt: the Date header.
            dated=func.coalesce(_delivery.c.dated, now),
        )
        .returning(*_COLUMNS)
    ).mappings()
    taken = tuple(sorted((_as_delivery(row) for row in moved), key=lambda delivery: delivery.id))
    skipped = _skip_ineligible(session, taken, now=now)
    return tuple(delivery for delivery in taken if delivery.id not in skipped)


def note_message_ids(session: Session, message_ids: Iterable[tuple[Delivery, str]]) -> None:
    """Write down under which Message-ID a delivery goes out, before it does: evidence is found by it."""
    for delivery, message_id in message_ids:
        if delivery.message_id != message_id:  # None, or the issue was resumed with another sender's domain
            session.execute(update(_delivery).where(_mine(delivery)).values(message_id=message_id))


def mark_inflight(
    session: Session, deliveries: Sequence[Delivery], *, owner: str, lease_until: datetime
) -> frozenset[int]:
    """Claimed → inflight, in one statement that demands everything: the ids that may get their final dot.

    Claimed by this owner under this fence, the subscription active, the address not suppressed, the issue sending.
    Whoever is not among the ids must not be sent to; `turn_away` says what becomes of them.
    """
    if not deliveries:
        return frozenset()
    moved = session.execute(
        update(_delivery)
        .where(
            tuple_(_delivery.c.id, _delivery.c.fence).in_([(d.id, d.fence) for d in deliveries]),
            _delivery.c.owner == owner,
            _delivery.c.state == str(DeliveryState.CLAIMED),
            _issue_is_sending(),
            _is_eligible(),
        )
        .values(state=str(DeliveryState.INFLIGHT), lease_until=lease_until, tries=_delivery.c.tries + 1)
        .returning(_delivery.c.id)
    )
    return frozenset(moved.scalars())


def turn_away(session: Session, deliveries: Sequence[Delivery], *, now: datetime) -> None:
    """What becomes of claims that failed at the mark: skipped with the reason, or queued while the issue waits."""
    _skip_ineligible(session, deliveries, now=now)
    for delivery in deliveries:
        session.execute(
            update(_delivery)
            .where(_mine(delivery), _delivery.c.state == str(DeliveryState.CLAIMED), _issue_is(IssueState.CANCELLED))
            .values(_skip("the issue was cancelled", now))
        )
    release(session, deliveries)


def release(session: Session, deliveries: Iterable[Delivery]) -> int:
    """Claimed → queued: nothing was sent. How many were still ours."""
    released = 0
    for delivery in deliveries:
        released += _count(
            session.execute(
                update(_delivery)
                .where(_mine(delivery), _delivery.c.state == str(DeliveryState.CLAIMED))
                .values(state=str(DeliveryState.QUEUED), owner=None, lease_until=None)
            )
        )
    return released


def settle(session: Session, settlements: Iterable[Settlement], *, now: datetime) -> int:
    """Write down what the server said; how many rows took it.

    An answer that comes after the lease is still the truth: a row that the reaper called uncertain takes it, because
    owner and fence are untouched. Accepted is never written over a row that was not in flight.
    """
    settled = 0
    settlements = tuple(settlements)
    _count_refusals(session, settlements)
    for settlement in settlements:
        before = [DeliveryState.INFLIGHT, DeliveryState.UNCERTAIN]
        if settlement.step.state is not DeliveryState.ACCEPTED:
            before.append(DeliveryState.CLAIMED)
        settled += _count(
            session.execute(
                update(_delivery)
                .where(_mine(settlement.delivery), _delivery.c.state.in_([str(state) for state in before]))
                .values(_settled(settlement, now))
            )
        )
    return settled


def reap(session: Session, *, now: datetime) -> Reaped:
    """What the dead left behind. A claim goes back to the queue: its owner's mark will fail.

    A message in flight becomes uncertain and is never sent again by itself: its dot may have been answered. Owner and
    fence stay on it, so that an owner who was only slow can still say what happened.
    """
    over = _delivery.c.lease_until < now
    queued = session.execute(
        update(_delivery)
        .where(_is(DeliveryState.CLAIMED), over)
        .values(state=str(DeliveryState.QUEUED), owner=None, lease_until=None)
    )
    uncertain = session.execute(
        update(_delivery)
        .where(_is(DeliveryState.INFLIGHT), over)
        .values(
            state=str(DeliveryState.UNCERTAIN),
            lease_until=None,
            reason="the sender stopped between the final dot and the reply",
            settled_at=now,
        )
    )
    return Reaped(queued=_count(queued), uncertain=_count(uncertain))


def resolve(
    session: Session,
    delivery_ids: Sequence[int],
    *,
    to: DeliveryState,
    now: datetime,
    from_states: Sequence[DeliveryState] = (DeliveryState.UNCERTAIN,),
) -> int:
    """The operator's word: `accepted` (there is evidence), or `queued` (send again, at the risk of a second copy)."""
    fresh = {"fence": _delivery.c.fence + 1, "not_before": None, "trying_since": None,
             "reason": f"{to} by the operator"}  # fmt: skip
    return _count(
        session.execute(
            update(_delivery)
            .where(_delivery.c.id.in_(delivery_ids), _delivery.c.state.in_([str(state) for state in from_states]))
            .values(state=str(to), owner=None, lease_until=None, settled_at=now, **fresh)
        )
    )


def list_deliveries(
    session: Session, issue_id: int, *, state: DeliveryState | None = None, limit: int | None = None
) -> tuple[Delivery, ...]:
    """An issue's rows of the ledger, in order of id."""
    query = select(*_COLUMNS).where(_delivery.c.issue_id == issue_id)
    if state:
        query = query.where(_delivery.c.state == str(state))
    rows = session.execute(query.order_by(_delivery.c.id).limit(limit)).mappings()
    return tuple(_as_delivery(row) for row in rows)


def _skip_ineligible(session: Session, deliveries: Sequence[Delivery], *, now: datetime) -> frozenset[int]:
    ids = [delivery.id for delivery in deliveries]
    if not ids:
        return frozenset()
    skipped: set[int] = set()
    for clause, reason in ((_is_suppressed(), "suppressed"), (not_(_is_subscribed()), "unsubscribed")):
        moved = session.execute(
            update(_delivery)
            .where(
                tuple_(_delivery.c.id, _delivery.c.fence).in_([(d.id, d.fence) for d in deliveries]),
                _delivery.c.state == str(DeliveryState.CLAIMED),
                clause,
            )
            .values(_skip(reason, now))
            .returning(_delivery.c.id)
        )
        skipped.update(moved.scalars())
    return frozenset(skipped)


def _count_refusals(session: Session, settlements: Sequence[Settlement]) -> None:
    """Refusals of the sender since the last acceptance, kept on the issue: a cron line's runs are short."""
    for issue_id in {settlement.delivery.issue_id for settlement in settlements}:
        count: Any = _issue.c.sender_refusals
        for settlement in settlements:
            if settlement.delivery.issue_id != issue_id:
                continue
            if settlement.step.state is DeliveryState.ACCEPTED:
                count = literal(0)
            elif settlement.step.blame is Blame.SENDER:
                count = count + 1
        session.execute(
            update(_issue)
            .where(_issue.c.id == issue_id, _issue.c.sender_refusals != count)
            .values(sender_refusals=count)
        )


def _settled(settlement: Settlement, now: datetime) -> dict[str, Any]:
    outcome, step = settlement.outcome, settlement.step
    values = {
        "state": str(step.state),
        "not_before": step.not_before,
        "reason": step.reason,
        "code": outcome.code,
        "enhanced": outcome.enhanced,
        "reply": outcome.reply[:_LONGEST_REPLY],
        "phase": outcome.phase,
        "lease_until": None,
        "settled_at": now,
        "trying_since": func.coalesce(_delivery.c.trying_since, now),
    }
    # A queued row belongs to nobody; a settled one keeps the name of who settled it. The try was counted at the mark,
    # or, where the server answered before it, is counted here.
    owner = {"owner": None} if step.state is DeliveryState.QUEUED else {}
    return {**values, **owner, "tries": settlement.delivery.tries + 1}


def _mine(delivery: Delivery) -> ColumnElement[bool]:
    return and_(_delivery.c.id == delivery.id, _delivery.c.owner == delivery.owner, _delivery.c.fence == delivery.fence)


def _is(state: DeliveryState) -> ColumnElement[bool]:
    """Written out, not bound: only then can the planner use a partial index."""
    return and_(_delivery.c.state == literal_column(f"'{state}'"))


def _issue_is(state: IssueState) -> ColumnElement[bool]:
    return exists().where(_issue.c.id == _delivery.c.issue_id, _issue.c.state == str(state))


def _issue_is_sending() -> ColumnElement[bool]:
    return _issue_is(IssueState.SENDING)


def _is_subscribed() -> ColumnElement[bool]:
    return exists().where(
        _issue.c.id == _delivery.c.issue_id,
        _subscription.c.newsletter_id == _issue.c.newsletter_id,
        _subscription.c.subscriber_id == _delivery.c.subscriber_id,
        _subscription.c.state == str(SubscriptionState.ACTIVE),
    )


def _is_suppressed() -> ColumnElement[bool]:
    return exists().where(
        _subscriber.c.id == _delivery.c.subscriber_id, _suppression.c.address_hash == _subscriber.c.address_hash
    )


def _is_eligible() -> ColumnElement[bool]:
    return and_(_is_subscribed(), not_(_is_suppressed()))


def _skip(reason: str, now: datetime) -> dict[str, Any]:
    return {"state": str(DeliveryState.SKIPPED), "reason": reason, "lease_until": None, "settled_at": now}


def _as_delivery(row: Any) -> Delivery:
    return Delivery(**{**row, "state": DeliveryState(row["state"])})


def _count(result: Any) -> int:
    return int(result.rowcount)
