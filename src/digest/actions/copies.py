"""A test copy of an issue: as a reader would get it, marked, and outside the ledger."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digest.actions.choose_issue import newest_issue
from digest.actions.choose_newsletter import choose_newsletter
from digest.actions.preview import preview_issue
from digest.core.addresses import parse_address
from digest.core.people import Outcome, Sign
from digest.errors import UsageError
from digest.mail.transport import Transport
from digest.store.database import Database

MARK = "[Test] "


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCopy:
    """What was sent, and what the server said to it."""

    newsletter: str  # its slug
    number: int | None
    drafted: bool  # there was no issue: it is what the next one would be
    subject: str
    outcome: Outcome


async def send_test_copy(
    database: Database,
    *,
    transport: Transport,
    newsletter: str | None,
    number: int | None,
    to: str,
    key: bytes,
    link_key: bytes | None = None,
    base_url: str | None,
    templates: Path | None = None,
    signer: Sign | None = None,
    now: datetime,
) -> TestCopy:
    """Send one copy to `to`, its subject marked. Claims and records nothing; its links leave for nobody.

    Without a number it is the newest issue; where none was made yet, what the next one would be.

    Raises:
        NotFound: no such newsletter or issue.
        UsageError: `to` is no address; or no newsletter is named, and there are several.
        NothingToDo: no issue was made, and the next one has no posts yet.
        TransportError: nothing can be sent now.
    """
    to = _check(to)
    made = await asyncio.to_thread(
        preview_issue,
        database,
        key=key,
        link_key=link_key,
        now=now,
        newsletter=newsletter,
        number=number or await asyncio.to_thread(_newest, database, newsletter),
        reader=to,
        web_base=base_url,
        templates=templates,
        signer=signer,
        mark=MARK,
    )
    await transport.open()
    try:
        outcome = await transport.send(made.envelope, before_dot=_always)
    finally:
        await transport.close()
    return TestCopy(
        newsletter=made.newsletter.slug,
        number=made.content.number,
        drafted=made.drafted,
        subject=MARK + made.rendered.subject,
        outcome=outcome,
    )


def _check(address: str) -> str:
    try:
        return parse_address(address)
    except ValueError as error:
        raise UsageError(f"{address!r} is no email address: {error}", next_step="give one like you@example.org") from (
            error
        )


def _newest(database: Database, newsletter: str | None) -> int | None:
    with database.read() as session:
        issue = newest_issue(session, choose_newsletter(session, newsletter))
    return issue.number if issue else None


async def _always() -> bool:
    return True
