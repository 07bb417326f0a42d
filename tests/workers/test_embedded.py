"""The daemon: its bell, and that it outlives faults and heeds what changes while it runs."""

import asyncio
import mailbox
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update
from tests import cast
from tests.processes import Inbox, add_sending_issue, mail_server

from digest.app import App
from digest.clock import system_clock
from digest.config import DatabaseSettings, MailSettings, Settings, SmtpSettings
from digest.core.model import CadenceLine
from digest.secret_files import KeyRing
from digest.store import sending
from digest.store.database import Database
from digest.store.issues import list_issues
from digest.store.newsletters import close_period
from digest.store.tables import IssueRow, NewsletterRow, SourceRow
from digest.workers.embedded import SlotTrigger, _tell_waiting, serve


def line(rule: str, zone: str = "Europe/Berlin") -> CadenceLine:
    return CadenceLine(id=1, newsletter_id=1, name="x", rule=rule, zone=zone, started_at=cast.NOW)


def test_the_bell_rings_at_every_monday_midnight_through_the_change_of_clocks() -> None:
    """APScheduler's own CronTrigger goes from 23 March 2026 to 6 April in this case."""
    trigger = SlotTrigger([line("weekly on mon at 00:00")])
    at = datetime(2026, 3, 20, tzinfo=UTC)
    rings = []
    for _ in range(4):
        at = trigger.get_next_fire_time(at, at)
        rings.append(at.isoformat())
    assert rings == [
        "2026-03-22T23:00:00+00:00",
        "2026-03-29T22:00:00+00:00",
        "2026-04-05T22:00:00+00:00",
        "2026-04-12T22:00:00+00:00",
    ]


def test_the_bell_rings_for_the_first_of_several_cadences_and_never_without_one() -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC)
    both = SlotTrigger([line("weekly on mon at 00:00"), line("daily at 06:00")])
    assert both.get_next_fire_time(None, at) == datetime(2026, 3, 20, 5, tzinfo=UTC)
    assert SlotTrigger([]).get_next_fire_time(None, at) is None


def open_app(database: Database, folder: Path) -> App:
    settings = Settings(database=DatabaseSettings(url=str(database.url)), home=folder, secret_key=cast.KEY.decode())
    return App(
        settings=settings,
        database=database,
        key=cast.KEY,
        keyring=KeyRing(settings.link_keys_file, cast.KEY),
        clock=system_clock,
    )


async def until(check, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - files arrive without an event
            await asyncio.sleep(0.05)


def test_the_daemon_heeds_what_is_changed_while_it_runs_and_outlives_a_fault(
    sqlite_database: Database, tmp_path: Path
) -> None:
    issue = add_sending_issue(sqlite_database, 3)
    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by the admin", now=cast.NOW)

    async def live() -> None:
        stop = asyncio.Event()
        app = open_app(sqlite_database, tmp_path)
        daemon = asyncio.create_task(serve(app, heartbeat=timedelta(seconds=0.2), stop=stop))
        await asyncio.sleep(0.5)
        assert not (tmp_path / "mailbox" / "new").exists()
        (tmp_path / "mailbox").write_text("in the way")  # the transport fails
        with sqlite_database.write() as session:
            sending.resume(session, issue, now=cast.NOW)
        await asyncio.sleep(0.8)
        assert not daemon.done()
        (tmp_path / "mailbox").unlink()
        await until(lambda: (tmp_path / "mailbox" / "new").exists() and len(arrived()) == 3)
        stop.set()
        await asyncio.wait_for(daemon, 10)

    def arrived() -> list:
        return list(mailbox.Maildir(tmp_path / "mailbox", create=False))

    asyncio.run(live())
    with sqlite_database.read() as session:
        assert session.execute(text("SELECT state FROM issue")).scalar() == "done"


def test_the_daemon_wakes_for_the_next_readers_hour_and_not_at_its_next_heartbeat(
    sqlite_database: Database, tmp_path: Path
) -> None:
    issue = add_sending_issue(sqlite_database, 2)
    due = system_clock() + timedelta(seconds=2)
    with sqlite_database.write() as session:
        session.execute(update(NewsletterRow).values(reader_zones=True, zone="UTC"))
        session.execute(update(IssueRow).values(slot_key=due.replace(tzinfo=None).isoformat()))
        early = text(
            "UPDATE subscriber SET zone = 'Pacific/Kiritimati' WHERE id = (SELECT min(subscriber_id) FROM subscription)"
        )
        session.execute(early)

    def left() -> int:
        with sqlite_database.read() as session:
            return sending.count_deliveries(session, issue).get("queued", 0)

    async def live() -> None:
        stop = asyncio.Event()
        daemon = asyncio.create_task(
            serve(open_app(sqlite_database, tmp_path), heartbeat=timedelta(hours=1), stop=stop)
        )
        await until(lambda: (tmp_path / "mailbox" / "new").exists() and left() == 1)
        assert system_clock() < due
        await until(lambda: left() == 0, seconds=8)
        assert system_clock() >= due
        stop.set()
        await asyncio.wait_for(daemon, 10)

    asyncio.run(live())


class MovedClock(datetime):
    """The machine's wall clock, set forward or back."""

    by = timedelta()

    @classmethod
    def now(cls, tz=None) -> datetime:
        return system_clock().astimezone(tz) + cls.by


def test_a_wall_clock_that_is_set_back_does_not_stop_the_daemon(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", MovedClock)
    issue = add_sending_issue(sqlite_database, 2)
    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by the admin", now=cast.NOW)

    async def live() -> None:
        stop = asyncio.Event()
        daemon = asyncio.create_task(
            serve(open_app(sqlite_database, tmp_path), heartbeat=timedelta(seconds=0.2), stop=stop)
        )
        await asyncio.sleep(0.5)
        monkeypatch.setattr(MovedClock, "by", timedelta(days=-1))
        await asyncio.sleep(0.5)
        with sqlite_database.write() as session:
            sending.resume(session, issue, now=cast.NOW)
        await until(lambda: len(list((tmp_path / "mailbox").glob("new/*"))) == 2)
        stop.set()
        await asyncio.wait_for(daemon, 10)

    asyncio.run(live())


def test_the_daemon_tells_what_is_held_once_and_not_at_every_bell(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="digest")  # whatever a command before this test has set up
    with sqlite_database.write() as session:
        people = cast.assemble(session)
        close_period(session, people.cadence, slot_at=system_clock() - timedelta(days=90), rollovers=0)

    async def live() -> None:
        stop = asyncio.Event()
        daemon = asyncio.create_task(
            serve(open_app(sqlite_database, tmp_path), heartbeat=timedelta(seconds=0.1), stop=stop)
        )
        await until(lambda: "a cadence is held" in caplog.messages)
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.wait_for(daemon, 10)

    asyncio.run(live())
    (held,) = [vars(record) for record in caplog.records if record.message == "a cadence is held"]
    assert (held["newsletter"], held["cadence"], held["levelname"]) == ("weekly", "weekly", "WARNING")
    assert held["next_step"] == "if the clock is right: digest run --clock-is-right"


def test_the_daemon_logs_an_error_on_the_day_that_a_source_has_failed_for_three(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="digest")
    now = system_clock()
    with sqlite_database.write() as session:
        people = cast.assemble(session)
        source = cast.add_source(session, people.newsletter, url="http://127.0.0.1:1/", title="Plots")
        long = {"failing_since": now - timedelta(days=3, hours=1), "last_check": now - timedelta(hours=2)}
        session.execute(update(SourceRow).where(SourceRow.id == source).values(failures=9, next_check=None, **long))

    async def live() -> None:
        stop = asyncio.Event()
        daemon = asyncio.create_task(
            serve(open_app(sqlite_database, tmp_path), heartbeat=timedelta(seconds=0.1), stop=stop)
        )
        await until(lambda: "a source needs you" in caplog.messages)
        await asyncio.sleep(0.3)
        stop.set()
        await asyncio.wait_for(daemon, 10)

    asyncio.run(live())
    (told,) = [vars(record) for record in caplog.records if record.message == "a source needs you"]
    assert (told["title"], told["alarm"], told["levelname"]) == ("Plots", "has failed for three days", "ERROR")


def test_a_long_delivery_delays_no_other_newsletter_s_slot_and_a_stop_finishes_what_is_in_hand(
    sqlite_database: Database, tmp_path: Path
) -> None:
    first = add_sending_issue(sqlite_database, 60)

    def states() -> list[tuple[int, str]]:
        with sqlite_database.read() as session:
            return [(issue.newsletter_id, str(issue.state)) for issue in list_issues(session)]

    async def live(inbox: Inbox, app: App) -> None:
        stop = asyncio.Event()
        daemon = asyncio.create_task(serve(app, heartbeat=timedelta(seconds=0.2), stop=stop))
        await until(lambda: len(inbox.log) >= 2)
        with sqlite_database.write() as session:  # its slot was a moment ago
            other = cast.add_newsletter(session, "other")
            now = system_clock()
            rule = f"daily at {now - timedelta(minutes=1):%H:%M}"
            cadence = cast.add_cadence(session, other, rule=rule, zone="UTC", started_at=now - timedelta(minutes=5))
            post = cast.add_post(session, cast.add_source(session, other, state="paused"), "one")
            cast.add_claim(session, cadence, post)
        await until(lambda: (other, "sending") in states())
        assert len(inbox.log) < 60  # while the first still went out
        stop.set()
        await asyncio.wait_for(daemon, 20)

    with mail_server(seconds=0.5) as (inbox, port):
        app = open_app(sqlite_database, tmp_path)
        smtp = SmtpSettings(host="127.0.0.1", port=port, security="plain")
        mail = MailSettings(transport="smtp")
        asyncio.run(live(inbox, replace(app, settings=app.settings.model_copy(update={"smtp": smtp, "mail": mail}))))
        arrived = len(inbox.log)
    with sqlite_database.read() as session:
        counts = sending.count_deliveries(session, first)
    assert counts == {"accepted": arrived, "queued": 60 - arrived}
    assert inbox.doubled == []


def test_the_daemon_warns_of_an_issue_that_does_not_move_once_an_hour(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = system_clock()
    with sqlite_database.write() as session:
        people = cast.assemble(session, now=now)
        issue = cast.add_issue(session, people, state="sending", sending_at=now - timedelta(hours=7), expected=1)
        cast.add_delivery(session, issue, people.anna, not_before=now + timedelta(days=1), code=452,
                          settled_at=now - timedelta(hours=7))  # fmt: skip
    app = open_app(sqlite_database, tmp_path)
    told = _tell_waiting(app, {})
    for minutes in (1, 59, 61):
        told = _tell_waiting(replace(app, clock=lambda: now + timedelta(minutes=minutes)), told)  # noqa: B023
    stuck = [record for record in caplog.records if record.message == "an issue does not move"]
    assert [(record.levelname, record.number) for record in stuck] == [("WARNING", 1)] * 2
