"""An issue is steered while another process sends it: nothing leaves a second later, and the sender lets go."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.clock import system_clock
from digest.store import sending
from digest.store.database import Database
from tests.processes import Deployment, add_sending_issue, mail_server

CONNECTIONS = 4  # of the default settings


def wait_until(is_so: Callable[[], bool], *, within: float) -> None:
    """Fails when it is not so in time."""
    end = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < end, f"not within {within} seconds"
        time.sleep(0.02)


@pytest.mark.parametrize(("words", "left"), [(("pause", "1"), "queued"), (("cancel", "1", "--yes"), "skipped")])
def test_no_final_dot_is_sent_once_the_command_has_returned(
    database: Database, tmp_path: Path, words: tuple[str, ...], left: str
) -> None:
    issue = add_sending_issue(database, 200)
    with mail_server(seconds=0.3) as (inbox, port), Deployment(database, tmp_path, port) as place:
        process = place.start("run", "--no-gather")
        inbox.wait_for(4)
        assert place.run("issue", *words).returncode == 0
        returned = time.monotonic()
        out, err = process.communicate(timeout=60)
        # What was marked before the command's commit may have its dot on the way when the command returns.
        assert max(inbox.dots) < returned + 1
        state = {"pause": "paused", "cancel": "cancelled"}[words[0]]
        assert (process.returncode, f"{state}: by the admin" in out) == (3, True), out + err
        assert set(place.counts(issue)) == {"accepted", left}, "claims are given back"
        assert place.counts(issue)["accepted"] == len(inbox.log) < 200


@pytest.mark.slow
def test_a_pause_is_noticed_while_every_lane_waits_for_a_slow_answer(database: Database, tmp_path: Path) -> None:
    issue = add_sending_issue(database, 30)
    with mail_server(seconds=8) as (inbox, port), Deployment(database, tmp_path, port) as place:
        daemon = place.start("serve")
        wait_until(lambda: len(inbox.dots) == CONNECTIONS, within=60)
        assert place.counts(issue)["claimed"] > 0
        with database.write() as session:
            assert sending.pause(session, issue, reason="by the admin", now=system_clock())
        wait_until(lambda: place.counts(issue) == {"inflight": 4, "queued": 26}, within=4)  # 1, on a busy machine
        assert inbox.log == [], "no answer has come yet"
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=60)
        assert daemon.returncode == 0, err
        assert f"stopped issue={issue} state=paused reason=by the admin" in err
        assert (place.counts(issue), len(inbox.dots)) == ({"accepted": 4, "queued": 26}, 4)


def test_sigterm_ends_a_run_after_the_messages_in_hand(database: Database, tmp_path: Path) -> None:
    issue = add_sending_issue(database, 60)
    with mail_server(seconds=0.5) as (inbox, port), Deployment(database, tmp_path, port) as place:
        process = place.start("run", "--no-gather")
        inbox.wait_for(4)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert f"{len(inbox.log)} accepted of 60" in out
        assert place.counts(issue) == {"accepted": len(inbox.log), "queued": 60 - len(inbox.log)}
        assert inbox.doubled == []
