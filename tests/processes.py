"""Real processes of digest over one database and one mail server, whose own log is the oracle."""

import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import text

from digest.clock import system_clock
from digest.core.states import IssueState
from digest.store import sending
from digest.store.database import Database
from tests import cast
from tests.command import start_digest
from tests.listening import MailController

FEW = 100
"""Messages whose bytes an inbox keeps."""


@dataclass
class Inbox:
    """Every message that the server took over, by recipient and Message-ID, in order."""

    seconds: float = 0.0  # how long it takes over each
    refusal: str | None = None  # said instead of taking it; `{recipient}` is whom it was for
    greylisted: tuple[str, ...] = ()
    log: list[tuple[str, str]] = field(default_factory=list)
    dots: list[float] = field(default_factory=list)  # when each final dot came, in monotonic seconds
    messages: list[bytes] = field(default_factory=list)  # while there are few of them
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd names it
        if address in self.greylisted:
            return "450 4.2.0 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd names it
        import asyncio

        self.dots.append(time.monotonic())
        if self.refusal:
            return self.refusal.format(recipient=envelope.rcpt_tos[0])
        message_id = next(line for line in envelope.original_content.splitlines() if line.startswith(b"Message-ID: "))
        if self.seconds:
            await asyncio.sleep(self.seconds)
        with self.changed:
            self.log.append((envelope.rcpt_tos[0], message_id.decode()))
            if len(self.messages) < FEW:
                self.messages.append(envelope.original_content)
            self.changed.notify_all()
        return "250 2.0.0 kept"

    def wait_for(self, number: int, seconds: float = 60) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.log) >= number, seconds), f"only {len(self.log)} arrived"

    @property
    def doubled(self) -> list[str]:
        return [address for address, number in Counter(address for address, _ in self.log).items() if number > 1]


@contextmanager
def mail_server(seconds: float = 0.0) -> Iterator[tuple[Inbox, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inbox = Inbox(seconds)
    controller = MailController(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


@dataclass(frozen=True)
class Deployment:
    """A folder and an environment in which `digest` works on this database and this server."""

    database: Database
    folder: Path
    port: int
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.started:
            process.kill()
            process.communicate()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DIGEST_DATABASE__URL": self.database.url.render_as_string(hide_password=False),
            "DIGEST_SECRET_KEY": cast.KEY.decode(),
            "DIGEST_MAIL__TRANSPORT": "smtp",
            "DIGEST_SMTP__HOST": "127.0.0.1",
            "DIGEST_SMTP__PORT": str(self.port),
            "DIGEST_SMTP__SECURITY": "plain",
        }

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        process = start_digest(*words, cwd=self.folder, env=self.environment | extra)
        self.started.append(process)
        return process

    def run(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **extra)
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def run_later(self, **shift: float) -> subprocess.CompletedProcess[str]:
        """A turn in another process whose clock is ahead: `digest run` after so much time."""
        code = (
            "import asyncio; from datetime import timedelta; from digest.app import App, turn\n"
            "from digest.clock import system_clock; from digest.config import Settings\n"
            f"app = App.open(Settings.load(), clock=lambda: system_clock() + timedelta(**{shift!r}))\n"
            "asyncio.run(turn(app, with_gather=False)); app.close()"
        )
        process = start_digest(code=code, cwd=self.folder, env=self.environment)
        self.started.append(process)
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def counts(self, issue: int) -> dict[str, int]:
        with self.database.read() as session:
            return {str(state): number for state, number in sending.count_deliveries(session, issue).items()}


def add_sending_issue(database: Database, readers: int) -> int:
    """An issue that goes out, to so many readers; the clock's time is no reason to make another one."""
    with database.write() as session:
        company = cast.assemble(session)
        session.execute(text("DELETE FROM subscription"))
        for number in range(readers):
            person = cast.add_subscriber(session, f"reader{number}@x.example", name=f"Reader {number}")
            cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue, html="<p>Hi %%k3y:name%%</p>" + "<p>line</p>" * 500, text="Hi %%k3y:name%%")
        session.execute(text("UPDATE cadence SET last_slot_at = :now"), {"now": _wall(database)})
    return issue


def add_due_period(database: Database, readers: int) -> None:
    """A daily cadence whose slot was an hour ago, and a post that waits for it."""
    now = system_clock()
    with database.write() as session:
        company = cast.assemble(session, now=now)
        session.execute(text("DELETE FROM subscription"))
        session.execute(text("DELETE FROM cadence"))
        slot = now - timedelta(hours=1)
        rule = f"daily at {slot:%H:%M}"
        cadence = cast.add_cadence(
            session, company.newsletter, "daily", rule=rule, zone="UTC", started_at=now - timedelta(hours=20)
        )
        source = cast.add_source(session, company.newsletter, state="paused")
        post = cast.add_post(session, source, "one", effective_at=now - timedelta(hours=2))
        cast.add_claim(session, cadence, post, effective_at=now - timedelta(hours=2))
        for number in range(readers):
            person = cast.add_subscriber(session, f"reader{number}@x.example")
            cast.add_subscription(session, company.newsletter, person)


def _wall(database: Database):
    now = system_clock()
    return now.replace(tzinfo=None).isoformat(" ") if database.is_sqlite else now
