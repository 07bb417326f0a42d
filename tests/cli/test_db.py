"""`digest db` as an admin meets it: the real command, in its own process."""

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text
from tests import cast
from tests.command import run_digest, start_digest
from tests.populate import count_rows, populate
from tests.postgres import Server

from digest.core.states import DeliveryState, IssueState
from digest.store import schema
from digest.store.database import Database


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder with a migrated, empty database."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    return tmp_path


def opened(home: Path) -> Database:
    return Database(f"sqlite:///{home}/digest.db")


def fill(home: Path) -> dict[str, int]:
    database = opened(home)
    with database.write() as session:
        counts = populate(session.connection())
    database.close()
    return counts


def counted(path: Path) -> dict[str, int]:
    database = Database(f"sqlite:///{path}")
    with database.read() as session:
        counts = count_rows(session.connection())
    database.close()
    return counts


def test_upgrade_makes_a_missing_database_for_its_owner_only(tmp_path: Path) -> None:
    done = run_digest("db", "upgrade", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "database": str(tmp_path / "digest.db"),
        "before": None,
        "revision": schema.HEAD,
    }
    assert (tmp_path / "digest.db").stat().st_mode & 0o777 == 0o600
    again = run_digest("db", "upgrade", cwd=tmp_path)
    assert again.returncode == 0
    assert "is up to date" in again.stderr


def test_upgrade_works_on_postgres(postgres_server: Server, tmp_path: Path) -> None:
    with postgres_server.database() as url:
        env = {"DIGEST_DATABASE__URL": url}
        done = run_digest("db", "upgrade", cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        checked = run_digest("db", "check", "--json", cwd=tmp_path, env=env)
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["healthy"] is True


def test_a_secret_that_everybody_may_read_is_told(home: Path) -> None:
    assert run_digest("newsletter", "list", cwd=home).stderr.count("secret_key") == 0
    with TemporaryDirectory(
        dir="/var/tmp"
    ) as folder:  # pytest's own folders are closed to others, however open what is in them
        key = Path(folder) / "secret_key"
        key.write_bytes((home / "secrets" / "secret_key").read_bytes())
        key.chmod(0o644)
        env = {"DIGEST_SECRETS_DIR": folder}
        assert "secret_key" not in run_digest("newsletter", "list", cwd=home, env=env).stderr
        Path(folder).chmod(0o755)
        done = run_digest("newsletter", "list", cwd=home, env=env)
    told = [f"warning: everybody on this machine may read {key}", f"next: chmod 600 {key}"]
    assert done.stderr.splitlines()[:2] == told


def test_check_counts_what_is_there(home: Path) -> None:
    fill(home)
    done = run_digest("db", "check", "--json", cwd=home)
    counts = json.loads(done.stdout)["checkup"]["counts"]
    assert counts["subscriber"] == counts["delivery"] == 8


def test_check_finds_an_issue_that_lost_a_delivery(home: Path) -> None:
    database = opened(home)
    with database.write() as session:
        who = cast.assemble(session)
        issue = cast.add_issue(session, who, state=IssueState.DONE, expected=2)
        cast.add_delivery(session, issue, who.anna, state=DeliveryState.QUEUED)
    database.close()
    done = run_digest("db", "check", cwd=home)
    assert done.returncode == 1
    assert "problem: issue 1 expects 2 deliveries and has 1" in done.stderr
    assert "problem: issue 1 is done, but 1 of its deliveries are not settled" in done.stderr
    assert "nothing was changed" in done.stderr


def test_check_is_content_with_a_ledger_that_adds_up(home: Path) -> None:
    database = opened(home)
    with database.write() as session:
        who = cast.assemble(session)
        issue = cast.add_issue(session, who, state=IssueState.DONE, expected=2)
        cast.add_delivery(session, issue, who.anna, state=DeliveryState.ACCEPTED)
        cast.add_delivery(session, issue, who.ben, state=DeliveryState.UNCERTAIN)
    database.close()
    assert run_digest("db", "check", cwd=home).returncode == 0


def test_check_finds_a_broken_reference(home: Path) -> None:
    fill(home)
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as raw:
        raw.execute("UPDATE delivery SET issue_id = 4711 WHERE id = 1")
    done = run_digest("db", "check", cwd=home)
    assert done.returncode == 1
    assert "problem: delivery row 1 refers to a issue that does not exist" in done.stderr


def test_check_finds_damage_that_opening_does_not_see(home: Path) -> None:
    fill(home)
    path = home / "digest.db"
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xff" * 4096)
    done = run_digest("db", "check", cwd=home)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_which_schema_is_needed(home: Path) -> None:
    database = opened(home)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    done = run_digest("db", "check", cwd=home)
    assert done.returncode == 1
    assert f"the schema has revision 0000, and this program needs {schema.HEAD}" in done.stderr


def test_a_backup_is_whole_and_for_its_owner_only(home: Path) -> None:
    counts = fill(home)
    done = run_digest("db", "backup", "copy.db", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["file"] == "copy.db"
    assert (home / "copy.db").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in home.glob("*copy*")) == ["copy.db"]
    assert counted(home / "copy.db") == counts


def test_a_backup_without_a_name_is_named_by_the_time(home: Path) -> None:
    done = run_digest("db", "backup", cwd=home)
    assert done.returncode == 0, done.stderr
    (copy,) = home.glob("digest-*Z.db")
    assert str(copy) in done.stderr


def test_a_backup_replaces_nothing_unless_told_to(home: Path) -> None:
    (home / "copy.db").write_text("something of mine")
    done = run_digest("db", "backup", "copy.db", cwd=home)
    assert done.returncode == 1
    assert "copy.db exists already" in done.stderr
    assert (home / "copy.db").read_text() == "something of mine"
    assert run_digest("db", "backup", "copy.db", "--force", cwd=home).returncode == 0
    assert counted(home / "copy.db")["delivery"] == 0


def test_a_backup_goes_on_while_others_write(home: Path) -> None:
    """And holds one moment: both rows of each unit, or none."""
    database = opened(home)
    with database.write() as session:
        session.execute(text("CREATE TABLE ballast (x)"))
        for _ in range(40):
            session.execute(text("INSERT INTO ballast VALUES (zeroblob(1000000))"))
    written = 0
    with start_digest("db", "backup", "copy.db", cwd=home) as process:
        while process.poll() is None:
            with database.write() as session:
                for name in ("left", "right"):
                    session.execute(text("INSERT INTO meta VALUES (:n, 'x')"), {"n": f"{name} {written}"})
            written += 1
            time.sleep(0.001)
        assert process.returncode == 0, process.communicate()
    database.close()
    assert written > 1
    with closing(sqlite3.connect(home / "copy.db")) as copy:
        names = [row[0] for row in copy.execute("SELECT name FROM meta")]
    assert len([n for n in names if n.startswith("left")]) == len([n for n in names if n.startswith("right")])


def test_a_backup_of_postgres_says_which_tool_to_use(postgres_server: Server, home: Path) -> None:
    env = {"DIGEST_DATABASE__URL": postgres_server.url("postgres")}
    done = run_digest("db", "backup", cwd=home, env=env)
    assert done.returncode == 2
    assert "next: run: pg_dump" in done.stderr


def test_ctrl_c_leaves_no_half_a_backup(home: Path) -> None:
    database = opened(home)
    with database.write() as session:
        session.execute(text("CREATE TABLE ballast (x)"))
        for _ in range(150):
            session.execute(text("INSERT INTO ballast VALUES (zeroblob(1000000))"))
    database.close()
    with start_digest("db", "backup", "copy.db", cwd=home) as process:
        while not (parts := list(home.glob(".copy.db.*.part"))) or parts[0].stat().st_size < 1_000_000:
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130
    assert words.strip() == "interrupted; nothing half-done was kept"
    assert sorted(path.name for path in home.glob("*copy*")) + sorted(path.name for path in home.glob(".copy*")) == []


@pytest.mark.parametrize("command", ["upgrade", "check", "backup", "copy"])
def test_every_command_has_a_help_with_an_example(command: str, tmp_path: Path) -> None:
    done = run_digest("db", command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Example: digest db" in done.stdout
    assert f"digest db {command}" in done.stdout


def test_copy_moves_everything_to_postgres(postgres_server: Server, home: Path) -> None:
    counts = fill(home)
    with postgres_server.database() as url:
        done = run_digest("db", "copy", url, "--json", cwd=home)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["counts"] == counts
        again = run_digest("db", "copy", url, cwd=home)
    assert again.returncode == 1
    assert "holds rows already" in again.stderr
    for wrong, said in (
        ("nope", "error: the URL names no database"),
        ("postgresql://127.0.0.1:1/d", "check the URL\n"),
    ):
        done = run_digest("db", "copy", wrong, cwd=home)
        assert (done.returncode, said in done.stderr, "[database]" in done.stderr) == (1, True, False), done.stderr
