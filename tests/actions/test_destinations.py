"""A domain that defers our mail waits as a whole; every other one goes on."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update
from tests import cast
from tests.actions.delivering import counts, run

from digest.core.people import Envelope, Outcome
from digest.core.states import IssueState, OutcomeKind
from digest.mail.transport import BeforeDot
from digest.store import sending
from digest.store.database import Database
from digest.store.destinations import list_destinations
from digest.store.people_tables import DeliveryRow, DestinationRow

BUSY = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451, enhanced="4.7.500", reply="busy", server="mx")
GREY = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450, enhanced="4.2.0", reply="greylisted", server="mx")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Domains:
    """A mail server that says of each domain what it is told, and else accepts."""

    def __init__(self, **answers: Outcome) -> None:
        self.answers, self.asked = answers, []

    async def open(self) -> None:
        pass

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        domain = envelope.recipient.partition("@")[2]
        self.asked.append(domain)
        answer = self.answers.get(domain.partition(".")[0])
        if (answer and answer.phase != "dot") or not await before_dot():
            return answer or Outcome(kind=OutcomeKind.UNSENT, phase="body")
        return answer or Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250)

    async def close(self) -> None:
        pass

    def count(self) -> dict[str, int]:
        """How often each domain was asked since the last time."""
        asked, self.asked = Counter(self.asked), []
        return dict(asked)


def prepare(database: Database, **readers: int) -> int:
    """An issue to so many readers of each domain."""
    with database.write() as session:
        company = cast.assemble(session)
        for number in range(max(readers.values())):
            for domain in (each for each, most in readers.items() if number < most):
                person = cast.add_subscriber(session, f"reader{number}@{domain}.example")
                cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue, html="<p>Hi %%k3y:name%%</p>", text="Hi %%k3y:name%%")
    return issue


def waiting(database: Database) -> dict[str, datetime | None]:
    with database.read() as session:
        return {each.domain: each.standing.not_before for each in list_destinations(session)}


def test_a_busy_domain_waits_and_the_others_get_their_mail(database: Database) -> None:
    issue = prepare(database, busy=30, one=20, two=20)
    server = Domains(busy=BUSY)
    run(database, server, concurrency=2)
    asked = server.count()
    assert (asked["one.example"], asked["two.example"], asked["example.org"]) == (20, 20, 1)
    assert 3 <= asked["busy.example"] < 30, "what was claimed before it was known to wait"
    assert waiting(database) == {"busy.example": cast.NOW + 15 * MINUTE}
    assert counts(database, issue) == {"accepted": 41, "queued": 30}


def test_after_the_wait_one_message_tries_and_only_an_acceptance_lets_the_others_go(database: Database) -> None:
    issue = prepare(database, busy=30)
    server = Domains(busy=BUSY)
    run(database, server, concurrency=1)
    server.count()
    assert run(database, server, now=cast.NOW + 14 * MINUTE).issues[0].touched is False
    now, waits = cast.NOW + 15 * MINUTE, []
    for _ in range(4):
        run(database, server, now=now, concurrency=4)
        assert server.count() == {"busy.example": 1}
        waits.append((waiting(database)["busy.example"] - now) // MINUTE)
        now = waiting(database)["busy.example"]
    assert waits == [30, 60, 120, 240]
    server.answers.clear()
    first = run(database, server, now=now, concurrency=4)
    assert (first.accepted, waiting(database)) == (1, {})
    run(database, server, now=now + timedelta(hours=8))
    assert counts(database, issue) == {"accepted": 31}


def test_greylisting_makes_no_domain_wait_so_that_every_reader_has_a_first_attempt(database: Database) -> None:
    prepare(database, grey=20)
    server = Domains(grey=GREY)
    run(database, server)
    assert server.count()["grey.example"] == 20
    assert waiting(database) == {}
    server.answers.clear()
    assert run(database, server, now=cast.NOW + 15 * MINUTE).accepted == 20


def test_an_acceptance_ends_the_row(database: Database) -> None:
    prepare(database, busy=2)
    server = Domains(busy=BUSY)
    run(database, server)
    assert waiting(database) == {"busy.example": None}
    server.answers.clear()
    run(database, server, now=cast.NOW + 15 * MINUTE)
    assert waiting(database) == {}


def test_after_two_days_those_who_waited_behind_expire_with_those_who_tried(database: Database) -> None:
    issue = prepare(database, busy=30)
    server = Domains(busy=BUSY)
    now, wave = cast.NOW, cast.NOW + timedelta(hours=26)
    with database.write() as session:
        sending.start_sending(session, issue, now=now)
        theirs = DeliveryRow.__table__.c.address == "reader0@busy.example"
        session.execute(update(DeliveryRow.__table__).where(theirs).values(not_before=wave))
    told: list[tuple[int, int]] = []
    given_up = 0
    for _ in range(20):
        report = run(database, server, now=now, concurrency=1, on_progress=lambda *more: told.append(more))
        given_up += report.issues[0].expired
        now = waiting(database)["busy.example"]
        if now - cast.NOW > timedelta(hours=60):
            break
    assert counts(database, issue) == {"accepted": 1, "expired": 29, "queued": 1}, (
        "whose hour came later has two days, too"
    )
    assert (given_up, sum(rested for rested, _ in told)) == (29, 1 + 29), "the run tells of whom it gave up"
    run(database, server, now=wave + timedelta(hours=47), concurrency=1)
    run(database, server, now=wave + timedelta(hours=96), concurrency=1)
    assert counts(database, issue) == {"accepted": 1, "expired": 30}
    with database.read() as session:
        assert sending.sending_issues(session) == ()


def test_nobody_is_tried_later_than_two_days_after_the_first_try_however_their_domain_waits(database: Database) -> None:
    """It began to defer ten hours after they were first tried, so that its own two days end later than theirs."""
    issue = prepare(database, busy=9)
    server = Domains(busy=GREY)
    run(database, server, concurrency=1)
    server.answers["busy"] = BUSY
    now, tried = cast.NOW + timedelta(hours=10), []
    while counts(database, issue) == {"accepted": 1, "queued": 9}:
        tried.append(now)
        server.count()
        run(database, server, now=now, concurrency=1)
        assert server.asked, "each time somebody is tried"
        now = waiting(database)["busy.example"]
    assert counts(database, issue) == {"accepted": 1, "expired": 9}
    assert tried[-2:] == [cast.NOW + timedelta(hours=41, minutes=45), cast.NOW + 2 * DAY]


def test_a_domain_that_waits_pauses_no_issue_for_being_late(sqlite_database: Database) -> None:
    prepare(sqlite_database, busy=30)
    with sqlite_database.write() as session:
        session.connection().exec_driver_sql("UPDATE newsletter SET max_late_hours = 3")
    server = Domains(busy=BUSY)
    now = cast.NOW
    for _ in range(6):
        report = run(sqlite_database, server, now=now, concurrency=1)
        assert report.issues[0].paused is None
        now = waiting(sqlite_database)["busy.example"]


def test_a_domain_does_not_wait_for_a_year_because_a_clock_was_ahead(sqlite_database: Database) -> None:
    prepare(sqlite_database, busy=9)
    server = Domains(busy=BUSY)
    with sqlite_database.write() as session:
        said = {"failures": 5, "since": cast.NOW, "at": cast.NOW + 365 * DAY, "not_before": cast.NOW + 366 * DAY}
        session.execute(insert(DestinationRow.__table__).values(domain="busy.example", answer="451 at the dot", **said))
    run(sqlite_database, server, concurrency=1)
    assert waiting(sqlite_database) == {"busy.example": cast.NOW + 15 * MINUTE}, "as for one that was never heard of"


def test_resuming_lets_every_domain_be_asked_again(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, busy=9)
    run(sqlite_database, Domains(busy=BUSY), concurrency=1)
    with sqlite_database.write() as session:
        sending.pause(session, issue, reason="by the admin", now=cast.NOW)
        sending.resume(session, issue, now=cast.NOW)
    assert waiting(sqlite_database) == {}


@pytest.mark.parametrize(
    "address", ["anna@example.org", "Anna@EXAMPLE.org", "anna@münchen.example", "a.b+c@sub.example.co"]
)
def test_a_deliverys_domain_is_that_of_its_address_in_normal_form(database: Database, address: str) -> None:
    from sqlalchemy import text

    from digest.core.addresses import domain_of

    with database.write() as session:
        company = cast.assemble(session)
        session.execute(text("DELETE FROM subscription"))
        session.execute(text("DELETE FROM subscriber"))
        cast.add_subscription(session, company.newsletter, cast.add_subscriber(session, address))
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue)
        sending.start_sending(session, issue, now=cast.NOW)
    with database.read() as session:
        assert session.execute(text("SELECT domain FROM delivery")).scalar() == domain_of(address)
