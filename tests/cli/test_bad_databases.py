"""Bad databases, end to end: one clear sentence, the documented exit code, no traceback, and the data as it was."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests import cast
from tests.command import obey_permissions, run_digest, small_disk, start_digest

from digest.store import schema
from digest.store.database import Database

SLOW = """
import sys
import time
import typer
from sqlalchemy import text
from digest.cli import index, main
from digest.cli.context import open_app

index.SUMMARIES["slowly"] = "Write slowly."
sys.modules["digest.cli.slowly"] = sys.modules["__main__"]

def slowly(context: typer.Context, count: int, seconds: float) -> None:
    with open_app(context).database.write() as session:
        for number in range(count):
            session.execute(text("INSERT INTO meta VALUES (:n, :v)"), {"n": str(number), "v": "x" * 1000})
        if seconds:
            print("written", flush=True)
        time.sleep(seconds)

main.main()
"""


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder with a database that holds the cast."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        cast.assemble(session)
    database.close()
    before = dump(tmp_path)
    yield tmp_path
    assert dump(tmp_path) == before, "the data is not as it was"


def dump(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "digest.db")) as raw:
        return [line for line in raw.iterdump() if "key_fingerprint" not in line]


def assert_told(done: subprocess.CompletedProcess[str], *, code: int, words: str, next_step: str) -> None:
    """Two lines: what and where, then what to do."""
    told, then = done.stderr.splitlines()
    assert done.returncode == code
    assert told.startswith("error: ")
    assert words in told
    assert then.startswith("next: ")
    assert next_step in then
    assert done.stdout == ""
    assert "example.org" not in done.stderr


def wait_until_opened(path: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has the file open, and a moment for it to begin to wait."""
    for _ in range(600):
        files = Path(f"/proc/{process.pid}/fd").glob("*")
        if any(file.is_symlink() and file.resolve() == path for file in files):
            break
        time.sleep(0.05)
    time.sleep(0.3)
    assert process.poll() is None


def writing(rows: int, *, seconds: int = 0) -> list[str]:
    """The words of one more verb, which writes so many rows in one unit and then waits before the commit."""
    return ["slowly", str(rows), str(seconds)]


def test_a_locked_database_is_busy_and_asks_to_try_later(home: Path) -> None:
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        done = run_digest("db", "upgrade", cwd=home, env={"DIGEST_DATABASE__BUSY_TIMEOUT": "0.3"})
        assert time.monotonic() - began < 9
    assert_told(done, code=75, words="is locked by another process", next_step="wait for it, then run this again")


def test_a_missing_database_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    done = run_digest("db", "check", cwd=tmp_path)
    assert_told(done, code=1, words="there is no database", next_step="run: digest init, or name the settings file")
    assert list(tmp_path.iterdir()) == []
    done = run_digest(*writing(1), cwd=tmp_path, code=SLOW)
    assert_told(done, code=1, words="there is no database", next_step="run: digest init, or name the settings file")
    assert list(tmp_path.iterdir()) == []
    done = run_digest("plan", cwd=tmp_path, env={"DIGEST_DATABASE__URL": "sqlite:///other.db"})
    assert_told(
        done, code=1, words="there is no database", next_step="restore a backup, or for a new one run: digest db"
    )
    (tmp_path / "digest.toml").touch()
    for command in ("plan", "db check"):
        done = run_digest(*command.split(), cwd=tmp_path)
        assert_told(
            done, code=1, words="there is no database", next_step="restore a backup, or for a new one run: digest db"
        )
        assert "init" not in done.stderr


def test_a_newer_database_is_refused(home: Path) -> None:
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9000'")
        done = run_digest("db", "upgrade", cwd=home)
        assert_told(done, code=1, words="is newer than this program", next_step="install the newer digest again")
        done = run_digest(*writing(1), cwd=home, code=SLOW)
        assert_told(done, code=1, words="is newer than this program", next_step="install the newer digest again")
        raw.execute("UPDATE alembic_version SET version_num = ?", [schema.HEAD])


def test_an_older_database_is_announced(home: Path) -> None:
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0000'")
        done = run_digest(*writing(1), cwd=home, code=SLOW)
        assert_told(done, code=1, words="is older than this program", next_step="run: digest db upgrade")
        raw.execute("UPDATE alembic_version SET version_num = ?", [schema.HEAD])


@pytest.mark.parametrize("command", ["upgrade", "check", "backup"])
def test_a_file_of_garbage_is_refused_and_left_alone(command: str, tmp_path: Path) -> None:
    garbage = b"This is a letter to my aunt.\n" * 500
    (tmp_path / "digest.db").write_bytes(garbage)
    done = run_digest("db", command, cwd=tmp_path)
    assert_told(done, code=1, words="is not a database", next_step="check [database] url in digest.toml")
    assert (tmp_path / "digest.db").read_bytes() == garbage


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "shut"
    folder.mkdir(mode=0o555)
    done = run_digest("db", "upgrade", cwd=folder, preexec_fn=obey_permissions)
    assert_told(done, code=1, words="digest.db cannot be made: Permission denied", next_step="permissions")
    assert list(folder.iterdir()) == []


def test_a_database_in_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    (home / "digest.db").chmod(0o444)
    home.chmod(0o555)
    done = run_digest("db", "upgrade", cwd=home, preexec_fn=obey_permissions)
    home.chmod(0o755)
    (home / "digest.db").chmod(0o600)
    assert_told(done, code=1, words="digest.db cannot be", next_step="check the permissions")


def test_a_full_disk_is_told_and_leaves_no_half_of_a_schema(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 128) as options:
        done = run_digest("db", "upgrade", cwd=tmp_path / "disk", **options)
        assert_told(done, code=1, words="nothing was changed", next_step="space")
        with closing(sqlite3.connect(tmp_path / "disk" / "digest.db")) as raw:
            assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_disk_that_fills_up_while_writing_leaves_the_data_as_it_was(home: Path) -> None:
    with small_disk(home / "disk", 700) as options:
        disk = home / "disk"
        (disk / "digest.db").write_bytes((home / "digest.db").read_bytes())
        done = run_digest(*writing(2000), cwd=disk, code=SLOW, **options)
        assert_told(done, code=1, words="nothing was changed", next_step="space")
        assert dump(disk) == dump(home)


def test_a_backup_onto_a_full_disk_leaves_nothing(home: Path) -> None:
    with small_disk(home / "disk", 128) as options:
        done = run_digest("db", "backup", "disk/copy.db", cwd=home, **options)
        assert_told(done, code=1, words="disk/copy.db", next_step="space")
        assert list((home / "disk").iterdir()) == []


def test_ctrl_c_in_the_middle_of_a_write_leaves_the_data_as_it_was(home: Path) -> None:
    with start_digest(*writing(5, seconds=60), cwd=home, code=SLOW) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130
    assert words == "interrupted; nothing half-done was kept\n"


def test_a_kill_in_the_middle_of_a_write_leaves_the_data_as_it_was(home: Path) -> None:
    with start_digest(*writing(5, seconds=60), cwd=home, code=SLOW) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        process.kill()
    assert run_digest("db", "check", cwd=home).returncode == 0


def test_ctrl_c_is_heard_while_waiting_for_another_process(home: Path) -> None:
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        patient = {"DIGEST_DATABASE__BUSY_TIMEOUT": "60"}
        with start_digest("db", "upgrade", cwd=home, env=patient) as process:
            wait_until_opened(home / "digest.db", process)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, words = process.communicate(timeout=60)
            assert time.monotonic() - began < 20
    assert process.returncode == 130
    assert words == "interrupted; nothing half-done was kept\n"


def test_another_secret_key_is_refused(home: Path) -> None:
    assert run_digest(*writing(0), cwd=home, code=SLOW, env={"DIGEST_SECRET_KEY": "one"}).returncode == 0
    done = run_digest(*writing(0), cwd=home, code=SLOW, env={"DIGEST_SECRET_KEY": "two"})
    assert_told(done, code=1, words="the secret key is not the one", next_step="put the old key back")
    done = run_digest(*writing(0), cwd=home, code=SLOW)
    assert_told(done, code=1, words="secret_key is missing", next_step="put it back from your backup")
    assert not (home / "secrets").exists()


def test_a_postgres_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    env = {"DIGEST_DATABASE__URL": "postgresql://digest:hunter2@127.0.0.1:9/digest"}
    done = run_digest("db", "upgrade", cwd=tmp_path, env=env)
    assert_told(done, code=1, words="cannot be reached: Connection refused", next_step="see that the server runs")
    assert "hunter2" not in done.stderr


# ── a long list of people, as real work to be disturbed ────────────────────────────────────────────────────────────


@pytest.fixture
def long_list(home: Path) -> Path:
    """Twenty thousand people."""
    path = home / "people.csv"
    lines = (f"person{number}@example.org,Person {number}\n" for number in range(20_000))
    path.write_text("address,name\n" + "".join(lines))
    return path


def test_ctrl_c_in_the_middle_of_an_import_leaves_nobody_behind(home: Path, long_list: Path) -> None:
    log = home / "digest.db-wal"
    with start_digest("subscriber", "import", long_list, "--consent", "x", cwd=home) as process:
        while not log.exists() or log.stat().st_size < 500_000:  # rows are on their way to the disk
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130
    assert words.strip() == "interrupted; nothing half-done was kept"


def test_an_import_that_fills_the_disk_leaves_nobody_behind(home: Path, long_list: Path) -> None:
    with small_disk(home / "disk", 1500) as options:
        disk = home / "disk"
        (disk / "digest.db").write_bytes((home / "digest.db").read_bytes())
        done = run_digest("subscriber", "import", long_list, "--consent", "x", "--json", cwd=disk, **options)
        assert_told(done, code=1, words="nothing was changed", next_step="space")
        assert dump(disk) == dump(home)
