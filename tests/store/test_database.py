"""The engine: nothing is lost under contention, and what the database says comes out in our words."""

import socket
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from tests import cast
from tests.command import start_digest
from tests.postgres import Server

from digest.errors import Conflict, DatabaseBusy, DatabaseError, SettingsError, UsageError
from digest.store.database import Database
from digest.store.tables import HostRow, MetaRow

META = MetaRow.__table__

ADD_ONE = """
import sys
from sqlalchemy import text
from digest.store.database import Database
database = Database(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with database.write() as session:
        value = int(session.execute(text("SELECT value FROM meta WHERE name = 'n'")).scalar())
        session.execute(text("UPDATE meta SET value = :v WHERE name = 'n'"), {"v": str(value + 1)})
"""


def pragma(database: Database, name: str) -> object:
    with database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


def test_four_processes_that_read_and_then_write_lose_nothing(sqlite_database: Database) -> None:
    """BEGIN IMMEDIATE: with the driver's default, 392 of 800 were lost."""
    with sqlite_database.write() as session:
        session.execute(insert(META).values(name="n", value="0"))
    processes = [start_digest(str(sqlite_database.url), "200", code=ADD_ONE, cwd=Path.cwd()) for _ in range(4)]
    for process in processes:
        _, words = process.communicate(timeout=110)
        assert process.returncode == 0, words
    with sqlite_database.read() as session:
        assert session.execute(select(META.c.value)).scalar() == "800"


def test_sqlite_keeps_a_write_ahead_log_that_survives_a_power_cut(sqlite_database: Database) -> None:
    assert pragma(sqlite_database, "journal_mode") == "wal"
    assert pragma(sqlite_database, "synchronous") == 2  # FULL: each commit is synced


def test_the_connection_that_marks_and_settles_syncs_each_commit(sqlite_database: Database) -> None:
    connection = sqlite_database.open_writer()
    assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    sqlite_database.close_writer(connection)


def test_sqlite_holds_foreign_keys(sqlite_database: Database) -> None:
    assert pragma(sqlite_database, "foreign_keys") == 1


def test_the_busy_timeout_is_the_given_one_before_and_after_a_write(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/digest.db", busy_timeout_ms=1234)
    with database.write() as session:
        assert session.execute(text("PRAGMA busy_timeout")).scalar() == 1234
    assert pragma(database, "busy_timeout") == 1234
    database.close()


def test_a_reader_sees_no_half_written_unit(database: Database) -> None:
    with database.write() as session:
        session.execute(insert(META).values(name="n", value="0"))
        session.flush()
        with database.read() as reader:
            assert reader.execute(select(META.c.value)).all() == []


def test_a_unit_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.execute(insert(META).values(name="n", value="0"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with database.read() as session:
        assert session.execute(select(META.c.value)).all() == []


def test_reading_commits_nothing(database: Database) -> None:
    with database.read() as session:
        session.execute(insert(META).values(name="n", value="0"))
    with database.read() as session:
        assert session.execute(select(META.c.value)).all() == []


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    with database.write() as session:
        session.add(HostRow(name="blog.example", not_before=cast.NOW))
    with database.read() as session:
        at = session.execute(select(HostRow.not_before)).scalar_one()
    assert at == cast.NOW
    assert at is not None
    assert at.utcoffset() == cast.NOW.utcoffset()


def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match=r"naive|timezone"), database.write() as session:
        session.execute(insert(HostRow.__table__).values(name="h", not_before=cast.NOW.replace(tzinfo=None)))


# ── what the database says, in our words ───────────────────────────────────────────────────────────────────────────


def test_a_lock_held_too_long_is_told_in_the_time_given(sqlite_database: Database) -> None:
    impatient = Database(str(sqlite_database.url), busy_timeout_ms=300)
    with sqlite_database.write() as session:
        session.execute(insert(META).values(name="m", value="0"))
        began = time.monotonic()
        with pytest.raises(DatabaseBusy, match="locked by another process"), impatient.write() as other:
            other.execute(insert(META).values(name="n", value="0"))
        assert 0.2 < time.monotonic() - began < 5
    with impatient.write() as session:  # the connection is as good as before
        session.execute(insert(META).values(name="n", value="0"))
    impatient.close()


def test_a_writer_waits_for_another(sqlite_database: Database) -> None:
    held = threading.Event()

    def hold() -> None:
        with sqlite_database.write() as session:
            session.execute(insert(META).values(name="m", value="0"))
            held.set()
            time.sleep(0.5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with sqlite_database.write() as session:
        session.execute(insert(META).values(name="n", value="0"))
    holder.join()


def test_a_row_locked_in_postgres_is_told_in_the_time_given(postgres_database: Database) -> None:
    with postgres_database.write() as session:
        session.execute(insert(META).values(name="n", value="0"))
    url = postgres_database.url.render_as_string(hide_password=False)
    impatient = Database(url, busy_timeout_ms=200)
    change = update(META).values(value="1")
    with postgres_database.write() as session:
        session.execute(change)
        with pytest.raises(DatabaseBusy, match="locked by another process"), impatient.write() as other:
            other.execute(change)
    impatient.close()


def test_a_unique_row_made_twice_can_be_caught_within_the_unit(database: Database) -> None:
    with database.write() as session:
        session.execute(insert(META).values(name="n", value="0"))
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(insert(META).values(name="n", value="1"))
        session.execute(insert(META).values(name="m", value="2"))
    with database.read() as session:
        assert sorted(session.execute(select(META.c.value)).scalars()) == ["0", "2"]


def test_a_unique_row_that_leaves_the_unit_is_a_conflict_that_names_no_value(database: Database) -> None:
    with database.write() as session:
        cast.add_subscriber(session, "anna@example.org")
    with pytest.raises(Conflict, match="at the same moment") as caught, database.write() as session:
        cast.add_subscriber(session, "anna@example.org")
    assert "anna" not in str(caught.value)


def test_a_number_that_no_column_can_hold_is_told(database: Database) -> None:
    with pytest.raises(UsageError, match="a number is larger than"), database.read() as session:
        session.execute(text("SELECT CAST(:n AS bigint)"), {"n": 10**30})


def test_a_reference_to_nothing_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict, match="removed"), database.write() as session:
        cast.add_cadence(session, 999)


def test_no_message_of_the_driver_holds_the_values(database: Database) -> None:
    statement = text("INSERT INTO meta (name, value, nonsense) VALUES (:a, :a, :a)")
    with pytest.raises(DatabaseError, match="lacks a table or column") as caught, database.write() as session:
        session.execute(statement, {"a": "anna@example.org"})
    assert caught.value.next_step == "run: digest db upgrade"
    assert "anna" not in str(caught.value.__cause__)


def test_a_fault_of_the_program_is_not_dressed_up(postgres_database: Database) -> None:
    with pytest.raises(ProgrammingError), postgres_database.read() as session:
        session.execute(text("SELEKT 1"))


def test_a_file_of_garbage_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_bytes(b"From: somebody\n" * 1000)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseError, match=r"digest\.db is not a database"), database.read() as session:
        session.execute(text("SELECT 1"))
    assert path.read_bytes() == b"From: somebody\n" * 1000


def test_a_damaged_file_is_called_damaged(sqlite_database: Database) -> None:
    path = sqlite_database.path
    assert path
    with sqlite_database.write() as session:
        for number in range(500):
            session.execute(insert(META).values(name=str(number), value="x" * 200))
    sqlite_database.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x00" * (path.stat().st_size - 4096))
    with pytest.raises(DatabaseError, match="is damaged"), sqlite_database.read() as session:
        session.execute(select(META)).all()


def test_a_folder_in_place_of_the_file_cannot_be_opened(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}")
    with pytest.raises(DatabaseError, match="cannot be opened"), database.read() as session:
        session.execute(text("SELECT 1"))


@pytest.mark.parametrize("url", ["digest.db", "mysql://root:hunter2@db/digest", "postgresql+asyncpg://x/y", "://"])
def test_an_unknown_kind_of_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="no database that digest knows") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)


def test_a_postgres_that_does_not_run_cannot_be_reached() -> None:
    database = Database("postgresql://digest:hunter2@127.0.0.1:9/digest")
    with pytest.raises(DatabaseError, match=r"cannot be reached: Connection refused") as caught, database.read() as s:
        s.execute(text("SELECT 1"))
    assert "hunter2" not in caught.value.message


def test_a_wrong_password_is_told_from_a_missing_database(postgres_server: Server) -> None:
    urls = {postgres_server.url("nowhere"): "there is no database"}
    if postgres_server.port:  # a cluster of our own; another's may trust every password
        urls[f"postgresql://postgres:hunter2@127.0.0.1:{postgres_server.port}/postgres"] = "refuses the user"
    for url, words in urls.items():
        database = Database(url)
        with pytest.raises(DatabaseError, match=words) as caught, database.read() as session:
            session.execute(text("SELECT 1"))
        assert "hunter2" not in caught.value.message


def test_a_session_that_the_server_ends_can_be_run_again(postgres_database: Database, postgres_server: Server) -> None:
    def be_ended() -> None:
        with postgres_database.read() as session:
            pid = session.execute(text("SELECT pg_backend_pid()")).scalar()
            postgres_server.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseBusy, match=r"takes no connections|closed"):
        be_ended()
    with postgres_database.read() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.parametrize(
    ("limit", "statement", "said"),
    [
        ("statement_timeout", "SELECT pg_sleep(5)", "ended a statement that took too long"),
        ("idle_session_timeout", "SELECT 1", "closed the connection"),
        ("idle_in_transaction_session_timeout", "SELECT 1", "closed the connection"),
    ],
)
def test_a_time_limit_of_the_server_is_no_fault_of_the_program(
    postgres_database: Database, limit: str, statement: str, said: str
) -> None:
    limited = Database(postgres_database.url.render_as_string(hide_password=False))

    def run_into_it() -> None:
        with limited.translated(), limited.engine.connect() as connection:
            connection.exec_driver_sql(f"SET {limit} = 20")
            if limit != "idle_in_transaction_session_timeout":
                connection.commit()
            time.sleep(0.2)
            connection.exec_driver_sql(statement)

    with pytest.raises(DatabaseBusy, match=said):
        run_into_it()
    limited.close()


def test_a_server_that_never_answers_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/digest?connect_timeout=1")
        with pytest.raises(DatabaseError, match="cannot be reached: connection timeout expired"), database.read() as s:
            s.execute(text("SELECT 1"))


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    database.create_file()
    with database.write() as session:
        session.execute(text("CREATE TABLE t (x)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"digest.db": 0o600, "digest.db-wal": 0o600, "digest.db-shm": 0o600}
    database.close()


def test_two_databases_of_one_process_do_not_share_a_lock(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/{name}.db", busy_timeout_ms=0) for name in "ab")
    with first.write() as a, second.write() as b:
        a.execute(text("CREATE TABLE t (x)"))
        b.execute(text("CREATE TABLE t (x)"))
    first.close()
    second.close()


def test_a_commit_on_postgres_is_on_the_disk_whatever_the_role_says(postgres_database: Database) -> None:
    name = postgres_database.url.database
    with postgres_database.write() as session:
        session.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    for query in ({}, {"options": "-c work_mem=5MB -c lock_timeout=7s"}):
        url = postgres_database.url.update_query_dict(query)
        again = Database(url.render_as_string(hide_password=False))
        with again.read() as session:
            shown = [session.execute(text(f"SHOW {what}")).scalar() for what in ("synchronous_commit", "timezone")]
            assert shown == ["on", "UTC"]
            if query:
                shown = [session.execute(text(f"SHOW {what}")).scalar() for what in ("work_mem", "lock_timeout")]
                assert shown == ["5MB", "7s"]
        again.close()
