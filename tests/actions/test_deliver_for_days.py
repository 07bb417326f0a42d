"""Delivering over days: refusals of the sender, outages, late mail, and what an answer may tell."""

import logging
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import Scripted, counts, issue_row, prepare, run

from digest.actions.control import resolve_uncertain
from digest.core.people import Envelope, Outcome
from digest.core.states import DeliveryState, OutcomeKind
from digest.errors import LoginRefused, NothingToDo, TransportError
from digest.mail.transport import BeforeDot
from digest.store import sending
from digest.store.database import Database
from digest.store.deliveries import list_deliveries
from digest.store.events import list_events
from digest.store.issues import get_issue
from digest.store.newsletters import newsletter_of_id


class Quoting(Scripted):
    """Says the reader's address in every answer, as many servers do; or hangs up with it at the login."""

    def __init__(self, *, code: int = 554, at_open: bool = False) -> None:
        super().__init__()
        self.code, self.at_open = code, at_open

    async def open(self) -> None:
        if self.at_open:
            raise LoginRefused("mx refused the user name or password: 535 5.7.8 no <anna@example.org> here")

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        await before_dot()
        reply = f"<{envelope.recipient}>: not from you"
        return Outcome(
            kind=OutcomeKind.REFUSED, phase="dot", code=self.code, enhanced="5.7.1", reply=reply, server="mx"
        )


@pytest.mark.parametrize(
    "server", [Quoting(), Quoting(code=530), Quoting(at_open=True)], ids=["sender", "login", "open"]
)
def test_an_answer_that_names_the_reader_is_in_the_ledger_only(
    sqlite_database: Database, server: Quoting, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of events cannot be edited: an address in it would outlive its person's erasure."""
    prepare(sqlite_database, people=9)
    with caplog.at_level(logging.DEBUG):
        report = run(sqlite_database, server)
    assert issue_row(sqlite_database)[0] == "paused"
    told = [str(vars(record)) for record in caplog.records if record.name.startswith("digest")]
    with sqlite_database.read() as session:
        kept = [str(row) for row in session.execute(text("SELECT data FROM event UNION ALL SELECT reason FROM issue"))]
        replies = session.execute(text("SELECT count(*) FROM delivery WHERE reply LIKE '%@%'")).scalar()
    assert told
    assert not [line for line in (*told, *kept, str(report.issues[0].paused)) if "@" in line]
    assert bool(replies) is not server.at_open


def test_refusals_of_the_sender_are_counted_over_runs_and_deferrals(sqlite_database: Database) -> None:
    """A cron line that is refused and deferred in turns never had five in one run."""
    issue = prepare(sqlite_database, people=29)
    no = Outcome(kind=OutcomeKind.REFUSED, phase="mail", code=554, enhanced="5.7.1", server="mx")
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="mail", code=451, server="mx")
    away = TransportError("the server is away")
    for number in range(4):
        report = run(sqlite_database, Scripted(no, later, away), concurrency=1, owner=f"run {number}")
        assert report.issues[0].paused is None
    assert run(sqlite_database, Scripted(later, no), concurrency=1, owner="last").issues[0].paused
    assert counts(sqlite_database, issue) == {"queued": 30}
    with sqlite_database.write() as session:
        sending.resume(session, issue, now=cast.NOW)
    yes = Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250)
    report = run(sqlite_database, Scripted(*[no] * 4, yes, *[no] * 4, away), concurrency=1)
    assert (report.issues[0].paused, report.accepted) == (None, 1)


def test_the_48_hours_begin_at_the_first_answer_and_again_at_a_resume(sqlite_database: Database) -> None:
    """Who was claimed just before a pause of days used to be given up at the first deferral."""
    issue = prepare(sqlite_database)
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450)
    assert isinstance(run(sqlite_database, Scripted(TransportError("away"))).problem, TransportError)

    def hours(number: int) -> datetime:
        return cast.NOW + timedelta(hours=number)

    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by hand", now=cast.NOW)
        sending.resume(session, issue, now=hours(60))
    assert run(sqlite_database, Scripted(later), now=hours(60)).issues[0].deferred == 1
    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by hand", now=hours(61))
        sending.resume(session, issue, now=hours(120))
    assert run(sqlite_database, Scripted(later), now=hours(120)).issues[0].deferred == 1
    assert run(sqlite_database, Scripted(later), now=hours(150)).issues[0].deferred == 1
    report = run(sqlite_database, Scripted(later), now=hours(168))
    assert (report.issues[0].expired, report.issues[0].refused) == (1, 0)
    with sqlite_database.read() as session:
        assert {row.dated for row in list_deliveries(session, issue)} == {cast.NOW}, "the Date header stays"


def test_mail_that_is_days_late_waits_for_a_person(database: Database) -> None:
    issue = prepare(database, people=2)
    away = TransportError("the server is away")
    for hour in (0, 24, 48):
        assert run(database, Scripted(away, away), now=cast.NOW + timedelta(hours=hour), concurrency=1).problem
    report = run(database, Scripted(), now=cast.NOW + timedelta(hours=49))
    assert (report.accepted, report.problem) == (0, None)
    assert issue_row(database) == (
        "paused",
        "nothing could be sent for 49 hours, since 2017-08-14 00:05 America/Los_Angeles",
    )
    with database.write() as session:
        assert list_events(session, kind="issue.paused", issue_id=issue)[0].data["reason"] == issue_row(database)[1]
        sending.resume(session, issue, now=cast.NOW + timedelta(hours=70))
    assert run(database, Scripted(), now=cast.NOW + timedelta(hours=71)).accepted == 3


def test_a_tail_of_deferrals_is_not_taken_for_an_outage(sqlite_database: Database) -> None:
    """Even where the newsletter bears an hour only: waits of eight hours are the server's wish."""
    prepare(sqlite_database, people=2)
    with sqlite_database.write() as session:
        session.execute(text("UPDATE newsletter SET max_late_hours = 1"))
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450)
    now, deferred = cast.NOW, 0
    for _ in range(54):
        report = run(sqlite_database, Scripted(*[later] * 3), now=now)
        deferred += report.issues[0].deferred if report.issues else 0
        assert not (report.issues and report.issues[0].paused)
        now += timedelta(minutes=50)
    assert deferred > 15
    assert run(sqlite_database, Scripted(), now=now + timedelta(hours=12)).issues[0].paused


def test_the_sender_stays_until_the_issue_is_resumed(sqlite_database: Database) -> None:
    """An edit in between would change the bytes of later attempts; after a pause it may be what mends the refusals."""
    issue = prepare(sqlite_database)
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451)
    server = Scripted(later, later)
    run(sqlite_database, server)
    with sqlite_database.write() as session:
        session.execute(text("UPDATE newsletter SET sender_address = 'new@example.org', reply_to = 'r@x.example'"))
    run(sqlite_database, server, now=cast.NOW + timedelta(hours=1))
    first, second = server.finished
    assert first == second
    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by hand", now=cast.NOW)
        sending.resume(session, issue, now=cast.NOW + timedelta(hours=2))
    run(sqlite_database, server, now=cast.NOW + timedelta(hours=2))
    assert server.finished[2].sender == "new@example.org"


def test_who_was_given_up_can_be_sent_to_again_by_name_only(sqlite_database: Database) -> None:
    issue_id = prepare(sqlite_database, people=1)
    no = Outcome(kind=OutcomeKind.REFUSED, phase="rcpt", code=550, enhanced="5.1.1")
    assert run(sqlite_database, Scripted(no, no)).issues[0].done
    with sqlite_database.write() as session:
        issue, again = get_issue(session, issue_id), DeliveryState.QUEUED
        newsletter = newsletter_of_id(session, issue.newsletter_id)
        with pytest.raises(NothingToDo):
            resolve_uncertain(session, newsletter, issue, to=again, now=cast.NOW)
        named = ("anna@example.org",)
        assert resolve_uncertain(session, newsletter, issue, to=again, addresses=named, now=cast.NOW) == 1
    assert run(sqlite_database, Scripted()).accepted == 1
    assert counts(sqlite_database, issue_id) == {"accepted": 1, "refused": 1}


def test_no_reader_waits_for_a_year_because_a_clock_was_ahead(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=1)
    grey = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450, reply="greylisted")
    run(sqlite_database, Scripted(grey, grey), now=cast.NOW + timedelta(days=365))
    run(sqlite_database, Scripted(grey, grey), owner="two")
    run(sqlite_database, Scripted(), owner="three", now=cast.NOW + timedelta(minutes=14))
    assert counts(sqlite_database, issue) == {"queued": 2}, "they wait as after any answer"
    run(sqlite_database, Scripted(), owner="four", now=cast.NOW + timedelta(minutes=30))
    assert counts(sqlite_database, issue) == {"accepted": 2}
