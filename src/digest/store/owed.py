"""What the ledger and the claims say of what a reader is owed (core/owed): read in the transaction that decides by it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import null, or_, select, update
from sqlmodel import Session

from digest.core.owed import Mark, Owed, owed_text
from digest.core.states import DeliveryState, IssueState, SubscriptionState
from digest.store.newsletters import get_cadence
from digest.store.people_tables import DeliveryRow, SubscriptionRow
from digest.store.statements import changed_rows
from digest.store.tables import IssueRow, NewsletterRow

_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]

_MAY_GO_OUT = tuple(str(one) for one in (IssueState.FROZEN, IssueState.DRAFT, IssueState.SENDING, IssueState.PAUSED))


def hold_still(session: Session, newsletter_id: int) -> None:
    """No issue of the newsletter begins to go out before the caller's transaction is over: what it decides by stays true.

    Readers do not wait for each other. On SQLite the writing transaction holds the whole database already.
    """
    session.execute(select(_newsletter.c.id).where(_newsletter.c.id == newsletter_id).with_for_update(read=True))


def hold_readers(session: Session, newsletter_id: int) -> None:
    """The other side of `hold_still`, for who makes an issue's deliveries. New subscriptions need not wait for it."""
    session.execute(select(_newsletter.c.id).where(_newsletter.c.id == newsletter_id).with_for_update(key_share=True))


def served_by(session: Session, cadence_id: int, *, now: datetime) -> Owed:
    """What a line's readers have been told by it: all up to its newest issue that has gone out."""
    line = _issue.c.cadence_id == cadence_id
    sent = select(_issue.c.id, _issue.c.period_end).where(line, _issue.c.expected.is_not(None))
    newest = session.execute(sent.order_by(_issue.c.id.desc()).limit(1)).first()
    if newest is None:
        cadence = get_cadence(session, cadence_id)
        until = min(cadence.last_slot_at or cadence.started_at, now)
        return Owed(marks=(Mark(line=cadence_id, issue=0, until=until),))
    waiting = select(_issue.c.id).where(
        line, _issue.c.id < newest.id, _issue.c.expected.is_(None), _issue.c.state.in_(_MAY_GO_OUT)
    )
    return Owed(
        marks=(Mark(line=cadence_id, issue=newest.id, until=newest.period_end),),
        waiting=tuple(session.execute(waiting.order_by(_issue.c.id)).scalars()),
    )


def take_back(session: Session, *, newsletter_id: int, subscriber_id: int, now: datetime) -> tuple[int, ...]:
    """A reader's deliveries of a newsletter that wait are skipped, as paused; the issues that they were of.

    One that is claimed, too: its owner then fails at the mark. What is in flight may be with the server already.
    """
    ours = select(_issue.c.id).where(_issue.c.newsletter_id == newsletter_id)
    moved = session.execute(
        update(_delivery)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.issue_id.in_(ours),
            or_(_delivery.c.state == str(DeliveryState.QUEUED), _delivery.c.state == str(DeliveryState.CLAIMED)),
        )
        .values(state=str(DeliveryState.SKIPPED), reason="paused", lease_until=None, settled_at=now)
        .returning(_delivery.c.issue_id)
    )
    return tuple(sorted(moved.scalars()))


def carry_over(session: Session, cadence_ids: Iterable[int | None], owed: Owed) -> int:
    """Write down what the readers of these cadences were told, before they go over to another one. How many those are.

    Who carries something already carries that on; who never was a reader has been told nothing.
    """
    chosen = [_subscription.c.cadence_id == one if one is not None else _subscription.c.cadence_id.is_(null())
              for one in cadence_ids]  # fmt: skip
    was_one = or_(_subscription.c.state == str(SubscriptionState.ACTIVE), _subscription.c.ended_at.is_not(None))
    these = update(_subscription).where(or_(*chosen), was_one, _subscription.c.owed.is_(None))
    return changed_rows(session, these.values(owed=owed_text(owed)))
