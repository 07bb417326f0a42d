"""The admin's hand on an issue that goes out: pause, resume, cancel; and on what nobody knows of."""

from datetime import datetime

from digest.core.model import Issue, Newsletter
from digest.core.states import DeliveryState, IssueState
from digest.errors import Conflict, NothingToDo
from digest.store import deliveries as ledger
from digest.store import sending
from digest.store.database import Session
from digest.store.issues import move_issue

BY_HAND = "by the admin"


def pause_issue(session: Session, issue: Issue, *, now: datetime) -> None:
    """Stop an issue that goes out: no final dot after this, anywhere.

    Raises:
        Conflict: it is not going out.
    """
    if not sending.pause(session, issue.id, reason=BY_HAND, now=now):
        raise _conflict(issue, "paused", "only one that is sending can be")


def resume_issue(session: Session, issue: Issue, *, now: datetime) -> None:
    """Let a paused issue go on where it stopped.

    Raises:
        Conflict: it is not paused.
    """
    if not sending.resume(session, issue.id, now=now):
        raise _conflict(issue, "resumed", "only a paused one can be")


def cancel_issue(session: Session, issue: Issue, *, now: datetime) -> None:
    """Stop an issue for good; who has not got it will not get it.

    Raises:
        Conflict: it is done, skipped or cancelled already.
    """
    if not sending.cancel(session, issue.id, reason=BY_HAND, now=now):
        raise _conflict(issue, "cancelled", "its mail is out, or it never had any")


def resolve_uncertain(
    session: Session, newsletter: Newsletter, issue: Issue, *, to: DeliveryState, addresses: tuple[str, ...] = (),
    now: datetime,
) -> int:  # fmt: skip
    """Say what became of messages that nobody knows of: `accepted`, or `queued` to send them again.

    Sending again can give a reader a second copy; that is why only an admin does it. No addresses: all of them. Who was
    refused or given up can be sent to again as well, but only by name.

    Raises:
        NothingToDo: none of them is uncertain.
    """
    states = [DeliveryState.UNCERTAIN]
    if addresses and to is DeliveryState.QUEUED:
        states += [DeliveryState.REFUSED, DeliveryState.EXPIRED]
    rows = [one for state in states for one in ledger.list_deliveries(session, issue.id, state=state)]
    chosen = [one.id for one in rows if not addresses or one.address in addresses]
    if not chosen:
        raise NothingToDo(f"no such delivery of {newsletter.slug} {issue.number} is {' or '.join(states)}")
    moved = ledger.resolve(session, chosen, to=to, now=now, from_states=states)
    if to is DeliveryState.QUEUED:  # the issue goes out again, for these
        move_issue(session, issue_id=issue.id, state=IssueState.SENDING, from_states=(IssueState.DONE,), done_at=None)
    return moved


def _conflict(issue: Issue, what: str, why: str) -> Conflict:
    return Conflict(
        f"issue {issue.number} is {issue.state} and cannot be {what}: {why}", next_step="digest issue list shows each"
    )
