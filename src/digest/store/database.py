"""The engine and its transactions: SQLite by default, Postgres where one machine is too small.

SQLite runs in WAL mode with foreign keys on and a busy timeout; every writing unit begins IMMEDIATE, because a
deferred transaction that upgrades from reading to writing fails at once under contention, whatever the timeout
(measured: 392 of 800 read-modify-writes lost by the driver's default).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from digest.errors import DatabaseError, SettingsError
from digest.store.database_url import check_parameters, check_ports, parse_url, prepare_threshold, say_url
from digest.store.faults import is_locked, translated

__all__ = ["Database", "Session"]

BUSY_TIMEOUT_MS = 10_000
SLICE_MS = 200


class Database:
    """One engine. `read()` and `write()` open short transactions; nothing awaits inside them."""

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.url = parse_url(url)
        self.busy_timeout_ms = busy_timeout_ms
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = str(self.path or say_url(url))
        """What to call it in a message: the file, else the URL as it was given, without its password."""
        self.engine = self._make_engine()
        if self.is_sqlite:
            event.listen(self.engine, "connect", self._configure_sqlite)
            event.listen(self.engine, "begin", self._begin_sqlite)

    @property
    def path(self) -> Path | None:
        """The SQLite file, None for other databases and for memory."""
        name = self.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    def create_file(self) -> None:
        """Make the SQLite file, readable by its owner only: it holds addresses. Leaves one that exists alone.

        Raises:
            DatabaseError: the folder is missing or cannot be written.
        """
        if self.path is None or self.path.exists():
            return
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise DatabaseError(
                f"{self.path} cannot be made: {error.strerror}", next_step="check the folder and its permissions"
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only unit: never commits.

        Raises:
            DatabaseBusy: locked for longer than the timeout.
            DatabaseError: anything else the database refused.
        """
        with translated(self.name), Session(self.engine, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing unit: commits at the end, rolls back on any exception.

        Raises:
            DatabaseBusy: locked for longer than the timeout.
            DatabaseError: anything else the database refused, a full disk among them.
        """
        engine = self.engine.execution_options(digest_write=True) if self.is_sqlite else self.engine
        with translated(self.name), Session(engine) as session, session.begin():
            yield session

    def open_writer(self) -> Connection:
        """A connection whose every transaction is a writing unit, for who writes again and again.

        Raises:
            what the driver raises: use it within `translated()`.
        """
        connection = self.engine.connect().execution_options(digest_write=True, digest_sliced=self.is_sqlite)
        if self.is_sqlite:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout = {min(SLICE_MS, self.busy_timeout_ms)}")
        return connection

    def begin_writing(self, connection: Connection) -> None:
        """A writing unit on SQLite's own connection, which its user ends."""
        self._begin_in_slices(connection)

    def close_writer(self, connection: Connection) -> None:
        """Give it back as it was."""
        if not (connection.closed or connection.invalidated):
            driver: Any = connection.connection.driver_connection
            if self.is_sqlite:
                driver.execute(f"PRAGMA busy_timeout = {self.busy_timeout_ms}")
            elif driver.closed:
                connection.invalidate()  # else the pool tries to reset it, and logs a traceback
        connection.close()

    def translated(self) -> AbstractContextManager[None]:
        """Within it, what the driver raises becomes our errors."""
        return translated(self.name)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _make_engine(self) -> Engine:
        # hide_parameters: an error's text must never carry addresses.
        if self.is_sqlite:
            connect: dict[str, Any] = {"timeout": self.busy_timeout_ms / 1000, "check_same_thread": False}
            return create_engine(self.url, hide_parameters=True, connect_args=connect)
        # synchronous_commit: a role or server may have it off, and the mark must survive a crash. What the URL says comes
        # after it, and counts where it says so itself.
        options = f"-c lock_timeout={self.busy_timeout_ms} -c timezone=UTC -c synchronous_commit=on"
        connect = {"options": " ".join([options, *self.url.normalized_query.get("options", ())])}
        if "connect_timeout" not in self.url.query:
            connect["connect_timeout"] = 10
        if "prepare_threshold" in self.url.query:
            connect["prepare_threshold"] = prepare_threshold(str(self.url.query["prepare_threshold"]))
        check_ports("" if self.url.port is None else str(self.url.port), *self.url.normalized_query.get("port", ()))
        try:
            engine = create_engine(
                self.url, hide_parameters=True, connect_args=connect, pool_pre_ping=True, pool_size=5, max_overflow=10
            )
            check_parameters(self.url.query)
            _, told = engine.dialect.create_connect_args(self.url)  # hosts and ports of its query
            check_ports(str(told.get("port", "")))
        except ArgumentError as error:
            raise SettingsError(f"[database] url: {error}", next_step="mend its hosts and ports") from error
        except ModuleNotFoundError as error:
            raise DatabaseError(
                "the driver for Postgres is not installed", next_step="run: pip install 'digest[postgres]'"
            ) from error
        return engine

    def _configure_sqlite(self, connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {self.busy_timeout_ms}",  # first: switching to WAL may have to wait
            "journal_mode = WAL",
            "synchronous = FULL",  # the ledger's marks must survive a power cut
            "foreign_keys = ON",
            "secure_delete = ON",  # an erased address must not stay in free space (store/scrub)
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def _begin_sqlite(self, connection: Connection) -> None:
        """Begin; a writer waits for the lock in slices, because inside SQLite's own wait nobody hears Ctrl-C."""
        if not connection.get_execution_options().get("digest_write", False):
            connection.exec_driver_sql("BEGIN")
            return
        if connection.get_execution_options().get("digest_sliced", False):
            self._begin_in_slices(connection)
            return
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout = {min(SLICE_MS, self.busy_timeout_ms)}")
        try:
            self._begin_in_slices(connection)
        finally:
            driver.execute(f"PRAGMA busy_timeout = {self.busy_timeout_ms}")

    def _begin_in_slices(self, connection: Connection) -> None:
        slices = max(1, self.busy_timeout_ms // SLICE_MS)
        while not _is_begun(connection, last=slices == 1):
            slices -= 1


def _is_begun(connection: Connection, *, last: bool) -> bool:
    driver: Any = connection.connection.driver_connection  # not through SQLAlchemy: there are hundreds a second
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or not is_locked(error):
            raise
        return False
    return True
