"""One issue on its way out in this process, and its steps in the store. Every step is short and made for a thread."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from digest.actions.subject_tests import begin_test
from digest.clock import Clock
from digest.core.id_set import IdSet
from digest.core.message import Composer, lay_out
from digest.core.model import Issue, Newsletter
from digest.core.pace import Pace, pace_for
from digest.core.people import Sign
from digest.core.states import DeliveryState, IssueState
from digest.core.waves import windows_of
from digest.core.zones import say_local
from digest.errors import DigestError
from digest.mail.transport import Transport
from digest.store import deliveries as ledger
from digest.store import destinations, monitors, sending, waves
from digest.store.counting import count_quickly
from digest.store.database import Database, Session
from digest.store.issues import get_issue, list_variants
from digest.store.newsletters import newsletter_of_id
from digest.store.paced_claims import PacedClaims
from digest.store.spool import Spool


@dataclass(slots=True, kw_only=True)
class IssueReport:
    """What this run did for one issue; counts are this run's."""

    issue_id: int
    newsletter: str
    number: int | None
    expected: int = 0
    accepted: int = 0
    deferred: int = 0
    refused: int = 0
    expired: int = 0  # given up after 48 hours
    uncertain: int = 0
    turned_away: int = 0
    done: bool = False
    paused: str | None = None
    cure: str | None = None  # what to do about that, where resuming it is not enough
    stopped: str | None = None  # "paused: by the admin": by somebody else, while this run sent it
    waits_until: datetime | None = None  # its sending window opens then
    next_wave: datetime | None = None  # more of its readers are due then, by their own clocks

    @property
    def touched(self) -> bool:
        """Whether this run did anything for it."""
        sent = self.accepted or self.deferred or self.refused or self.expired or self.uncertain or self.turned_away
        return bool(sent or self.done or self.paused or self.stopped)

    @property
    def has_failed(self) -> bool:
        """Whether somebody does not get it, or nobody does for now."""
        return bool(self.refused or self.expired or self.uncertain or self.paused or self.stopped)

    @property
    def settled(self) -> int:
        """Deliveries that came to rest in this run."""
        return self.accepted + self.refused + self.expired + self.uncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What every step of a run needs: who sends, by what, and how patiently."""

    database: Database
    transport: Transport
    key: bytes  # of Message-IDs
    link_key: bytes | None  # of links; None: the same
    base_url: str | None
    clock: Clock
    owner: str
    concurrency: int
    stop: asyncio.Event
    on_progress: Callable[[int, int], None]  # more at rest; more, or fewer, that are to be tried again
    on_issue: Callable[[int, int], None]  # at rest, of so many
    signer: Sign | None  # DKIM; None where the relay signs
    claim_lease: timedelta
    dot_lease: timedelta
    spool: Spool | None
    pace: Pace | None = None  # None: as fast as it goes


@dataclass(slots=True)
class IssueRun:
    """One issue on its way, in this process."""

    issue: Issue
    newsletter: Newsletter
    composers: dict[int, Composer]  # by variant
    report: IssueReport
    accepted_before: int
    settled_before: int
    base_url: str | None  # as it was when the issue began to go out, like the newsletter's sender
    seen: IdSet = field(default_factory=IdSet)  # accepted in this process
    waiting: IdSet = field(default_factory=IdSet)  # sent back to the queue in this run, and to be tried again
    over: bool = False  # no lane takes another
    problem: DigestError | None = None
    sender_refusals: int = 0


def reap(sender: Sender) -> ledger.Reaped:
    """What dead processes left behind, and wrong clocks; first what they still knew."""
    if sender.spool:
        sender.spool.take_up(sender.database)
    with sender.database.write() as session:
        destinations.forget_impossible(session, now=sender.clock())
        return ledger.reap(session, now=sender.clock())


def sending_ids(sender: Sender) -> tuple[int, ...]:
    """The issues that are going out, oldest first."""
    with sender.database.read() as session:
        return sending.sending_issues(session)


def load_run(sender: Sender, issue_id: int) -> IssueRun:
    """The issue with what makes its messages, its deliveries made by whoever comes first.

    Raises:
        Conflict: it was never rendered.
        MessageError: its template or its newsletter's addresses cannot make a message.
    """
    with sender.database.write() as session:
        now = sender.clock()
        if sending.start_sending(session, issue_id, now=now) is not None:
            begin_test(session, issue_id, now=now)
        newsletter, base_url = _keep_sender(session, issue_id, sender.base_url)
    with sender.database.read() as session:
        issue = get_issue(session, issue_id)
        counts = count_quickly(session, issue_id)
        report = IssueReport(issue_id=issue.id, newsletter=newsletter.slug, number=issue.number,
                             expected=issue.expected or 0)  # fmt: skip
        at_rest = sum(number for state, number in counts.items() if state not in sending.OPEN)
        return IssueRun(issue, newsletter, _composers(sender, session, issue, newsletter, base_url), report,
                        accepted_before=counts.get(DeliveryState.ACCEPTED, 0), settled_before=at_rest, base_url=base_url,
                        sender_refusals=issue.sender_refusals)  # fmt: skip


def has_due(sender: Sender, run: IssueRun) -> bool:
    """Whether anything can be claimed now; where nothing could, what waits for the times of a wrong clock may."""
    issue_id, now = run.issue.id, sender.clock()
    with sender.database.read() as session:
        if sending.has_due(session, issue_id, now=now):
            return True
        if not sending.has_answer_ahead(session, issue_id, now=now):
            return False
    with sender.database.write() as session:
        sending.free_answered_ahead(session, issue_id, now=now)
        return sending.has_due(session, issue_id, now=now)


def closed_until(sender: Sender, run: IssueRun) -> datetime | None:
    """When the sending window opens; None where it is open, or there is none."""
    pace = _pace(sender, run)
    return pace.closed_until(run.newsletter.zone, sender.clock()) if pace else None


def paced_claims(sender: Sender, run: IssueRun) -> PacedClaims | None:
    """Claims that keep the pace, where there is one."""
    pace = _pace(sender, run)
    return PacedClaims(pace, issue_id=run.issue.id, zone=run.newsletter.zone) if pace else None


def keep_quiet(sender: Sender, run: IssueRun) -> None:
    """What is due in its reader's quiet hours waits for their end."""
    if run.newsletter.quiet_hours:
        with sender.database.write() as session:
            waves.keep_quiet(session, run.issue.id, waves.waves_of(session, run.issue), now=sender.clock())


def next_wave(sender: Sender, run: IssueRun) -> datetime | None:
    """When more of its readers are due, by their own clocks."""
    with sender.database.read() as session:
        return waves.next_wave(session, now=sender.clock(), issue_id=run.issue.id)


def why_stuck(sender: Sender, run: IssueRun) -> str | None:
    """What keeps mail back that is days late, as a new issue would be: a person decides (docs/delivery.md)."""
    now = sender.clock()
    with sender.database.read() as session:
        since = sending.waiting_since(session, run.issue.id, now=now)
    pace = _pace(sender, run)
    if since and pace and (began := pace.began_at(run.newsletter.zone, now)):
        since = max(since, began)
    if since is None or now - since <= timedelta(hours=run.newsletter.max_late_hours):
        return None
    hours = (now - since).total_seconds() / 3600
    return f"nothing could be sent for {hours:.0f} hours, since {say_local(since, run.newsletter.zone, weekday=False)}"


def standing(sender: Sender, run: IssueRun) -> tuple[IssueState, str | None]:
    """The issue's state now, which others may change at any moment, and its reason."""
    with sender.database.read() as session:
        return sending.standing(session, run.issue.id)


def find_fault(sender: Sender, run: IssueRun, *, at_end: bool = False) -> str | None:
    """What the ledger says of this issue that cannot be."""
    with sender.database.read() as session:
        wrong = monitors.find_wrong_sum(session, run.issue.id)
        return wrong or (None if at_end else monitors.find_doubled(session, run.issue.id))


def finish_issue(sender: Sender, run: IssueRun) -> bool:
    """Whether this call found everything at rest and closed the issue."""
    with sender.database.write() as session:
        return sending.finish(session, run.issue.id, now=sender.clock())


def pause_issue(sender: Sender, run: IssueRun, reason: str) -> None:
    """No final dot after this."""
    with sender.database.write() as session:
        sending.pause(session, run.issue.id, reason=reason, now=sender.clock())


def _pace(sender: Sender, run: IssueRun) -> Pace | None:
    return pace_for(sender.pace, windows_of(run.newsletter))


def _keep_sender(session: Session, issue_id: int, base_url: str | None) -> tuple[Newsletter, str | None]:
    """The newsletter with the sender, and the web address, that this issue began with."""
    newsletter = newsletter_of_id(session, get_issue(session, issue_id).newsletter_id)
    now = {name: getattr(newsletter, name) for name in ("name", "sender_name", "sender_address", "reply_to")}
    kept = sending.keep_sender(session, issue_id, {**now, "base_url": base_url})
    web = kept.pop("base_url")
    return replace(newsletter, **kept), web


def _composers(
    sender: Sender, session: Session, issue: Issue, newsletter: Newsletter, base_url: str | None
) -> dict[int, Composer]:
    lay = partial(lay_out, newsletter=newsletter, issue_id=issue.id, merge_key=issue.merge_key)
    return {
        variant.id: Composer(
            lay(variant.rendered, language=variant.language),
            key=sender.key,
            link_key=sender.link_key,
            base_url=base_url,
            to_sign=sender.signer is not None,
        )
        for variant in list_variants(session, issue.id)
        if variant.rendered
    }
