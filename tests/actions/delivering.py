"""What the tests of delivering share: an issue that goes out, a run, and a transport that says what it is told."""

import asyncio
import mailbox
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from tests import cast

from digest.actions.deliver import DeliverReport, deliver
from digest.core.people import Envelope, Outcome
from digest.core.states import IssueState, OutcomeKind
from digest.mail.transport import BeforeDot
from digest.store import sending
from digest.store.database import Database

KEY = b"the secret key of the tests"


def prepare(database: Database, people: int = 0) -> int:
    """A rendered issue that goes out, to anna and so many more."""
    with database.write() as session:
        company = cast.assemble(session)
        for number in range(people):
            person = cast.add_subscriber(session, f"reader{number}@x.example", name=f"Reader {number}")
            cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue, html="<p>Hi %%k3y:name%%</p>", text="Hi %%k3y:name%%\n%%k3y:unsubscribe_url%%")
    return issue


def run(database: Database, transport, *, now: datetime = cast.NOW, owner: str = "one", **options) -> DeliverReport:
    return asyncio.run(
        deliver(
            database, transport=transport, key=KEY, base_url="https://n.example", clock=lambda: now, owner=owner, **options
        )
    )  # fmt: skip


def arrived(folder: Path) -> list[str]:
    """To whom; a sender that found nothing left to send has made no folder."""
    return sorted(message["To"] for message in mailbox.Maildir(folder, create=False)) if folder.exists() else []


def counts(database: Database, issue: int) -> dict[str, int]:
    with database.read() as session:
        return {str(state): number for state, number in sending.count_deliveries(session, issue).items()}


def issue_row(database: Database) -> tuple[str, str | None]:
    with database.read() as session:
        return tuple(session.execute(text("SELECT state, reason FROM issue")).one())


class Scripted:
    """A mail server's answers, one a message; the conversation itself is tested in tests/mail."""

    def __init__(self, *answers: Outcome | Exception, during=lambda: None) -> None:
        self.answers, self.during, self.finished = list(answers), during, []

    async def open(self) -> None:
        pass

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        answer = self.answers.pop(0) if self.answers else Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250)
        if isinstance(answer, Exception):
            raise answer
        if answer.phase != "dot":
            return answer
        await asyncio.to_thread(self.during)
        if not await before_dot():
            return Outcome(kind=OutcomeKind.UNSENT, phase="body")
        self.finished.append(envelope)
        return answer

    async def close(self) -> None:
        pass
