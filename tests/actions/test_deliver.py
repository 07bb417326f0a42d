"""Delivering into a real Maildir, from a real database: once each, and only to whom it may go."""

import asyncio
import mailbox
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import KEY, Scripted, arrived, counts, issue_row, prepare, run
from tests.reading import read_message
from tests.smtp_server import DEFAULTS, ScriptedServer

from digest.actions import ledger as ledger_module
from digest.actions.deliver import DeliverReport, deliver
from digest.core.people import Outcome
from digest.core.states import OutcomeKind
from digest.errors import DatabaseBusy, DatabaseError, LoginRefused, TransportError
from digest.mail.maildir import MaildirTransport
from digest.mail.smtp import SmtpTransport
from digest.store import sending
from digest.store.database import Database
from digest.store.spool import Spool


def test_progress_counts_what_came_to_rest_and_apart_what_waits(sqlite_database: Database) -> None:
    prepare(sqlite_database, people=2)
    told: list[tuple[int, int]] = []
    ticks = iter(range(10_000))
    unsent = Outcome(kind=OutcomeKind.UNSENT, phase="data")
    asyncio.run(
        deliver(
            sqlite_database, transport=Scripted(unsent), key=KEY, base_url=None, owner="one", concurrency=1,
            clock=lambda: cast.NOW + timedelta(seconds=20 * next(ticks)), claim_lease=timedelta(days=1),
            on_progress=lambda rested, waiting: told.append((rested, waiting)),
        )
    )  # fmt: skip
    assert told == [(0, 1), (1, 0), (1, 0), (1, -1)]


def test_everybody_active_gets_one_message_and_a_second_run_sends_nothing(database: Database, tmp_path: Path) -> None:
    issue = prepare(database, people=25)
    first = run(database, MaildirTransport(tmp_path))
    again = run(database, MaildirTransport(tmp_path), owner="two")
    assert arrived(tmp_path) == sorted(
        ["Anna <anna@example.org>", *(f"Reader {number} <reader{number}@x.example>" for number in range(25))]
    )
    assert (first.accepted, first.issues[0].expected, first.issues[0].done) == (26, 26, True)
    assert (again.accepted, again.issues) == (0, [])
    assert counts(database, issue) == {"accepted": 26}
    assert issue_row(database) == ("done", None)


def test_each_reader_sees_only_their_own_name_and_link(sqlite_database: Database, tmp_path: Path) -> None:
    prepare(sqlite_database, people=1)
    run(sqlite_database, MaildirTransport(tmp_path))
    for message in mailbox.Maildir(tmp_path, create=False):
        ours = read_message(message.as_bytes().replace(b"\n", b"\r\n"))
        name = ours.one("To").partition(" <")[0]
        assert ours.parts[0].body.startswith(f"Hi {name}\r\nhttps://n.example/unsubscribe/")
        assert ours.parts[1].body == f"<p>Hi {name}</p>\r\n"


def test_two_runs_at_once_share_the_work_and_double_nothing(database: Database, tmp_path: Path) -> None:
    issue = prepare(database, people=60)

    async def both() -> list[DeliverReport]:
        return await asyncio.gather(*(
            deliver(database, transport=MaildirTransport(tmp_path / owner), key=KEY, base_url=None,
                    clock=lambda: cast.NOW, owner=owner) for owner in ("one", "two")
        ))  # fmt: skip

    reports = asyncio.run(both())
    everyone = [*arrived(tmp_path / "one"), *arrived(tmp_path / "two")]
    assert sum(report.accepted for report in reports) == 61
    assert len(everyone) == len(set(everyone)) == 61
    assert counts(database, issue) == {"accepted": 61}


def test_a_deferred_message_goes_out_later_with_the_same_bytes(database: Database) -> None:
    issue = prepare(database)
    deferred = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451, enhanced="4.3.0", reply="try again")
    server = Scripted(deferred)
    assert run(database, server).issues[0].deferred == 1
    assert counts(database, issue) == {"queued": 1}
    assert run(database, server, now=cast.NOW + timedelta(minutes=10)).accepted == 0
    later = run(database, server, now=cast.NOW + timedelta(minutes=15))
    assert (later.accepted, later.issues[0].done) == (1, True)
    first, second = server.finished
    assert first == second


def test_an_unknown_outcome_is_held_and_the_issue_is_done(database: Database) -> None:
    issue = prepare(database)
    server = Scripted(Outcome(kind=OutcomeKind.UNCERTAIN, phase="dot"))
    assert run(database, server).issues[0].uncertain == 1
    assert run(database, server, now=cast.NOW + timedelta(days=9)).accepted == 0
    assert counts(database, issue) == {"uncertain": 1}
    assert (len(server.finished), issue_row(database)[0]) == (1, "done")


def test_a_transport_that_fails_leaves_everything_queued(database: Database) -> None:
    issue = prepare(database, people=9)
    report = run(database, Scripted(*[TransportError("the server is away")] * 20))
    assert isinstance(report.problem, TransportError)
    assert counts(database, issue) == {"queued": 10}
    assert run(database, Scripted(), owner="two").accepted == 10


def test_a_spool_that_cannot_be_read_stops_the_run_before_anything_is_called_unknown(
    sqlite_database: Database, tmp_path: Path
) -> None:
    issue = prepare(sqlite_database)
    (tmp_path / "spool").write_text("not a folder")
    server = Scripted()
    report = run(sqlite_database, server, spool=Spool(tmp_path / "spool"))
    assert isinstance(report.problem, DatabaseError)
    assert "Not a directory" in report.problem.message
    assert (counts(sqlite_database, issue), server.finished) == ({}, [])


def test_a_refused_login_pauses_the_issue_and_says_how_to_go_on(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=9)
    report = run(sqlite_database, Scripted(LoginRefused("mail.example refused the password")))
    assert report.problem.next_step == "mend that, then run: digest issue resume 1 --newsletter weekly"
    assert issue_row(sqlite_database) == ("paused", "mail.example refused the password")
    assert counts(sqlite_database, issue)["queued"] >= 6, "only what other lanes had in hand went out"


def test_five_refusals_of_the_sender_in_a_row_pause_the_issue(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=29)
    no = Outcome(kind=OutcomeKind.REFUSED, phase="mail", code=554, enhanced="5.7.1", reply="blocked", server="mx")
    report = run(sqlite_database, Scripted(*[no] * 30), concurrency=1)
    assert report.issues[0].paused == "mx refused the sender 5 times in a row: 554 5.7.1 at mail"
    assert counts(sqlite_database, issue) == {"queued": 30}, "it says nothing about the readers"
    with sqlite_database.write() as session:
        sending.resume(session, issue, now=cast.NOW)
    again = run(sqlite_database, Scripted(*[no] * 30), concurrency=1)
    assert again.issues[0].deferred == 5, "the count begins anew, and nobody has to wait out a back-off"
    with sqlite_database.write() as session:
        sending.resume(session, issue, now=cast.NOW)
    assert run(sqlite_database, Scripted()).accepted == 30


@pytest.mark.parametrize("leave", ["unsubscribe", "suppress"])
def test_who_leaves_while_the_message_is_on_its_way_does_not_get_it(database: Database, leave: str) -> None:
    issue = prepare(database)

    def go() -> None:
        with database.write() as session:
            if leave == "suppress":
                cast.add_suppression(session, "anna@example.org")
            else:
                session.execute(text("UPDATE subscription SET state = 'ended'"))

    server = Scripted(during=go)
    report = run(database, server)
    assert (server.finished, report.issues[0].turned_away, report.issues[0].done) == ([], 1, True)
    assert counts(database, issue) == {"skipped": 1}


def test_a_pause_stops_before_the_next_final_dot(database: Database) -> None:
    issue = prepare(database, people=40)
    server = Scripted()

    def pause_at_the_third() -> None:
        if len(server.finished) == 2:
            with database.write() as session:
                sending.pause(session, issue, reason="by hand", now=cast.NOW)

    server.during = pause_at_the_third
    run(database, server, concurrency=1)
    assert counts(database, issue) == {"accepted": 2, "queued": 39}


def test_stop_finishes_the_message_in_hand_and_gives_the_rest_back(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=40)
    stop = asyncio.Event()
    run(sqlite_database, Scripted(during=stop.set), stop=stop, concurrency=1)
    assert counts(sqlite_database, issue) == {"accepted": 1, "queued": 40}


def test_an_address_that_cannot_stand_in_a_message_is_refused_alone(sqlite_database: Database, tmp_path: Path) -> None:
    issue = prepare(sqlite_database, people=3)
    with sqlite_database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)
        session.execute(text("UPDATE delivery SET address = 'a>b' WHERE name = 'Reader 1'"))
    report = run(sqlite_database, MaildirTransport(tmp_path))
    assert (report.accepted, report.issues[0].refused, report.issues[0].done) == (3, 1, True)


def test_a_server_that_hangs_up_after_the_dot_leaves_exactly_that_message_held(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=9)

    async def send() -> ScriptedServer:
        async with ScriptedServer() as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=1)

            def hang_up_at_the_fourth() -> datetime:
                server.accept_then = "close" if len(server.accepted) == 3 else None
                return cast.NOW

            await deliver(
                sqlite_database, transport=transport, key=KEY, base_url=None, clock=hang_up_at_the_fourth, owner="one",
                concurrency=1,
            )  # fmt: skip
            return server

    server = asyncio.run(send())
    assert counts(sqlite_database, issue) == {"accepted": 9, "uncertain": 1}
    assert len({recipient for _, recipient, _ in server.accepted}) == len(server.accepted) == 10


def test_a_database_that_is_locked_stops_the_sending_before_the_dot_and_loses_nothing(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = prepare(sqlite_database, people=5)
    monkeypatch.setattr(ledger_module, "_ATTEMPTS", 1)
    impatient = Database(str(sqlite_database.url), busy_timeout_ms=50)
    holder = sqlite3.connect(sqlite_database.path, isolation_level=None, check_same_thread=False)

    def lock() -> None:
        if not holder.in_transaction:
            holder.execute("BEGIN IMMEDIATE")

    server = Scripted(during=lock)
    report = run(impatient, server, concurrency=1)
    assert (server.finished, type(report.problem)) == ([], DatabaseBusy)
    holder.execute("ROLLBACK")
    holder.close()
    impatient.close()
    assert run(sqlite_database, Scripted(), owner="two", now=cast.NOW + timedelta(minutes=4)).accepted == 6
    assert counts(sqlite_database, issue) == {"accepted": 6}


def test_a_refused_login_pauses_the_issue_whatever_bytes_the_server_says(database: Database) -> None:
    prepare(database)
    ehlo = DEFAULTS["ehlo"].replace(b"250-SMTPUTF8", b"250-AUTH PLAIN LOGIN")
    server = ScriptedServer({"ehlo": ehlo, "auth": b"535 5.7.8 acc\xe8s refus\xe9\x00\r\n"})

    async def talk() -> DeliverReport:
        async with server:
            transport = SmtpTransport(
                host="127.0.0.1", port=server.port, security="plain", username="anna", password="x"
            )  # fmt: skip
            return await deliver(
                database, transport=transport, key=KEY, base_url=None, clock=lambda: cast.NOW, owner="one"
            )  # fmt: skip

    assert isinstance(asyncio.run(talk()).problem, LoginRefused)
    state, reason = issue_row(database)
    assert (state, "535 5.7.8" in reason) == ("paused", True)
