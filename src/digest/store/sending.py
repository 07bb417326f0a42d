"""An issue on its way out: its deliveries made at once, counted, and finished when every one has come to rest."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal_column, null, or_, select, update
from sqlmodel import Session

from digest.core.destination import MAILBOX_ALONE
from digest.core.policy import SENDER_REFUSED
from digest.core.states import DeliveryState, IssueState
from digest.errors import NotFound
from digest.store import events
from digest.store.conditions import LONGEST, is_welcome
from digest.store.destinations import forget_destinations
from digest.store.owed import hold_readers
from digest.store.people_tables import DeliveryRow, SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.recipients import make_deliveries
from digest.store.tables import CadenceRow, IssueRow, NewsletterRow, VariantRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_variant = VariantRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]

UNFINISHED = (IssueState.FROZEN, IssueState.DRAFT, IssueState.SENDING, IssueState.PAUSED)
"""An issue that may still go out."""
OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.INFLIGHT)
"""What the ledger moves on by itself: a held, uncertain delivery does not keep its issue open."""


def sending_issues(session: Session) -> tuple[int, ...]:
    """Ids of the issues that are going out, oldest first."""
    query = select(_issue.c.id).where(_issue.c.state == str(IssueState.SENDING)).order_by(_issue.c.id)
    return tuple(session.execute(query).scalars())


def issues_on_their_way(session: Session) -> tuple[tuple[str, int], ...]:
    """Newsletter and number of the issues of which a message may be tried again: sending, or paused after they began."""
    under_way = [str(IssueState.SENDING), str(IssueState.PAUSED)]
    query = (
        select(_newsletter.c.slug, _issue.c.number)
        .join(_newsletter, _newsletter.c.id == _issue.c.newsletter_id)
        .where(_issue.c.state.in_(under_way), _issue.c.expected.is_not(None))
    )
    return tuple((row.slug, row.number) for row in session.execute(query.order_by(_issue.c.id)))


def start_sending(session: Session, issue_id: int, *, now: datetime) -> int | None:
    """Make the deliveries of a sending issue: one INSERT … SELECT, their number kept on the issue.

    One row per active, unpaused subscription of its newsletter and cadence whose address is not suppressed
    (store/recipients). None where another process has done it, or the issue is not sending.

    Raises:
        Conflict: the issue was never rendered.
    """
    # What readers change meanwhile, they change before all of this or after it.
    hold_readers(session, session.execute(select(_issue.c.newsletter_id).where(_issue.c.id == issue_id)).scalar_one())
    won = session.execute(
        update(_issue)
        .where(_issue.c.id == issue_id, _issue.c.state == str(IssueState.SENDING), _issue.c.expected.is_(None))
        .values(expected=0, sending_at=func.coalesce(_issue.c.sending_at, now))
        .returning(_issue.c.id)
    ).first()
    if won is None:
        return None
    told = make_deliveries(session, issue_id, now=now)
    # Counted, not taken from the driver: Postgres gives no row count for this statement.
    made = int(session.execute(select(func.count()).where(_delivery.c.issue_id == issue_id)).scalar_one())
    session.execute(update(_issue).where(_issue.c.id == issue_id).values(expected=made))
    events.record(session, "issue.sending", at=now, issue_id=issue_id, expected=made, **told)
    return made


def finish(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Sending → done, once no delivery is queued, claimed or in flight. Whether this call did it.

    Uncertain ones count as at rest and stay listed. An erased person's row stays too, without a name, so that the
    numbers still add up.
    """
    unfinished = exists().where(_delivery.c.issue_id == issue_id, _delivery.c.state.in_([str(state) for state in OPEN]))
    moved = session.execute(
        update(_issue)
        .where(
            _issue.c.id == issue_id,
            _issue.c.state == str(IssueState.SENDING),
            _issue.c.expected.is_not(None),
            ~unfinished,
        )
        .values(state=str(IssueState.DONE), done_at=now)
    )
    if not moved.rowcount:  # type: ignore[attr-defined]
        return False
    counts: dict[str, Any] = {str(state): number for state, number in count_deliveries(session, issue_id).items()}
    events.record(session, "issue.done", at=now, issue_id=issue_id, **counts)
    return True


def standing(session: Session, issue_id: int) -> tuple[IssueState, str | None]:
    """An issue's state and its reason; a row of two short columns, for who asks once a second."""
    row = session.execute(select(_issue.c.state, _issue.c.reason).where(_issue.c.id == issue_id)).one()
    return IssueState(row.state), row.reason


def count_expected(session: Session, issue_id: int) -> int | None:
    """How many deliveries were made when the issue began to go out; None before."""
    made: int | None = session.execute(select(_issue.c.expected).where(_issue.c.id == issue_id)).scalar_one()
    return made


def pause(session: Session, issue_id: int, *, reason: str, now: datetime) -> bool:
    """Sending → paused: takes effect up to each final dot. Whether this call did it."""
    return _move(session, issue_id, (IssueState.SENDING,), IssueState.PAUSED, reason=reason, now=now)


def resume(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Paused → sending, where it stopped. Whether this call did it.

    Somebody has mended what was wrong, so counts begin anew: the 48 hours of each delivery, the refusals of the sender
    (who waits because of one is due at once), destinations that wait, and as whom the issue goes out.
    """
    anew = {"resumed_at": now, "sender_refusals": 0, "sender": None}
    if not _move(session, issue_id, (IssueState.PAUSED,), IssueState.SENDING, reason=None, now=now, **anew):
        return False
    waits = case((_delivery.c.reason == SENDER_REFUSED, null()), else_=_delivery.c.not_before)
    session.execute(
        update(_delivery)
        .where(_delivery.c.issue_id == issue_id, _delivery.c.state == literal_column("'queued'"))
        .values(trying_since=None, not_before=waits)
    )
    forget_destinations(session)
    return True


def cancel(session: Session, issue_id: int, *, reason: str, now: datetime) -> bool:
    """The issue goes no further; what is queued or claimed is skipped. Mail that is out is out."""
    if not _move(session, issue_id, UNFINISHED, IssueState.CANCELLED, reason=reason, now=now):
        return False
    session.execute(
        update(_delivery)
        .where(
            _delivery.c.issue_id == issue_id,
            _delivery.c.state.in_([str(DeliveryState.QUEUED), str(DeliveryState.CLAIMED)]),
        )
        .values(state=str(DeliveryState.SKIPPED), reason="the issue was cancelled", lease_until=None, settled_at=now)
    )
    return True


def count_deliveries(session: Session, issue_id: int) -> Mapping[DeliveryState, int]:
    """How many of an issue's deliveries are in each state; states without any are left out."""
    query = select(_delivery.c.state, func.count()).where(_delivery.c.issue_id == issue_id).group_by(_delivery.c.state)
    return {DeliveryState(state): number for state, number in session.execute(query)}


def waiting_since(session: Session, issue_id: int, *, now: datetime) -> datetime | None:
    """Since when something could have gone out and nothing did; None where nothing is due.

    The latest of: the issue began or was resumed, a server answered for it, its first queued delivery became due. So
    one that waits out its deferrals, or its destination's, never looks stuck, and a long queue that moves does not either.
    """
    began = session.execute(select(_issue.c.sending_at, _issue.c.resumed_at).where(_issue.c.id == issue_id)).one()
    start = max(at for at in (*began, datetime.min.replace(tzinfo=UTC)) if at)
    first_due = select(func.count(), func.min(func.coalesce(_delivery.c.not_before, start))).where(
        _delivery.c.issue_id == issue_id,
        _delivery.c.state == literal_column("'queued'"),
        or_(_delivery.c.not_before.is_(None), _delivery.c.not_before <= now),
        is_welcome(),
    )
    due, since = session.execute(first_due).one()
    answered = session.execute(
        select(func.max(_delivery.c.settled_at)).where(_delivery.c.issue_id == issue_id)
    ).scalar()
    return max(at for at in (start, since, answered) if at) if due else None


def keep_sender(session: Session, issue_id: int, sender: dict[str, Any]) -> dict[str, Any]:
    """As whom an issue goes out: as it was when it began or was last resumed, whatever was edited since."""
    session.execute(update(_issue).where(_issue.c.id == issue_id, _issue.c.sender.is_(None)).values(sender=sender))
    kept: dict[str, Any] = session.execute(select(_issue.c.sender).where(_issue.c.id == issue_id)).scalar_one()
    return kept


def moved_at(session: Session, issue_id: int) -> datetime | None:
    """When the newest delivery of an issue came to rest, or it last began to send or to go on."""
    rest = select(func.max(_delivery.c.settled_at)).where(
        _delivery.c.issue_id == issue_id, _delivery.c.state.not_in([str(state) for state in OPEN])
    )
    moves = [event.at for event in events.list_events(session, kind="issue.sending", issue_id=issue_id)]
    return max((at for at in (session.execute(rest).scalar(), *moves) if at), default=None)


def overdue_since(session: Session, issue_id: int, *, now: datetime) -> datetime | None:
    """Since when something has been due that has not come through; None where all that is left waits for its first time."""
    first = case((_delivery.c.settled_at.is_not(None), _delivery.c.trying_since), else_=_delivery.c.not_before)
    began = func.coalesce(first, _issue.c.sending_at, _issue.c.due_at)
    query = select(func.min(began)).join(_issue, _issue.c.id == _delivery.c.issue_id).where(_overdue(issue_id, now=now))
    found: datetime | None = session.execute(query).scalar()
    return found


def count_overdue(session: Session, issue_id: int, *, now: datetime) -> tuple[int, int]:
    """How many deliveries are due and have not come through; and of how many the last answer spoke of their own mailbox."""
    theirs_alone = _delivery.c.enhanced.in_(MAILBOX_ALONE)
    query = select(func.count(), func.count(case((theirs_alone, 1)))).where(_overdue(issue_id, now=now))
    due, theirs = session.execute(query).one()
    return due, theirs


def _overdue(issue_id: int, *, now: datetime) -> ColumnElement[bool]:
    """Due and open: its time has come, or it was tried already."""
    return and_(
        _delivery.c.issue_id == issue_id,
        _delivery.c.state.in_([str(state) for state in OPEN]),
        or_(_delivery.c.not_before.is_(None), _delivery.c.not_before <= now, _delivery.c.settled_at.is_not(None)),
    )


def deferred_with(session: Session, issue_id: int, *, since: datetime) -> int | None:
    """The newest reply code of the deliveries that are to be tried again, of those answered since then."""
    query = select(_delivery.c.code).where(
        _delivery.c.issue_id == issue_id,
        _delivery.c.state == str(DeliveryState.QUEUED),
        _delivery.c.code.is_not(None),
        _delivery.c.settled_at >= since,
    )
    return session.execute(query.order_by(_delivery.c.settled_at.desc()).limit(1)).scalar()


def has_due(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Whether a delivery of this issue waits to be claimed now."""
    query = (
        select(_delivery.c.id)
        .where(
            _delivery.c.issue_id == issue_id,
            _delivery.c.state == literal_column("'queued'"),  # written out for the partial index
            or_(_delivery.c.not_before.is_(None), _delivery.c.not_before <= now),
            is_welcome(at=now),
        )
        .limit(1)
    )
    return session.execute(query).first() is not None


def has_answer_ahead(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Whether a delivery of this issue waits because of an answer that a clock noted which was set back since."""
    query = select(_delivery.c.id).where(_answered_ahead(issue_id, now)).limit(1)
    return session.execute(query).first() is not None


def free_answered_ahead(session: Session, issue_id: int, *, now: datetime) -> None:
    """Those are due now: by their own times they would wait until the clock is there again."""
    session.execute(update(_delivery).where(_answered_ahead(issue_id, now)).values(not_before=None))


def _answered_ahead(issue_id: int, now: datetime) -> ColumnElement[bool]:
    return and_(
        _delivery.c.issue_id == issue_id,
        _delivery.c.state == literal_column("'queued'"),
        _delivery.c.settled_at > now + LONGEST,
    )


def _move(
    session: Session,
    issue_id: int,
    before: tuple[IssueState, ...],
    to: IssueState,
    *,
    reason: str | None,
    now: datetime,
    **fields: Any,
) -> bool:
    moved = session.execute(
        update(_issue)
        .where(_issue.c.id == issue_id, _issue.c.state.in_([str(state) for state in before]))
        .values(state=str(to), reason=reason, **fields)
    )
    if moved.rowcount:  # type: ignore[attr-defined]
        why: dict[str, Any] = {"reason": reason} if reason else {}
        events.record(session, f"issue.{to}", at=now, issue_id=issue_id, **why)
        return True
    if session.execute(select(_issue.c.id).where(_issue.c.id == issue_id)).first() is None:
        raise NotFound(f"there is no issue {issue_id}", next_step="run: digest issue list")
    return False
