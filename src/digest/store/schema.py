"""The schema's revision: upgrade it, read it, refuse what does not fit this program.

Revisions are numbered 0001, 0002, …, so that older and newer can be told without loading Alembic: opening the
database costs one small query.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from digest.errors import DatabaseError
from digest.paths import shipped
from digest.store.database import Database
from digest.store.faults import translated

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The revision that this program needs; a test holds it equal to the newest migration."""

RESTORE = "restore a backup, or for a new one run: digest db upgrade"
"""Where the database is missing beside settings that name it."""

MIGRATION_LOCK = 0x6469676573740000  # "digest": the key of the Postgres advisory lock


def upgrade(database: Database, *, to: str = "head") -> str | None:
    """Bring the schema up to date, in one transaction, alone; makes a missing SQLite file, readable by its owner only.

    Two processes that upgrade at once are safe: the second one waits, then finds nothing to do.

    Returns:
        The revision found before, None for an empty database.

    Raises:
        DatabaseBusy: another process held the database for longer than the busy timeout.
        DatabaseError: newer than the program, no database of digest, or the migration failed and was undone.
    """
    from alembic import command  # noqa: PLC0415 - only upgrades pay for it

    database.create_file()
    with migration(database) as connection:
        before = _revision(connection)
        if before is None:
            _refuse_strangers(database, connection)
        elif before != HEAD:
            _refuse_newer(database, before)
        command.upgrade(configuration(connection), to)
    return before


def downgrade(database: Database, *, to: str) -> None:
    """Undo migrations down to a revision, or to "base": for developers and tests; it drops what they added.

    Raises:
        DatabaseBusy: another process held the database for longer than the busy timeout.
        DatabaseError: the migration failed and was undone.
    """
    from alembic import command  # noqa: PLC0415 - only developers pay for it

    with migration(database) as connection:
        command.downgrade(configuration(connection), to)


def revision(database: Database) -> str | None:
    """The revision of the database, None where it holds no tables of digest.

    Raises:
        DatabaseError: it cannot be read.
    """
    with database.read() as session:
        return _revision(session.connection())


def check_file(database: Database, *, missing: str = RESTORE) -> None:
    """Refuse a SQLite file that is not there; `missing` is what to do then.

    Raises:
        DatabaseError: it is not there.
    """
    if database.path and not database.path.exists():
        raise DatabaseError(f"there is no database {database.path}", next_step=missing)


def check_schema(database: Database, *, missing: str = RESTORE) -> None:
    """Refuse a database that does not fit this program.

    Raises:
        DatabaseError: missing, empty, older or newer than the program; says which command mends it.
    """
    check_file(database, missing=missing)
    found = revision(database)
    if found == HEAD:
        return
    if found is None:
        raise DatabaseError(f"{database.name} has no tables of digest yet", next_step="run: digest db upgrade")
    _refuse_newer(database, found)
    raise DatabaseError(
        f"{database.name} is older than this program (revision {found}, needed {HEAD})",
        next_step="run: digest db upgrade",
    )


@contextmanager
def migration(database: Database) -> Iterator[Connection]:
    """One transaction with the migration lock held and, on SQLite, foreign keys off: checked before the commit.

    Batch mode rebuilds a table by dropping the old one, which with foreign keys on deletes every row that refers to it.

    Raises:
        DatabaseBusy: another process held the database for longer than the busy timeout.
        DatabaseError: the migration failed or left a broken reference; all of it was undone.
    """
    with translated(database.name), database.engine.connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                connection.execute(text(f"SET LOCAL lock_timeout = {database.busy_timeout_ms}"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                yield connection
            return
        _set_foreign_keys(connection, on=False)
        try:
            with connection.execution_options(digest_write=True).begin():
                yield connection
                _refuse_broken_references(database, connection)
        finally:
            _set_foreign_keys(connection, on=True)


def configuration(connection: Connection) -> "Config":
    """What Alembic needs to work on this connection, without any file of settings."""
    from alembic.config import Config  # noqa: PLC0415 - only upgrades pay for it

    config = Config()
    config.set_main_option("script_location", str(shipped("alembic")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(database: Database, found: str) -> None:
    """Revisions of other makers are refused as newer ones are: this program does not know them."""
    if not found.isdigit() or int(found) > int(HEAD):
        raise DatabaseError(
            f"{database.name} is newer than this program (revision {found}, known up to {HEAD})",
            next_step="install the newer digest again, or restore the backup made before the upgrade",
        )


def _refuse_strangers(database: Database, connection: Connection) -> None:
    """An empty database is ours to fill; tables without a revision are somebody else's."""
    if strangers := set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise DatabaseError(
            f"{database.name} holds tables of another program ({min(strangers)} is one)",
            next_step="give digest a database of its own: [database] url in digest.toml",
        )


def _set_foreign_keys(connection: Connection, *, on: bool) -> None:
    """Below SQLAlchemy, because within a transaction the pragma does nothing, and SQLAlchemy begins one at once."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")
    cursor.close()


def _refuse_broken_references(database: Database, connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise DatabaseError(
            f"the upgrade of {database.name} would break references in {tables}; it was undone",
            next_step="run: digest db check",
        )
