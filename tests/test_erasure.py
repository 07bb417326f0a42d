"""Erased is erased: no file of a deployment holds the address afterwards; a keyed hash keeps imports from bringing it back."""

import logging
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from digest.actions.erasure import erase
from digest.actions.subscribe import suppress
from digest.core.links import Purpose, sign
from digest.core.states import DeliveryState, IssueState
from digest.store.database import Database
from digest.web.chores import tidy
from tests import cast
from tests.command import run_digest
from tests.web.served import served

ADDRESS = "wanda.trace@example.org"
ENV = {"DIGEST_SECRET_KEY": cast.KEY.decode(), "DIGEST_LOGS__LEVEL": "debug"}


@pytest.fixture(scope="module")
def populated(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Copied by each test."""
    home = tmp_path_factory.mktemp("erasure")
    return home / "digest.db", populate(home, sqlite_template)


@pytest.fixture
def wanda(populated: tuple[Path, int], tmp_path: Path) -> int:
    """A deployment of the test; her id."""
    shutil.copyfile(populated[0], tmp_path / "digest.db")
    return populated[1]


def populate(home: Path, template: Path) -> int:
    """A database in which the person stands amid hundreds, so that their pages were divided; an issue went to all."""
    shutil.copyfile(template, home / "digest.db")
    database = Database(f"sqlite:///{home}/digest.db")
    wanda = 0
    with database.write() as session:
        company = cast.assemble(session)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        for number in range(600):
            address = ADDRESS if number == 300 else f"reader{number * 7919 % 600}.{number}@x.example"
            person = cast.add_subscriber(session, address, name="Wanda Trace" if number == 300 else "A Reader")
            cast.add_subscription(session, company.newsletter, person)
            reply = f"250 queued for <{address}>" * 3
            cast.add_delivery(session, issue, person, state=DeliveryState.ACCEPTED, reply=reply)
            wanda = person if number == 300 else wanda
    database.close()
    return wanda


def traces(files: Iterable[Path], *words: str) -> list[str]:
    """Which files hold any of these words, in any case."""
    return [
        file.name
        for file in files
        if file.is_file() and any(word.lower().encode() in file.read_bytes().lower() for word in words)
    ]


@pytest.mark.usefixtures("wanda")
def test_no_file_holds_the_address_after_the_command(tmp_path: Path) -> None:
    assert traces(tmp_path.rglob("*"), ADDRESS) == ["digest.db"]
    done = run_digest("subscriber", "erase", ADDRESS, "--yes", cwd=tmp_path, env=ENV)
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing is left in the database's files" in done.stderr
    assert ADDRESS not in done.stderr
    assert traces(tmp_path.rglob("*"), ADDRESS, "Wanda Trace", "wanda.trace") == []
    (tmp_path / "people.csv").write_text(f"email\n{ADDRESS}\n")
    brought = run_digest("subscriber", "import", "people.csv", "--consent", "x", cwd=tmp_path, env=ENV)
    assert brought.returncode == 4, brought.stderr
    (tmp_path / "people.csv").unlink()
    assert traces(tmp_path.rglob("*"), ADDRESS) == []
    assert run_digest("db", "check", cwd=tmp_path, env=ENV).returncode in {0, 1}


def test_no_file_and_no_line_of_the_log_holds_it_after_the_page(
    wanda: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    caplog.set_level(logging.DEBUG)
    page = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, wanda)}"
    with served(database, tmp_path) as site:
        site.post(page, {"do": "person", "name": "Wanda von Trace"})
        assert "You are forgotten" in site.post(f"{page}/erase").body
        assert traces(tmp_path.rglob("*"), ADDRESS, "Wanda Trace", "Wanda von Trace") == []
    database.close()
    assert ADDRESS not in caplog.text
    assert page.rpartition("/")[2] not in caplog.text


def seen_by_another(file: Path, query: str) -> str:
    """What a program sees that opens the database, asks and leaves: the last one to leave deletes the write-ahead log."""
    ask = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchone()[0]); c.close()"
    )
    return subprocess.run(
        [sys.executable, "-c", ask, str(file), query], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.usefixtures("wanda")
def test_who_erases_keeps_its_locks_and_loses_nothing_that_it_writes_later(tmp_path: Path) -> None:
    """The search of the file once gave them up: another program took itself for the last and deleted the daemon's log."""
    file, query = tmp_path / "digest.db", "SELECT count(*) FROM suppression"
    database = Database(f"sqlite:///{file}")
    erase(database, ADDRESS, secret=cast.KEY, now=cast.NOW)
    before = int(seen_by_another(file, query))
    suppress(database, "ben@example.org", secret=cast.KEY, now=cast.NOW)
    assert int(seen_by_another(file, query)) == before + 1
    database.close()


def test_what_others_kept_from_being_searched_is_searched_again(wanda: int, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    page = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, wanda)}"
    reader = sqlite3.connect(tmp_path / "digest.db", isolation_level=None)
    with served(database, tmp_path) as site:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subscriber").fetchone()  # a snapshot that needs the log
        assert "You are forgotten" in site.post(f"{page}/erase").body
        assert not site.desk.leftovers.scrub(database)
        reader.close()
        tidy(site.desk)
        assert site.desk.leftovers.scrub(database)
    assert traces(tmp_path.rglob("*"), ADDRESS, "wanda.trace") == []
    database.close()


@pytest.mark.usefixtures("wanda")
def test_tidy_leaves_no_trace_of_what_was_deleted_before(tmp_path: Path) -> None:
    done = run_digest("subscriber", "edit", ADDRESS, "--address", "elsewhere@example.org", cwd=tmp_path, env=ENV)
    assert done.returncode == 0, done.stderr
    done = run_digest("db", "tidy", "--json", cwd=tmp_path, env=ENV)
    assert (done.returncode, '"tidy": true' in done.stdout) == (0, True)
    assert traces([tmp_path / "digest.db-wal"], ADDRESS) == []
