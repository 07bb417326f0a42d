"""Stop it anywhere, run it again: nobody is lost, nobody is doubled. The oracle is the mail server's own log."""

import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.clock import system_clock
from digest.store import sending
from digest.store.database import Database
from tests.processes import Deployment, add_due_period, add_sending_issue, mail_server

CONNECTIONS = 4  # of the default settings


@pytest.mark.parametrize("kill_after", [1, 7])
def test_a_process_killed_in_mid_send_loses_nobody_and_doubles_nobody(
    database: Database, tmp_path: Path, kill_after: int
) -> None:
    issue = add_sending_issue(database, 30)
    with mail_server(seconds=0.05) as (inbox, port), Deployment(database, tmp_path, port) as place:
        process = place.start("run", "--no-gather")
        inbox.wait_for(kill_after)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        later = place.run_later(hours=1)
        assert later.returncode == 0, later.stderr
        # What was between the final dot and its settlement when the process died is held: never sent again by itself.
        held = place.counts(issue).get("uncertain", 0)
        assert held <= CONNECTIONS
        assert place.counts(issue) == {"accepted": 30 - held} | ({"uncertain": held} if held else {})
        assert inbox.doubled == []
        assert len(inbox.log) >= 30 - held


def test_sigterm_finishes_the_messages_in_hand_and_gives_the_rest_back(database: Database, tmp_path: Path) -> None:
    issue = add_sending_issue(database, 30)
    with mail_server(seconds=0.2) as (inbox, port), Deployment(database, tmp_path, port) as place:
        daemon = place.start("serve")
        inbox.wait_for(5)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=60)
        assert daemon.returncode == 0, err
        assert "stopped" in err
        done = place.counts(issue)
        assert set(done) == {"accepted", "queued"}
        assert done["accepted"] == len(inbox.log)
        assert inbox.doubled == []
        place.run("run", "--no-gather")
        assert (place.counts(issue), len(inbox.log), inbox.doubled) == ({"accepted": 30}, 30, [])


def test_two_daemons_a_cron_line_and_a_person_at_once_make_one_issue_and_one_message_each(
    database: Database, tmp_path: Path
) -> None:
    add_due_period(database, readers=25)
    with mail_server(seconds=0.02) as (inbox, port), Deployment(database, tmp_path, port) as place:
        daemons = [place.start("serve") for _ in range(2)]
        people = [place.start("run"), place.start("run", "--json")]
        for process in people:
            _, err = process.communicate(timeout=90)
            assert process.returncode in {0, 4}, err
        inbox.wait_for(25)
        for daemon in daemons:
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            _, err = daemon.communicate(timeout=60)
            assert daemon.returncode == 0, err
            assert "error" not in err, err
        with database.read() as session:
            issues = session.execute(text("SELECT state, expected FROM issue")).all()
        assert [tuple(row) for row in issues] == [("done", 25)]
        assert (len(inbox.log), inbox.doubled) == (25, [])
        assert len({message_id for _, message_id in inbox.log}) == 25


def test_a_pause_acts_while_another_process_sends(database: Database, tmp_path: Path) -> None:
    issue = add_sending_issue(database, 30)
    with mail_server(seconds=0.1) as (inbox, port), Deployment(database, tmp_path, port) as place:
        process = place.start("run", "--no-gather")
        inbox.wait_for(4)
        with database.write() as session:
            assert sending.pause(session, issue, reason="by the admin", now=system_clock())
        process.communicate(timeout=60)
        paused = place.counts(issue)
        assert set(paused) == {"accepted", "queued"}
        assert paused["accepted"] == len(inbox.log) < 30
        with database.write() as session:
            assert sending.resume(session, issue, now=system_clock())
        assert place.run("run", "--no-gather").returncode == 0
        assert (place.counts(issue), inbox.doubled) == ({"accepted": 30}, [])
