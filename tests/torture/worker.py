"""What a worker process does: opens the deployment as the program does, and delivers. Run in a fresh fork."""

import asyncio
import json
import os
import resource
import signal
import ssl
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn.lifespan.off
import uvicorn.loops.auto
import uvicorn.protocols.http.auto  # noqa: F401 - before the first fork, as its siblings above
from sqlalchemy import text

from digest.actions import control, notices, publish  # noqa: F401 - what the program loads when called: once, before the fork
from digest.actions.deliver import DeliverReport
from digest.actions.subscribe import end_subscription
from digest.app import App, deliver_due, notify_due, turn
from digest.config import Settings
from digest.core.model import Issue
from digest.core.states import DeliveryState, IssueState
from digest.errors import DigestError, NothingToDo
from digest.mail.smtp import SmtpTransport
from digest.mail.tls import tls_context
from digest.store import issues, newsletters, sending
from digest.store.database import Database, Session
from digest.store.prepared import Prepared
from digest.web.desk import Desk
from digest.web.server import serve_site
from tests.torture.oracle import OracleLog
from tests.torture.shared import Aim, WorldClock

PATIENCE = ("mail", "rcpt", "data", "body", "dot", "rset", "quit")


def work(job: dict[str, Any]) -> int:
    """One run of the program: `deliver`, a whole `turn`, or delivering again and again while the clock goes on."""
    if size := job.get("file_limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    app = _open(job)
    if shot := job.get("commit"):
        CommitCounter(app.database, at=shot["at"], after=shot["after"], what=shot.get("signal", signal.SIGKILL))
    if wire := job.get("wire"):
        Aim(Path(job["place"]) / "aim").take(
            os.getpid(), wire["at"], signal.Signals(wire.get("signal", signal.SIGKILL))
        )
    if job.get("verb") == "drive":
        return _drive(app, job)
    if job.get("verb") == "notify":
        return _notify(app, job)
    report = asyncio.run(_run(app, job))
    app.close()
    return report.problem.exit_code if report.problem else 0


async def _run(app: App, job: dict[str, Any]) -> DeliverReport:
    if job.get("verb") == "turn":
        return (await turn(app, with_gather=False, transport=_transport(job))).delivered
    return await deliver_due(app, transport=_transport(job), stop=asyncio.Event())


def _drive(app: App, job: dict[str, Any]) -> int:
    """Deliver until every issue is at rest: the clock goes on between runs, an admin resumes what pauses.

    What never ends by itself is cancelled after `runs`. Writes {"runs": …, "resumed": …} into `drive.json`.
    """
    clock, resumed, runs = WorldClock(Path(job["place"]) / "clock"), 0, 0
    while _state(app) in {IssueState.SENDING, IssueState.PAUSED} and runs < job["runs"]:
        runs += 1
        if _state(app) is IssueState.PAUSED:
            resumed += 1
            operate(job | {"verb": "resume"}, app)
        report = asyncio.run(_run(app, job | {"verb": "deliver"}))
        # No connection: the next may come soon. Else what was deferred must become due, leases and the 48 hours end.
        clock.jump(timedelta(seconds=30) if report.problem else timedelta(minutes=20 if runs < 12 else 490))
    if _state(app) in {IssueState.SENDING, IssueState.PAUSED}:
        operate(job | {"verb": "cancel"}, app)
    Path(job["place"], "drive.json").write_text(json.dumps({"runs": runs, "resumed": resumed}))
    app.close()
    return 0


def _notify(app: App, job: dict[str, Any]) -> int:
    """Decide about sign-ups and send notices; with `runs`, again and again while the clock goes on, until all are at rest."""
    clock, runs = WorldClock(Path(job["place"]) / "clock"), job.get("runs", 1)
    for run in range(runs):
        report = asyncio.run(notify_due(app, transport=_transport(job), stop=asyncio.Event()))
        if runs == 1 or not waits_for_notices(app.database):
            break
        clock.jump(timedelta(minutes=20 if run < 12 else 490))
    app.close()
    return report.problem.exit_code if report.problem and runs == 1 else 0


def waits_for_notices(database: Database) -> bool:
    """Whether any sign-up or notice is not at rest."""
    query = "SELECT (SELECT count(*) FROM notice WHERE settled_at IS NULL) + (SELECT count(*) FROM signup)"
    with database.read() as session:
        return bool(session.execute(text(query)).scalar_one())


def operate(job: dict[str, Any], opened: App | None = None) -> int:
    """What an admin does to the first issue: resume, cancel, retry (all uncertain ones, again)."""
    app = opened or _open(job)
    with app.database.write() as session:
        newsletter = newsletters.get_newsletter(session, "weekly")
        issue = _issue(session)
        match job["verb"]:
            case "resume":
                control.resume_issue(session, issue, now=app.clock())
            case "cancel":
                control.cancel_issue(session, issue, now=app.clock())
            case "retry":
                control.resolve_uncertain(session, newsletter, issue, to=DeliveryState.QUEUED, now=app.clock())
    return 0


def unsubscribe(job: dict[str, Any]) -> int:
    """Readers leave one after another; each goodbye is written down once it was acknowledged.

    `known` is whether the ledger then had a message of theirs on its way already (in flight or at rest): one whose
    dot was allowed before they left.
    """
    import time  # the machine's monotonic time, which the mail server writes down too

    app = _open(job)
    log = OracleLog(Path(job["place"]) / "goodbyes.jsonl")
    for address in job["addresses"]:
        time.sleep(job.get("pause", 0.01))
        try:
            end_subscription(app.database, address, newsletter_id=1, why="unsubscribed", now=app.clock())
        except NothingToDo:
            continue
        except DigestError:
            continue  # not acknowledged: busy, or the database is away
        at = time.monotonic()
        log.write("goodbye", sync=True, to=address, at=at, known=_is_on_its_way(app.database, address))
    return 0


class CommitCounter:
    """Counts the commits of a process and ends (or stops) it just before, or just after, the n-th."""

    def __init__(self, database: Database, *, at: int, after: bool, what: int) -> None:
        self.at, self.after, self.what, self.seen = at, after, what, 0
        # No event comes after a commit, and the ledger keeps its connection: none is given back between two of them.
        dialect = database.engine.dialect
        dialect.do_commit = self._counted(dialect.do_commit)  # type: ignore[method-assign]
        Prepared.run_alone = self._counted(Prepared.run_alone)  # type: ignore[method-assign]

    def _counted(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.seen += 1
            if self.seen == self.at and not self.after:
                os.kill(os.getpid(), self.what)
            done = commit(*given, **named)
            if self.seen == self.at and self.after:
                os.kill(os.getpid(), self.what)
            return done

        return counted


def serve(job: dict[str, Any]) -> int:
    """The readers' pages, until killed."""
    os.environ["DIGEST_WEB__LISTEN"] = f"127.0.0.1:{job['web_port']}"
    asyncio.run(serve_site(Desk(app=_open(job)), stop=asyncio.Event()))
    return 0


def _open(job: dict[str, Any]) -> App:
    place = Path(job["place"])
    os.chdir(place)
    os.environ.update(
        DIGEST_DATABASE__URL=job["database"],
        DIGEST_DATABASE__BUSY_TIMEOUT=str(job.get("busy_timeout", 10)),
        DIGEST_SECRET_KEY=job["key"],
        DIGEST_WEB__BASE_URL="http://localhost",
        DIGEST_SMTP__CONNECTIONS=str(job.get("connections", 4)),
        DIGEST_LOGS__LEVEL="error",
    )
    return App.open(Settings.load(), clock=WorldClock(place / "clock"))


def _transport(job: dict[str, Any]) -> SmtpTransport:
    patience = job.get("patience", 0.2)
    secure = job.get("authority")
    return SmtpTransport(
        host="localhost" if secure else "127.0.0.1",
        port=job["port"],
        security="starttls" if secure else "plain",
        username="digest" if secure else None,
        password="the password" if secure else None,
        connections=job.get("connections", 4),
        context=_context(secure) if secure else None,
        hostname="worker.example",
        connect_timeout=patience * 2,
        patience=dict.fromkeys(PATIENCE, patience),
    )


@cache
def _context(authority: str) -> ssl.SSLContext:
    """Once a process: a drive has dozens of runs, and each would read all the world's authorities again."""
    return tls_context(Path(authority))


def _state(app: App) -> IssueState:
    with app.database.read() as session:
        return _issue(session).state


def _issue(session: Session) -> Issue:
    """The only one. Its number in the table may be another than 1: a process that lost a race used that up."""
    return issues.list_issues(session)[0]


def _is_on_its_way(database: Database, address: str) -> bool:
    with database.read() as session:
        return any(
            row.state in {"inflight", "accepted", "uncertain"}
            for issue in sending.sending_issues(session)
            for row in _ledger(session, issue)
            if row.address == address
        )


def _ledger(session: Any, issue: int) -> Any:
    from digest.store.deliveries import list_deliveries

    return list_deliveries(session, issue)
