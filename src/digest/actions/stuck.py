"""Issues that are going out and do not move: nobody would notice, because nothing fails.

A server that answers 4yz to all of a list's mail, for weeks, refuses nothing; every turn ends well.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.actions.control import BY_HAND
from digest.core.model import Issue, Newsletter
from digest.core.pace import Pace, pace_for
from digest.core.states import IssueState
from digest.core.waves import windows_of
from digest.core.zones import say_local
from digest.store import sending
from digest.store.database import Database, Session
from digest.store.issues import list_issues
from digest.store.newsletters import newsletter_of_id

STUCK_AFTER = timedelta(hours=6)
"""Greylisting and a full relay are over by then; a delivery is given up only after 48 hours."""
FEW = 10
"""Up to a tenth of an issue's readers, and one in any case, may have full mailboxes without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """An issue that does not move, and why, without addresses."""

    newsletter: str  # its slug
    number: int | None
    reason: str
    next_step: str


def list_stuck(database: Database, *, now: datetime, pace: Pace | None = None) -> tuple[Stuck, ...]:
    """Issues in `sending` of which nothing came to rest for `STUCK_AFTER` or in a whole window, and those that a failure paused.

    Not one that waits for a few full mailboxes alone: nothing is to be mended, and who is given up in the end is told.
    """
    with database.read() as session:
        issues = list_issues(session, states=(IssueState.SENDING, IssueState.PAUSED))
        judged = ((issue, _judge(session, issue, now, pace)) for issue in issues)
        return tuple(stuck for issue, stuck in judged if stuck and not _waits_for_mailboxes(session, issue, now))


def _waits_for_mailboxes(session: Session, issue: Issue, now: datetime) -> bool:
    if issue.state is IssueState.PAUSED:
        return False
    due, theirs = sending.count_overdue(session, issue.id, now=now)
    return 0 < due == theirs <= max(1, (issue.expected or 0) // FEW)


def _judge(session: Session, issue: Issue, now: datetime, pace: Pace | None) -> Stuck | None:
    newsletter = newsletter_of_id(session, issue.newsletter_id)
    slug = newsletter.slug
    name = f"{issue.number} --newsletter {slug}"
    if issue.state is IssueState.PAUSED:
        if issue.reason == BY_HAND:
            return None
        return Stuck(newsletter=slug, number=issue.number, reason="paused by a failure",
                     next_step=f"digest issue show {name} says why; then digest issue resume {name}")  # fmt: skip
    overdue = sending.overdue_since(session, issue.id, now=now)
    if issue.expected and overdue is None:  # all that is left waits for its readers' hour
        return None
    moved = sending.moved_at(session, issue.id) or issue.sending_at or issue.due_at
    moved = max(moved, overdue or moved)
    pace = pace_for(pace, windows_of(newsletter))
    if pace and pace.closed_until(newsletter.zone, now):
        opened = pace.window_missed(newsletter.zone, moved, now)
        return _missed(session, newsletter, issue, opened) if opened else None
    if pace and (began := pace.began_at(newsletter.zone, now)):
        moved = max(moved, began)
    if now - moved < STUCK_AFTER:
        return None
    since = f"no message has come through since {say_local(moved, newsletter.zone, weekday=False)}"
    code = sending.deferred_with(session, issue.id, since=issue.sending_at or issue.due_at)
    return _waits(newsletter, issue, since, code)


def _missed(session: Session, newsletter: Newsletter, issue: Issue, opened: datetime) -> Stuck:
    """As a rule a cron line runs too seldom, never while the window is open; unless the mail server took nothing in it."""
    began = say_local(opened, newsletter.zone, weekday=False)
    why = f"no message has come through in its sending window, which opened {began}"
    if code := sending.deferred_with(session, issue.id, since=opened):
        return _waits(newsletter, issue, why, code)
    return Stuck(newsletter=newsletter.slug, number=issue.number, reason=why,
                 next_step="let digest run while it is open: digest serve, or a cron line of every five minutes")  # fmt: skip


def _waits(newsletter: Newsletter, issue: Issue, why: str, code: int | None) -> Stuck:
    return Stuck(newsletter=newsletter.slug, number=issue.number,
                 reason=f"{why}; the mail server answers {code}" if code else why,
                 next_step=f"digest delivery list {issue.number} --newsletter {newsletter.slug}")  # fmt: skip
