"""Deliver: what is `sending` goes out, by the ledger's moves.

 take up the spool ─▶ reap ─▶ make the deliveries ─▶ claim ─▶ compose ─▶ send … mark … dot ─▶ settle ─▶ finish
                                └──────────── lanes, several at once ─────────┘

Safe to run twice, in several processes at once, and to kill anywhere: nobody is lost, nobody gets a second copy, and
where the connection ended between the final dot and its reply, the delivery is held as uncertain.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from digest.actions.issue_run import IssueReport, Sender, load_run, reap, sending_ids
from digest.actions.lanes import send_issue
from digest.actions.watcher import tell_end
from digest.clock import Clock
from digest.core.addresses import hide_addresses
from digest.core.pace import Pace
from digest.core.people import Sign
from digest.errors import DatabaseError, DigestError, SettingsError, TryLater
from digest.mail.transport import Transport
from digest.store.database import Database
from digest.store.spool import Spool

__all__ = ["DeliverReport", "IssueReport", "deliver"]

log = logging.getLogger(__name__)

_STOPS_ALL = (TryLater, DatabaseError, SettingsError)
"""What would meet the next issue too."""

CLAIM_LEASE = timedelta(minutes=3)
DOT_LEASE = timedelta(minutes=15)
"""Longer than the 600 seconds that a server may take over the final dot (RFC 5321 §4.5.3.2.6)."""


@dataclass(slots=True, kw_only=True)
class DeliverReport:
    """What this run did. `problem` stopped it before the queue was empty; everything unsent stayed queued."""

    issues: list[IssueReport] = field(default_factory=list)
    requeued: int = 0  # claims of dead processes that the reaper gave back
    held: int = 0  # messages of dead processes of which nobody knows
    problem: DigestError | None = None

    @property
    def accepted(self) -> int:
        """Messages taken over by the server."""
        return sum(issue.accepted for issue in self.issues)


async def deliver(
    database: Database,
    *,
    transport: Transport,
    key: bytes,
    link_key: bytes | None = None,
    base_url: str | None,
    clock: Clock,
    owner: str,
    concurrency: int = 4,
    stop: asyncio.Event | None = None,
    signer: Sign | None = None,
    on_progress: Callable[[int, int], None] = lambda _rested, _waiting: None,
    on_issue: Callable[[int, int], None] = lambda _done, _total: None,
    pace: Pace | None = None,
    claim_lease: timedelta = CLAIM_LEASE,
    dot_lease: timedelta = DOT_LEASE,
    spool: Spool | None = None,
) -> DeliverReport:
    """Send every issue that is going out, until nothing is due, `stop` is set or the transport fails.

    `owner` names this process in the ledger and is never used by another one, not even later. `clock` is read for
    leases and settlements; a wrong one delays, it never doubles. Whatever stops it is in the report, not raised; only a
    fault of our own is, once the other issues have been sent. `spool`
    keeps outcomes while the database is away; without it they become uncertain.
    """
    sender = Sender(
        database=database, transport=transport, key=key, link_key=link_key, base_url=base_url, clock=clock, owner=owner,
        concurrency=concurrency, stop=stop or asyncio.Event(), on_progress=on_progress, on_issue=on_issue, signer=signer,
        claim_lease=claim_lease, dot_lease=dot_lease, spool=spool, pace=pace,
    )  # fmt: skip
    report = DeliverReport()
    try:
        reaped = await asyncio.to_thread(reap, sender)
        report.requeued, report.held = reaped.queued, reaped.uncertain
        await _deliver_each(sender, await asyncio.to_thread(sending_ids, sender), report)
    except DigestError as problem:
        report.problem = problem
    finally:
        await sender.transport.close()
    return report


async def _deliver_each(sender: Sender, issues: Iterable[int], report: DeliverReport) -> None:
    """One after another. A fault of our own in one is raised when the others have had their turn."""
    faults: list[Exception] = []
    for issue_id in issues:
        if sender.stop.is_set():
            break
        try:
            problem = await _deliver_issue(sender, issue_id, report)
        except Exception as fault:
            log.exception("delivery failed", extra={"issue": issue_id})
            faults.append(fault)
            continue
        report.problem = report.problem or problem
        if isinstance(problem, _STOPS_ALL):
            break
    if faults:
        raise faults[0]


async def _deliver_issue(sender: Sender, issue_id: int, report: DeliverReport) -> DigestError | None:
    """One issue; what stopped it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        run = await asyncio.to_thread(load_run, sender, issue_id)
        report.issues.append(run.report)
        try:
            await send_issue(sender, run)
        finally:
            tell_end(run.report, seconds=loop.time() - began)
    except DigestError as problem:
        log.warning("delivery stopped", extra={"issue": issue_id, "problem": hide_addresses(problem.message)})
        return problem
    return None
