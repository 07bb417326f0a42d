"""The database goes away while the mail server answers: what the server said is kept on the disk, and nothing is unknown."""

import json
import sqlite3
import stat
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.store import schema
from digest.store.database import Database
from tests.postgres import crashed, running_server
from tests.processes import Deployment, add_sending_issue, mail_server

READERS = 8


def wait_for_inflight(database: Database) -> None:
    """Every lane has sent its final dot, and the server thinks about it."""
    for _ in range(600):
        with database.read() as session:
            if session.execute(text("SELECT count(*) FROM delivery WHERE state = 'inflight'")).scalar_one() >= 4:
                time.sleep(0.2)  # from the commit to the dot
                return
        time.sleep(0.02)
    pytest.fail("nothing went out")


def held_outcomes(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


def check(place: Deployment, inbox: object, issue: int, *, reaped_before: bool) -> None:
    """What the sender left, and what the next turns make of it."""
    kept = held_outcomes(place.folder / "spool")
    assert [line["outcome"]["kind"] for line in kept].count("accepted") == len(inbox.log) == 4
    assert "@" not in "".join(file.read_text() for file in (place.folder / "spool").iterdir())
    assert stat.S_IMODE((place.folder / "spool").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (place.folder / "spool").iterdir()} == {0o600}
    inbox.seconds = 0.0
    if reaped_before:  # by another machine, which has no such file
        elsewhere = place.folder / "elsewhere"
        elsewhere.mkdir()
        other = Deployment(place.database, elsewhere, place.port)
        assert other.run_later(minutes=20).returncode == 0
        assert place.counts(issue) == {"accepted": READERS - 4, "uncertain": 4}
    later = place.run_later(minutes=40)
    assert later.returncode == 0, later.stderr
    assert place.counts(issue) == {"accepted": READERS}
    assert (len(inbox.log), inbox.doubled) == (READERS, [])
    assert list((place.folder / "spool").iterdir()) == []


@pytest.mark.slow
def test_an_acceptance_that_could_not_be_written_is_kept_while_sqlite_is_locked(
    sqlite_database: Database, tmp_path: Path
) -> None:
    issue = add_sending_issue(sqlite_database, READERS)
    with mail_server(seconds=1.5) as (inbox, port), Deployment(sqlite_database, tmp_path, port) as place:
        process = place.start("run", "--no-gather", DIGEST_DATABASE__BUSY_TIMEOUT="0.3")
        wait_for_inflight(sqlite_database)
        holder = sqlite3.connect(sqlite_database.path, isolation_level=None, timeout=20)
        holder.execute("BEGIN IMMEDIATE")
        _, err = process.communicate(timeout=60)
        holder.execute("ROLLBACK")
        holder.close()
        assert (process.returncode, "is locked by another process" in err) == (75, True), err
        check(place, inbox, issue, reaped_before=True)


@pytest.mark.slow
def test_an_acceptance_that_could_not_be_written_is_kept_while_postgres_is_down(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running_server(durable=True))
        server.execute("CREATE DATABASE digest")
        database = Database(server.url("digest"))
        schema.upgrade(database)
        issue = add_sending_issue(database, READERS)
        inbox, port = stack.enter_context(mail_server(seconds=1.5))
        place = stack.enter_context(Deployment(database, tmp_path, port))
        process = place.start("run", "--no-gather")
        wait_for_inflight(database)
        database.close()
        start_again = stack.enter_context(crashed(server))
        _, err = process.communicate(timeout=60)
        assert process.returncode in {1, 75}, err
        start_again()
        check(place, inbox, issue, reaped_before=False)
        database.close()
