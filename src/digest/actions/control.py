"""The admin's hand on an issue that goes out: pause, resume, cancel; and on what nobody knows of."""

from datetime import datetime

from digest.actions.choose_issue import choose_issue
from digest.core.addresses import address_key
from digest.core.model import Issue, Newsletter
from digest.core.states import DeliveryState, IssueState
from digest.errors import Conflict, NothingToDo, UsageError
from digest.store import held, sending
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
        raise _conflict(issue, "cancelled", "only one that waits, goes out or is paused can be")


def only_uncertain(session: Session, newsletter: Newsletter) -> Issue:
    """The only issue of the newsletter that holds uncertain deliveries.

    Raises:
        NothingToDo: there is none.
        UsageError: there are several.
    """
    numbers = held.issues_with_uncertain(session, newsletter.id)
    if not numbers:
        raise NothingToDo(f"no delivery of {newsletter.slug} is uncertain")
    if len(numbers) > 1:
        told = ", ".join(map(str, numbers))
        raise UsageError(
            f"{len(numbers)} issues of {newsletter.slug} have uncertain deliveries", next_step=f"say which: {told}"
        )
    return choose_issue(session, newsletter, numbers[0])


def count_resolvable(
    session: Session, newsletter: Newsletter, issue: Issue, *, to: DeliveryState, addresses: tuple[str, ...] = (),
    only_uncertain: bool = False,
) -> int:  # fmt: skip
    """How many `resolve_uncertain` would move.

    Raises:
        NothingToDo: none.
        Conflict: they would be queued in an issue that goes no further.
    """
    if to is DeliveryState.QUEUED and issue.state is IssueState.CANCELLED:
        raise _conflict(issue, "sent again", "it goes no further")
    states = _states(to, addresses, only_uncertain=only_uncertain)
    chosen = held.count_held(session, issue.id, states=states, address_keys=_keys(addresses))
    if not chosen:
        raise NothingToDo(f"no such delivery of {newsletter.slug} {issue.number} is {' or '.join(states)}")
    return chosen


def resolve_uncertain(
    session: Session, newsletter: Newsletter, issue: Issue, *, to: DeliveryState, addresses: tuple[str, ...] = (),
    only_uncertain: bool = False, now: datetime,
) -> int:  # fmt: skip
    """Say what became of messages that nobody knows of: `accepted`, or `queued` to send them again.

    Sending again can give a reader a second copy; that is why only an admin does it. No addresses: all of them. Who was
    refused or given up can be sent to again as well, but only by name.

    Raises:
        NothingToDo: none of them is uncertain.
        Conflict: they would be queued in an issue that goes no further.
    """
    count_resolvable(session, newsletter, issue, to=to, addresses=addresses, only_uncertain=only_uncertain)
    states = _states(to, addresses, only_uncertain=only_uncertain)
    moved = held.resolve_held(session, issue.id, to=to, states=states, address_keys=_keys(addresses), now=now)
    if to is DeliveryState.QUEUED:  # the issue goes out again, for these
        move_issue(session, issue_id=issue.id, state=IssueState.SENDING, from_states=(IssueState.DONE,), done_at=None)
    return moved


def _states(to: DeliveryState, addresses: tuple[str, ...], *, only_uncertain: bool) -> list[DeliveryState]:
    if addresses and to is DeliveryState.QUEUED and not only_uncertain:
        return [DeliveryState.UNCERTAIN, DeliveryState.REFUSED, DeliveryState.EXPIRED]
    return [DeliveryState.UNCERTAIN]


def _keys(addresses: tuple[str, ...]) -> list[str] | None:
    return [address_key(address) for address in addresses] or None


def _conflict(issue: Issue, what: str, why: str) -> Conflict:
    return Conflict(
        f"issue {issue.number} is {issue.state} and cannot be {what}: {why}", next_step="digest issue list shows each"
    )
