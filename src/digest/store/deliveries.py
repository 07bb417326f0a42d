"""The ledger's moves, one delivery at a time. Every one is compare-and-set; the row count is the truth.

    queued ─claim─▶ claimed ─mark─▶ inflight ─settle─▶ accepted | refused | queued | uncertain | expired
    claimed, lease over ─▶ queued        inflight, lease over ─▶ uncertain, never back to queued

Leases affect progress only: whoever lost a claim fails at the mark, before the message's final dot.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    case,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlmodel import Session

from digest.core.people import Claimed, Delivery, Outcome
from digest.core.policy import Blame, NextStep
from digest.core.states import DeliveryState, IssueState
from digest.store.claiming import CLAIM
from digest.store.conditions import (
    is_eligible,
    is_held,
    is_in,
    is_in_by_key,
    is_past,
    is_subscribed,
    is_suppressed,
    issue_is,
)
from digest.store.json_rows import JsonRows
from digest.store.outcome_columns import LONGEST_REPLY, outcome_columns
from digest.store.owed import give_back
from digest.store.people_tables import DeliveryRow
from digest.store.statements import changed_rows
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]

_COLUMNS = tuple(_delivery.c[field.name] for field in fields(Delivery))
_WAITS = tuple(str(state) for state in (DeliveryState.CLAIMED, DeliveryState.INFLIGHT, DeliveryState.UNCERTAIN))
"""States that an answer may still be written on."""

Columns = tuple[ColumnElement[Any], ...]
"""Of rows that are given: parameters, or columns of a JSON array."""


class Settlement(NamedTuple):
    """What became of one delivery."""

    delivery: Claimed
    outcome: Outcome
    step: NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What the reaper found: claims that go back, and messages of which nobody knows."""

    queued: int
    uncertain: int


def claim(
    session: Session, issue_id: int, *, owner: str, limit: int, now: datetime, lease_until: datetime
) -> tuple[Claimed, ...]:
    """Take up to `limit` deliveries that are due. Those whose reader may no longer get mail are skipped here."""
    given = {"issue": issue_id, "new_owner": owner, "most": limit, "now": now, "lease": lease_until}
    return claim_eligible(session, partial(run_claim, session, CLAIM, given), now=now)


def run_claim(session: Session, statement: Any, given: dict[str, Any]) -> Iterable[Claimed]:
    """What `CLAIM` or `PROBE` takes with these parameters."""
    return (Claimed._make(row) for row in session.execute(statement, given))


def claim_eligible(session: Session, take: Callable[[], Iterable[Claimed]], *, now: datetime) -> tuple[Claimed, ...]:
    """What `take` claims, in order of id, without those that are skipped; again where all of them are."""
    while taken := sorted(take()):
        # Looked for first: as a rule there are none, and looking costs a third of an UPDATE that finds none.
        if not (unwanted := _ineligible(session, taken, now)):
            return tuple(taken)
        skipped = _skip_ineligible(session, _delivery.c.id.in_(unwanted), now=now)
        if left := tuple(delivery for delivery in taken if delivery.id not in skipped):
            return left
    return ()


def mark_inflight(
    session: Session, deliveries: Sequence[tuple[Claimed, str]], *, owner: str, now: datetime, lease_until: datetime
) -> frozenset[int]:
    """Claimed → inflight, in one statement that demands everything: the ids that may get their final dot.

    Claimed by this owner under this fence, the subscription active and not paused, the address not suppressed, the issue
    sending.
    Whoever is not among the ids must not be sent to; `turn_away` says what becomes of them. With each comes the
    Message-ID that it goes out under: evidence is found by it.
    """
    if not deliveries:
        return frozenset()
    rows = json.dumps([(one.id, one.fence, message_id) for one, message_id in deliveries])
    given = {"rows": rows, "holder": owner, "now": now, "lease": lease_until}
    return frozenset(session.execute(_mark(session.get_bind().dialect.name), given).scalars())


def marked_among(session: Session, deliveries: Sequence[Claimed]) -> frozenset[int]:
    """Those of these claims that are in flight."""
    query = select(_delivery.c.id, _delivery.c.fence, _delivery.c.owner).where(
        _delivery.c.id.in_([one.id for one in deliveries]), is_in(DeliveryState.INFLIGHT)
    )
    found = {tuple(row) for row in session.execute(query)}
    return frozenset(one.id for one in deliveries if (one.id, one.fence, one.owner) in found)


def turn_away(session: Session, deliveries: Sequence[Claimed], *, now: datetime) -> int:
    """What becomes of claims that failed at the mark: skipped with the reason, or queued while the issue waits.

    How many were still ours.
    """
    turned = sum(len(_skip_ineligible(session, _mine(delivery), now=now)) for delivery in deliveries)
    for delivery in deliveries:
        turned += changed_rows(
            session,
            update(_delivery)
            .where(_mine(delivery), _delivery.c.state == str(DeliveryState.CLAIMED), issue_is(IssueState.CANCELLED))
            .values(_skip("the issue was cancelled", now)),
        )
    return turned + release(session, deliveries)


def release(session: Session, deliveries: Iterable[Claimed]) -> int:
    """Claimed → queued: nothing was sent. How many were still ours."""
    released = 0
    for delivery in deliveries:
        released += changed_rows(
            session,
            update(_delivery)
            .where(_mine(delivery), is_in(DeliveryState.CLAIMED))
            .values(state=str(DeliveryState.QUEUED), owner=None, lease_until=None),
        )
    return released


def unsettled_among(session: Session, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Those whose rows still wait for an answer: asked where an attempt to write them may have been committed."""
    query = select(_delivery.c.id, _delivery.c.fence, _delivery.c.owner).where(
        _delivery.c.id.in_([one.delivery.id for one in settlements]), _delivery.c.state.in_(_WAITS)
    )
    found = {tuple(row) for row in session.execute(query)}
    return [one for one in settlements if (one.delivery.id, one.delivery.fence, one.delivery.owner) in found]


def address_of(session: Session, delivery_id: int) -> str:
    """Where a delivery goes."""
    return str(session.execute(select(_delivery.c.address).where(_delivery.c.id == delivery_id)).scalar_one())


def settle(session: Session, settlements: Iterable[Settlement], *, now: datetime) -> int:
    """Write down what the server said; how many rows took it.

    An answer that comes after the lease is still the truth: a row that the reaper called uncertain takes it, because
    owner and fence are untouched. Accepted is never written over a row that was not in flight.
    """
    settled = 0
    settlements = tuple(settlements)
    _count_refusals(session, settlements)
    accepted = [one for one in settlements if one.step.state is DeliveryState.ACCEPTED]
    settled += _settle_accepted(session, accepted, now=now)
    for settlement in settlements:
        if settlement.step.state is DeliveryState.ACCEPTED:
            continue
        settled += changed_rows(
            session,
            update(_delivery)
            .where(_mine(settlement.delivery), _delivery.c.state.in_(_WAITS))
            .values(_settled(settlement, now)),
        )
    return settled


def reap(session: Session, *, now: datetime) -> Reaped:
    """What the dead left behind. A claim goes back to the queue: its owner's mark will fail.

    A message in flight becomes uncertain and is never sent again by itself: its dot may have been answered. Owner and
    fence stay on it, so that an owner who was only slow can still say what happened.
    """
    over = and_(is_held(), is_past(_delivery.c.lease_until, now))
    queued = changed_rows(
        session,
        update(_delivery)
        .where(is_in(DeliveryState.CLAIMED), over)
        .values(state=str(DeliveryState.QUEUED), owner=None, lease_until=None),
    )
    uncertain = changed_rows(
        session,
        update(_delivery)
        .where(is_in(DeliveryState.INFLIGHT), over)
        .values(
            state=str(DeliveryState.UNCERTAIN),
            lease_until=None,
            reason="the sender stopped between the final dot and the reply",
            settled_at=now,
        ),
    )
    return Reaped(queued=queued, uncertain=uncertain)


def list_deliveries(
    session: Session, issue_id: int, *, state: DeliveryState | None = None, after: int = 0, limit: int | None = None
) -> tuple[Delivery, ...]:
    """An issue's rows of the ledger, in order of id: those after that id, so many at most."""
    query = select(*_COLUMNS).where(_delivery.c.issue_id == issue_id, _delivery.c.id > after)
    if state:
        query = query.where(_delivery.c.state == str(state))
    rows = session.execute(query.order_by(_delivery.c.id).limit(limit)).mappings()
    return tuple(_as_delivery(row) for row in rows)


def _settle_accepted(session: Session, settlements: Sequence[Settlement], *, now: datetime) -> int:
    """Nearly all of them, in one statement an owner. Never written on a row that was not in flight."""
    settled = 0
    for owner in {one.delivery.owner for one in settlements}:
        rows = [accepted_row(one) for one in settlements if one.delivery.owner == owner]
        given = {"rows": json.dumps(rows), "holder": owner, "now": now}
        done: Any = session.execute(_settle(session.get_bind().dialect.name), given)
        settled += int(done.rowcount)
    return settled


def accepted_row(settlement: Settlement) -> tuple[int, int, int | None, str | None, str, str]:
    """Id, fence, code, enhanced code, reply, phase."""
    delivery, outcome = settlement.delivery, settlement.outcome
    reply = outcome.reply[:LONGEST_REPLY].replace("\x00", "")  # Postgres keeps no NUL
    return delivery.id, delivery.fence, outcome.code, outcome.enhanced, reply, outcome.phase


def _ineligible(session: Session, taken: Sequence[Claimed], now: datetime) -> list[int]:
    """Those of these claims whose reader may no longer get mail."""
    rows = json.dumps([(one.id,) for one in taken])
    find = _find_ineligible(session.get_bind().dialect.name)
    return list(session.execute(find, {"rows": rows, "now": now}).scalars())


def _skip_ineligible(session: Session, which: ColumnElement[bool], *, now: datetime) -> frozenset[int]:
    """Claims whose reader may no longer get mail."""
    why = case((is_suppressed(), "suppressed"), (is_subscribed(), "paused"), else_="unsubscribed")
    moved = session.execute(
        update(_delivery)
        .where(which, is_in(DeliveryState.CLAIMED), not_(is_eligible(now)))
        .values(_skip(why, now))
        .returning(_delivery.c.id, _delivery.c.reason)
    ).all()
    give_back(session, [row.id for row in moved if row.reason == "paused"])
    return frozenset(row.id for row in moved)


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
    step = settlement.step
    values = outcome_columns(settlement.outcome, step, trying_since=_delivery.c.trying_since, now=now)
    # A queued row belongs to nobody; a settled one keeps the name of who settled it. The try was counted at the mark,
    # or, where the server answered before it, is counted here.
    owner = {"owner": None} if step.state is DeliveryState.QUEUED else {}
    return {**values, **owner, "tries": settlement.delivery.tries + 1}


def _mine(delivery: Claimed) -> ColumnElement[bool]:
    return and_(_delivery.c.id == delivery.id, _delivery.c.owner == delivery.owner, _delivery.c.fence == delivery.fence)


MARK_ROW = (BigInteger(), BigInteger(), String())
"""Id, fence, Message-ID."""


def mark_statement(row: Columns, *, again: bool = False) -> Any:
    """Claimed → inflight for each `MARK_ROW` held by `holder`, at `now`, until `lease`.

    `again` takes rows that are in flight, too: the same owner and fence marked them a moment ago in a commit whose
    answer was lost, and their dot is not out, because nobody told the lane to send it.
    """
    number, fence, message_id = row
    to_mark = (DeliveryState.CLAIMED, DeliveryState.INFLIGHT) if again else (DeliveryState.CLAIMED,)
    return (
        update(_delivery)
        .where(
            _delivery.c.id == number,
            _delivery.c.fence == fence,
            _delivery.c.owner == bindparam("holder"),
            or_(*map(is_in_by_key, to_mark)),
            issue_is(IssueState.SENDING),
            is_eligible(bindparam("now")),
        )
        .values(
            state=str(DeliveryState.INFLIGHT),
            lease_until=bindparam("lease"),
            # The try of a mark that stands is counted already.
            tries=_delivery.c.tries + (case((is_in(DeliveryState.CLAIMED), 1), else_=0) if again else 1),
            message_id=message_id,
        )
    )


SETTLE_ROW = (BigInteger(), BigInteger(), Integer(), String(), String(), String())
"""What `accepted_row` gives."""


def settle_statement(row: Columns) -> Any:
    """→ accepted for each `SETTLE_ROW` held by `holder`, at `now`."""
    number, fence, code, enhanced, reply, phase = row
    return (
        update(_delivery)
        .where(
            _delivery.c.id == number,
            _delivery.c.fence == fence,
            _delivery.c.owner == bindparam("holder"),
            or_(is_in_by_key(DeliveryState.INFLIGHT), is_in_by_key(DeliveryState.UNCERTAIN)),
        )
        .values(
            state=str(DeliveryState.ACCEPTED),
            not_before=None,
            reason=None,
            code=code,
            enhanced=enhanced,
            reply=reply,
            phase=phase,
            lease_until=None,
            settled_at=bindparam("now"),
        )
    )


def settle_and_mark(dialect: str) -> Any:
    """Both in one statement, of the `SETTLE_ROW`s in `settled` and the `MARK_ROW`s in `rows`; gives the ids that are marked.

    They see the ledger as it is before both: no delivery may be among the two.
    """
    settle = settle_statement(JsonRows(dialect, *SETTLE_ROW, name="settled").columns)
    mark = mark_statement(JsonRows(dialect, *MARK_ROW).columns).returning(_delivery.c.id)
    return mark.add_cte(settle.returning(_delivery.c.id).cte("answered"))


@cache
def _find_ineligible(dialect: str) -> Any:
    (number,) = JsonRows(dialect, BigInteger()).columns
    return select(_delivery.c.id).where(_delivery.c.id == number, not_(is_eligible(bindparam("now"))))


@cache
def _mark(dialect: str) -> Any:
    return mark_statement(JsonRows(dialect, *MARK_ROW).columns).returning(_delivery.c.id)


@cache
def _settle(dialect: str) -> Any:
    return settle_statement(JsonRows(dialect, *SETTLE_ROW).columns)


def _skip(reason: str | ColumnElement[str], now: datetime) -> dict[str, Any]:
    return {"state": str(DeliveryState.SKIPPED), "reason": reason, "lease_until": None, "settled_at": now}


def _as_delivery(row: Any) -> Delivery:
    return Delivery(**{**row, "state": DeliveryState(row["state"])})
