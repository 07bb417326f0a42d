"""Addresses that mail servers refuse for good: counted in the ledger itself, suppressed by the keyed hash."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, func, select
from sqlmodel import Session

from digest.core.policy import Blame
from digest.core.refusals import BOUNCED, Answered, count_refusals, is_dead
from digest.core.states import DeliveryState
from digest.store import events
from digest.store.deliveries import Settlement
from digest.store.people_tables import DeliveryRow, EventRow, SubscriberRow
from digest.store.suppressions import insert_suppression

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_subscriber: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_event: Table = EventRow.__table__  # type: ignore[attr-defined]

_NEWEST = 20
"""Issues that are looked back at."""


def list_refusals(session: Session, subscriber_id: int) -> tuple[Answered, ...]:
    """The refusals of a person's present address since something was accepted, or an admin lifted its suppression."""
    present = select(_subscriber.c.address_key).where(_subscriber.c.id == subscriber_id).scalar_subquery()
    lifted = session.execute(
        select(func.max(_event.c.at)).where(
            _event.c.subscriber_id == subscriber_id, _event.c.kind == "subscriber.unsuppressed"
        )
    ).scalar()
    query = (
        select(*(_delivery.c[name] for name in ("state", "code", "enhanced", "phase")), _delivery.c.settled_at)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.address_key == present,
            _delivery.c.state.in_([str(DeliveryState.ACCEPTED), str(DeliveryState.REFUSED)]),
            _delivery.c.settled_at.is_not(None),
        )
        .order_by(_delivery.c.settled_at.desc(), _delivery.c.id.desc())
        .limit(_NEWEST)
    )
    if lifted:
        query = query.where(_delivery.c.settled_at > lifted)
    rows = session.execute(query)
    return count_refusals([
        Answered(state=DeliveryState(row.state), at=row.settled_at, code=row.code, enhanced=row.enhanced, phase=row.phase)
        for row in rows
    ])  # fmt: skip


def suppress_dead(session: Session, settlements: Sequence[Settlement], *, now: datetime) -> None:
    """Suppress whom these answers, with the ones before them, show to be dead. Call it once they are in the ledger."""
    for one in settlements:
        if one.step.blame is not Blame.ADDRESS:
            continue
        subscriber_id = one.delivery.subscriber_id
        refusals = list_refusals(session, subscriber_id)
        if not is_dead(refusals):
            continue
        hashed = session.execute(select(_subscriber.c.address_hash).where(_subscriber.c.id == subscriber_id)).scalar()
        last, first = refusals[0], refusals[-1]
        codes = " ".join(str(part) for part in (last.code, last.enhanced) if part)
        note = f"refused {len(refusals)} times since {first.at:%Y-%m-%d}, the last time with {codes}"
        if hashed and insert_suppression(session, hashed, reason=BOUNCED, note=note, now=now):
            events.record(session, "subscriber.suppressed", at=now, issue_id=one.delivery.issue_id,
                          subscriber_id=subscriber_id, reason=BOUNCED, code=codes, times=len(refusals))  # fmt: skip
