"""A database that the program of 25 November 2026 made, at 0001 as today's was: it is brought up to date, and sending goes on."""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import arrived, counts, run
from tests.postgres import Server
from tests.store.test_schema import described

from digest.errors import DatabaseError
from digest.mail.maildir import MaildirTransport
from digest.store import schema
from digest.store.database import Database
from digest.store.recipients import list_choices

DUMPS = Path(__file__).parents[1] / "data"
RULES_AWAY = {
    True: ("DROP TRIGGER event_is_not_changed", "DROP TRIGGER event_is_not_removed"),
    False: ("DROP TRIGGER event_is_append_only ON event", "DROP FUNCTION refuse_event_change()"),
}
NOW = datetime(2026, 11, 30, 5, 20, tzinfo=UTC)


def words(kind: str) -> str:
    return gzip.decompress((DUMPS / f"of-25-november.{kind}.sql.gz").read_bytes()).decode()


def goes_on(database: Database, fresh: Database, folder: Path) -> None:
    with pytest.raises(DatabaseError, match="is older than this program"):
        schema.check_schema(database)
    assert schema.upgrade(database) == "0001"
    assert described(database) == described(fresh)
    with database.read() as session:
        issue, expected = session.execute(text("SELECT id, expected FROM issue WHERE state = 'sending'")).one()
        told = sum(choice.readers for choice, _ in list_choices(session, issue))
        waiting = session.execute(text("SELECT address FROM delivery WHERE state = 'queued'")).scalars().all()
    assert (expected, told, counts(database, issue)) == (6, 6, {"accepted": 3, "queued": 3})
    run(database, MaildirTransport(folder), now=NOW)
    assert arrived(folder) == sorted(waiting)
    assert counts(database, issue) == {"accepted": 6}


def test_on_sqlite(sqlite_database: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript(words("sqlite"))
    database = Database(f"sqlite:///{tmp_path}/old.db")
    goes_on(database, sqlite_database, tmp_path / "mailbox")
    database.close()


def test_on_postgres(postgres_server: Server, postgres_database: Database, tmp_path: Path) -> None:
    with postgres_server.database() as url:
        with psycopg.connect(url) as old:
            old.execute(words("postgres").encode())
        database = Database(url)
        goes_on(database, postgres_database, tmp_path / "mailbox")
        database.close()


def test_what_nobody_can_fill_is_refused_and_nothing_is_changed(sqlite_database: Database) -> None:
    schema.downgrade(sqlite_database, to="0001")
    with sqlite_database.write() as session:
        session.execute(text("ALTER TABLE topic ADD COLUMN mood TEXT"))
    before = described(sqlite_database)
    with pytest.raises(DatabaseError, match=r"topic has a column mood that this digest does not know"):
        schema.upgrade(sqlite_database)
    assert described(sqlite_database) == before


def test_the_oldest_shapes_are_filled_and_get_the_event_log_s_rules(database: Database) -> None:
    """What those of the morning of 25 November lacked, on both databases."""
    fresh = described(database)
    with database.write() as session:
        people = cast.assemble(session)
        cast.add_delivery(session, cast.add_issue(session, people), people.anna)
    schema.downgrade(database, to="0001")
    with database.write() as session:
        for name in ("goodbye", "private", "measure_clicks", "languages"):
            session.execute(text(f"ALTER TABLE newsletter DROP COLUMN {name}"))
        session.execute(text("ALTER TABLE delivery DROP COLUMN domain"))
        for words in RULES_AWAY[database.is_sqlite]:
            session.execute(text(words))
    schema.upgrade(database)
    assert described(database) == fresh
    with database.read() as session:
        assert session.execute(text("SELECT domain FROM delivery")).scalar_one() == "example.org"
        assert not session.execute(text("SELECT goodbye FROM newsletter")).scalar_one()


def test_the_event_log_stays_append_only_where_it_is_made_anew(sqlite_database: Database) -> None:
    fresh = described(sqlite_database)
    schema.downgrade(sqlite_database, to="0001")
    with sqlite_database.write() as session:
        session.execute(text("DROP INDEX ix_event_post_id"))
        session.execute(text("ALTER TABLE event DROP COLUMN post_id"))
    schema.upgrade(sqlite_database)
    assert described(sqlite_database) == fresh
