"""The composition root: Settings → App.

 turn: notices ─▶ last call of the closing sources ─▶ publish ─▶ deliver ─▶ gather

Nothing below this floor sees Settings; the verbs get keyword arguments.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from digest.clock import Clock, system_clock
from digest.config import Settings
from digest.edges import make_fetcher, make_relays, make_signer
from digest.secret_files import KeyRing
from digest.store.database import Database
from digest.store.meta import check_key, has_fingerprint
from digest.store.schema import RESTORE, check_schema

if TYPE_CHECKING:
    from digest.actions.deliver import DeliverReport
    from digest.actions.gather import GatherReport, OnProgress
    from digest.actions.notices import NoticeReport
    from digest.core.model import Issue
    from digest.mail.dkim import Signer
    from digest.mail.transport import Transport
    from digest.sources.fetch import Fetcher

log = logging.getLogger(__name__)

GATHER_LIMIT = timedelta(minutes=4)
"""A turn reads sources that no issue waits for no longer than this; the rest is read first by the next turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A deployment, opened."""

    settings: Settings
    database: Database
    key: bytes
    keyring: KeyRing
    clock: Clock

    @property
    def link_keys(self) -> tuple[bytes, ...]:
        """The newest, which signs links, then those that still verify; as they are now (`digest links rotate`)."""
        return self.keyring.keys

    @classmethod
    def open(cls, settings: Settings, *, clock: Clock = system_clock) -> Self:
        """Open the database of these settings.

        Raises:
            DatabaseError: missing, older or newer than the program.
            SettingsError: the secret key cannot be read, or is not the one that the database was made with.
        """
        database = connect(settings)
        try:
            check_schema(database, missing=step_without_database(settings))
            key = settings.key(make=not has_fingerprint(database))
            check_key(database, key)
            ring = KeyRing(settings.link_keys_file, key)
            return cls(settings=settings, database=database, key=key, keyring=ring, clock=clock)
        except BaseException:
            database.close()
            raise

    def transport(self) -> "Transport":
        """Where messages go by these settings: a relay, or a Maildir until one is set up.

        Raises:
            SettingsError: nothing can be sent with these settings.
        """
        if self.settings.mail.transport == "maildir":
            from digest.mail.maildir import MaildirTransport  # noqa: PLC0415 - each command loads what it uses

            return MaildirTransport(self.settings.path(self.settings.mail.maildir))
        return make_relays(self.settings)

    def signer(self) -> "Signer | None":
        """What signs the messages by these settings; None where the relay does.

        Raises:
            SettingsError: no domain, or a key that cannot be used.
        """
        return make_signer(self.settings)

    def fetcher(self) -> "Fetcher":
        """A polite, guarded fetcher by these settings."""
        return make_fetcher(self.settings)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one turn did."""

    gathered: "GatherReport | None"
    issues: "tuple[Issue, ...]"
    delivered: "DeliverReport"
    notices: "NoticeReport"
    stopped: bool = False  # it was asked to stop before its end

    @property
    def unrendered(self) -> "tuple[Issue, ...]":
        """Issues that wait for a template to be mended."""
        return tuple(issue for issue in self.issues if is_unrendered(issue))

    @property
    def is_empty(self) -> bool:
        """Nothing was due."""
        delivered = self.delivered
        return not (
            (self.gathered and self.gathered.polled)
            or self.issues
            or self.notices.touched
            or delivered.problem
            or any(issue.touched for issue in delivered.issues)
        )

    @property
    def is_partial(self) -> bool:
        """Something failed and is listed: a source, a delivery, an issue that is not rendered, or was paused or cancelled."""
        delivered = self.delivered
        failed = any(issue.has_failed for issue in delivered.issues)
        failed = failed or bool(self.unrendered or delivered.held or self.notices.has_failed)
        return failed or bool(self.gathered and (self.gathered.failed or self.gathered.unfinished))


def is_unrendered(issue: "Issue") -> bool:
    """Whether it waits for a template to be mended."""
    return bool(issue.state == "frozen" and issue.reason)


async def turn(
    app: App,
    *,
    with_gather: bool = True,
    hold: bool = True,
    fetcher: "Fetcher | None" = None,
    transport: "Transport | None" = None,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[int, int], None] = lambda _rested, _waiting: None,
    on_issue: Callable[[int, int], None] = lambda _done, _total: None,
    on_gather: "OnProgress | None" = None,
) -> Report:
    """notices ─▶ last call ─▶ publish ─▶ deliver ─▶ gather.  Run it twice: nothing is sent twice.

    What is due goes out before other sources are read: no slot waits for a feed that is not its own. Safe to overlap
    with others, to repeat and to kill. `stop` finishes what is in hand. What stops the delivery is in the report; what
    stops the whole is raised. `hold=False` is an admin's word that the clock is right (core/period). `on_progress`
    hears of messages: how many more are at rest, and how many more, or fewer, are to be tried again; `on_issue` of an issue's deliveries when it begins: how many are at rest, of how many; `on_gather`
    of sources looked at.

    Raises:
        SettingsError: the transport or the fetcher cannot be made of these settings.
        DatabaseError: the database refused.
    """  # noqa: D403 - the pipeline, drawn
    chosen = transport or app.transport()  # first: wrong settings are said before anything is done
    app.signer()
    stop = stop or asyncio.Event()
    reader = (fetcher or app.fetcher()) if with_gather else None
    notices = await notify_due(app, transport=chosen, stop=stop)
    await asyncio.to_thread(tidy_people, app)
    first, issues = await publish_due(app, fetcher=reader, hold=hold, stop=stop, on_progress=on_gather)
    delivered = await deliver_due(app, transport=chosen, stop=stop, on_progress=on_progress, on_issue=on_issue)
    rest = await gather_due(app, fetcher=reader, breaks=(stop,), on_progress=on_gather) if reader else None
    gathered = first.joined(rest) if first and rest else first or rest
    return Report(gathered=gathered, issues=issues, delivered=delivered, notices=notices, stopped=stop.is_set())


async def publish_due(
    app: App,
    *,
    fetcher: "Fetcher | None",
    hold: bool = True,
    stop: asyncio.Event,
    on_progress: "OnProgress | None" = None,
) -> "tuple[GatherReport | None, tuple[Issue, ...]]":
    """last call ─▶ publish: the sources of newsletters whose slot has come are polled first, whatever their turn.

    So what a source published until the slot is in the issue (docs/semantics.md S4). One `now` for both: a slot that
    comes during the last call waits for its own. Without a fetcher nothing is polled.

    Raises:
        DatabaseError: the database refused.
    """  # noqa: D403 - the pipeline, drawn
    from digest.actions.publish import publish  # noqa: PLC0415 - each command loads what it uses

    now = app.clock()
    first = None
    if fetcher:
        first = await _unless((stop,), _last_call(app, fetcher=fetcher, now=now, on_progress=on_progress))
    if stop.is_set():
        return first, ()
    issues = await asyncio.to_thread(
        publish,
        app.database,
        now=now,
        hold=hold,
        web_base=app.settings.web.base_url,
        link_key=app.link_keys[0],
        templates=app.settings.path(app.settings.templates),
    )
    return first, issues


async def deliver_due(
    app: App,
    *,
    transport: "Transport | None" = None,
    stop: asyncio.Event,
    on_progress: Callable[[int, int], None] = lambda _rested, _waiting: None,
    on_issue: Callable[[int, int], None] = lambda _done, _total: None,
) -> "DeliverReport":
    """Send what is going out.

    Raises:
        SettingsError: the transport cannot be made of these settings.
        DatabaseError: the database refused.
    """
    from digest.actions.deliver import deliver  # noqa: PLC0415 - each command loads what it uses
    from digest.store.spool import Spool  # noqa: PLC0415

    return await deliver(
        app.database,
        transport=transport or app.transport(),
        key=app.key,
        link_key=app.link_keys[0],
        base_url=app.settings.web.base_url,
        clock=app.clock,
        owner=new_owner(),
        concurrency=sum(relay.connections for relay in app.settings.smtp.relays()),
        signer=app.signer(),
        pace=app.settings.pace.limits(),
        stop=stop,
        on_progress=on_progress,
        on_issue=on_issue,
        spool=Spool(app.settings.path(app.settings.spool)),
    )


async def notify_due(app: App, *, transport: "Transport | None" = None, stop: asyncio.Event) -> "NoticeReport":
    """Decide about sign-ups and send the notices that are due. What stops it is in the report.

    Raises:
        SettingsError: the transport cannot be made of these settings.
    """
    from digest.actions.notice_mail import Bureau  # noqa: PLC0415 - each command loads what it uses
    from digest.actions.notices import NoticeReport, Post, are_notices_due, send_notices  # noqa: PLC0415

    decided = await asyncio.to_thread(_decide_signups, app)
    if not await asyncio.to_thread(are_notices_due, app.database, now=app.clock()):
        return NoticeReport(decided=decided)  # every few seconds, as a rule: no keys and certificates are read for that
    bureau = Bureau(
        key=app.key,
        link_key=app.link_keys[0],
        base_url=app.settings.web.base_url,
        templates=app.settings.path(app.settings.templates),
        signer=app.signer(),
    )
    post = Post(
        database=app.database,
        transport=transport or app.transport(),
        bureau=bureau,
        clock=app.clock,
        owner=new_owner(),
    )
    report = await send_notices(post, stop=stop)
    report.decided = decided
    return report


def tidy_people(app: App) -> None:
    """Forget who never confirmed, and limits that are over.

    Raises:
        DatabaseError: the database refused.
    """
    from digest.actions.signups import tidy  # noqa: PLC0415 - each command loads what it uses

    if forgotten := tidy(app.database, now=app.clock()):
        log.info("forgotten, because never confirmed", extra={"number": forgotten})


def _decide_signups(app: App) -> int:
    from digest.actions.signups import decide_signups, has_signups  # noqa: PLC0415 - each command loads what it uses

    if not has_signups(app.database):
        return 0
    return decide_signups(app.database, caps=app.settings.signup.caps(), key=app.key, now=app.clock()).total


async def gather_due(
    app: App, *, fetcher: "Fetcher", breaks: Sequence[asyncio.Event] = (), on_progress: "OnProgress | None" = None
) -> "GatherReport | None":
    """Poll what is due, for `GATHER_LIMIT` at most. None where one of `breaks` came first: the next turn goes on.

    Raises:
        DatabaseError: the database refused.
    """
    from digest.actions.gather import gather  # noqa: PLC0415 - each command loads what it uses

    work = gather(app.database, fetcher=fetcher, now=app.clock(), within=GATHER_LIMIT, on_progress=on_progress)
    return await _unless(breaks, work)


async def _last_call(
    app: App, *, fetcher: "Fetcher", now: datetime, on_progress: "OnProgress | None"
) -> "GatherReport":
    from digest.actions.cutoff import closing_sources  # noqa: PLC0415 - each command loads what it uses
    from digest.actions.gather import GatherReport, gather  # noqa: PLC0415

    closing = await asyncio.to_thread(closing_sources, app.database, now=now)
    if not closing:
        return GatherReport()
    return await gather(app.database, fetcher=fetcher, now=now, force=True, only=closing, on_progress=on_progress)


async def _unless(
    breaks: Sequence[asyncio.Event], work: "Coroutine[None, None, GatherReport]"
) -> "GatherReport | None":
    """The work, or None where one of these came first: gathering is broken off, and the next turn takes it up again."""
    if any(event.is_set() for event in breaks):
        work.close()
        return None
    task = asyncio.ensure_future(work)
    waits = [asyncio.ensure_future(event.wait()) for event in breaks]
    try:
        await asyncio.wait((task, *waits), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for one in (task, *waits):
            one.cancel()
        await asyncio.gather(task, *waits, return_exceptions=True)


def new_owner() -> str:
    """A name for the ledger that no other process has or will have."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def connect(settings: Settings) -> Database:
    """The database of these settings; nothing is opened before its first use.

    Raises:
        SettingsError: the URL names no database that digest knows.
        DatabaseError: the driver for Postgres is not installed.
    """
    return Database(settings.database_url, busy_timeout_ms=round(settings.database.busy_timeout * 1000))


def step_without_database(settings: Settings) -> str:
    """What to do where the database is missing: where nothing says where it is, digest is not set up, or elsewhere."""
    is_set_up = settings.is_written or "database" in settings.model_fields_set
    return RESTORE if is_set_up else "run: digest init, or name the settings file: digest --config FILE"
