"""`digest issue watch`: an issue followed from the database while another process sends it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.cli.terminal import type_to_digest
from tests.processes import Deployment, add_sending_issue, mail_server

from digest.actions.follow import Follower
from digest.cli.issue_watch import time_left
from digest.clock import system_clock
from digest.core.states import DeliveryState, IssueState
from digest.store import sending
from digest.store.database import Database
from digest.store.issues import get_issue


def test_it_follows_a_sender_to_the_end(database: Database, tmp_path: Path) -> None:
    add_sending_issue(database, 60)
    with mail_server(seconds=0.4) as (inbox, port), Deployment(database, tmp_path, port) as place:
        sender = place.start("run", "--no-gather")
        inbox.wait_for(1)
        watch = place.start("issue", "watch", "--json")
        out, err = watch.communicate(timeout=90)
        sender.communicate(timeout=60)
    looks = [json.loads(line) for line in out.splitlines()]
    assert (watch.returncode, err) == (0, "")
    assert looks[0]["state"] == "sending"
    assert looks[0]["rate"] > 0
    assert looks[0]["seconds_left"] > 0
    assert (looks[0]["newsletter"], looks[0]["number"], looks[0]["expected"]) == ("weekly", 1, 60)
    settled = [look["settled"] for look in looks]
    assert settled == sorted(settled)
    assert (looks[-1]["state"], looks[-1]["counts"], looks[-1]["seconds_left"]) == ("done", {"accepted": 60}, None)
    assert "@" not in out


@pytest.mark.parametrize("words", [("pause", "1"), ("cancel", "1", "--yes")])
def test_it_ends_with_a_pause_and_a_cancel(sqlite_database: Database, tmp_path: Path, words: tuple[str, ...]) -> None:
    add_sending_issue(sqlite_database, 60)
    with mail_server(seconds=0.5) as (inbox, port), Deployment(sqlite_database, tmp_path, port) as place:
        sender = place.start("run", "--no-gather")
        inbox.wait_for(1)
        watch = place.start("issue", "watch", "1")
        assert place.run("issue", *words).returncode == 0
        out, err = watch.communicate(timeout=60)
        sender.communicate(timeout=60)
    assert (watch.returncode, err) == (3, "")
    assert out.splitlines()[-1].endswith("; by the admin")


def test_once_looks_once_and_says_what_it_sees(sqlite_database: Database, tmp_path: Path) -> None:
    issue = add_sending_issue(sqlite_database, 3)
    with Deployment(sqlite_database, tmp_path, 9) as place:
        done = place.run("issue", "watch", "--once")
        assert (done.returncode, done.stdout) == (0, "weekly 1 sending: its deliveries are not made yet\n"), done.stderr
        with sqlite_database.write() as session:
            sending.start_sending(session, issue, now=system_clock())
            session.execute(text("UPDATE delivery SET state = 'refused' WHERE id = 1"))
        done = place.run("issue", "watch", "--once")
        assert done.stdout.startswith("weekly 1 sending: 1 of 3; 2 queued, 1 refused; ")
        with sqlite_database.write() as session:
            session.execute(text("UPDATE delivery SET state = 'accepted' WHERE id > 1"))
            assert sending.finish(session, issue, now=system_clock())
        done = place.run("issue", "watch", "1", "--once")
        assert (done.returncode, done.stdout) == (3, "weekly 1 done: 3 of 3; 2 accepted, 1 refused\n")
        done = place.run("issue", "watch")
        assert (done.returncode, done.stderr.splitlines()[0]) == (4, "no issue of weekly is going out")
        with sqlite_database.write() as session:
            session.execute(text("UPDATE issue SET state = 'paused', reason = 'by the admin'"))
        for verb in ("watch", "pause"):
            done = place.run("issue", verb)
            assert (done.returncode, done.stderr) == (
                4,
                "no issue of weekly is going out: issue 1 is paused\nnext: digest issue resume 1 --newsletter weekly\n",
            )


def test_on_a_terminal_it_is_drawn(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = add_sending_issue(sqlite_database, 3)
    with sqlite_database.write() as session:
        sending.start_sending(session, issue, now=system_clock())
        session.execute(text("UPDATE delivery SET state = 'accepted'"))
        sending.finish(session, issue, now=system_clock())
    for name, value in Deployment(sqlite_database, tmp_path, 9).environment.items():
        monkeypatch.setenv(name, value)
    code, shown = type_to_digest("issue", "watch", "1", cwd=tmp_path, answers=[])
    assert (code, "weekly 1 done: 3 of 3; 3 accepted" in shown, "━━━" in shown) == (0, True, True), shown


def test_the_rate_is_of_the_last_minute(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        company = cast.assemble(session)
        for number in range(99):
            person = cast.add_subscriber(session, f"reader{number}@x.example")
            cast.add_subscription(session, company.newsletter, person)
        number = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, number, html="<p>Hi</p>")
        sending.start_sending(session, number, now=cast.NOW - timedelta(hours=1))
        issue = get_issue(session, number)
    now = cast.NOW
    follower = Follower(sqlite_database, issue, newsletter="weekly", clock=lambda: now)
    rates = []
    for seconds, accepted in ((0, 0), (20, 40), (40, 80), (60, 80), (80, 80), (100, 80)):
        now = cast.NOW + timedelta(seconds=seconds)
        with sqlite_database.write() as session:
            session.execute(text("UPDATE delivery SET state = 'accepted' WHERE id <= :n"), {"n": accepted})
        look = follower.look()
        rates.append((look.rate, look.seconds_left))
    assert rates[0] == (0.0, None)
    assert [rate for rate, _ in rates[2:]] == [0.8, 1.3, 0.7, 0.0]
    assert rates[2][1] == 25
    assert look.counts == {DeliveryState.QUEUED: 20, DeliveryState.ACCEPTED: 80}


def test_time_left_is_told_in_words() -> None:
    assert [time_left(seconds) for seconds in (None, 16, 75, 7260)] == [
        "", ", 16 s left", ", 1 min 15 s left", ", 2 h 1 min left"
    ]  # fmt: skip
