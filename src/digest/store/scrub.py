"""After somebody was erased: nothing of them in free pages and in the write-ahead log either.

Every connection of SQLite's has `secure_delete` on, so that what is deleted is overwritten with noughts. Copies may be left in
the gaps of pages that were once divided: so the file is searched, and written anew where something is found.
"""

import mmap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from digest.store.database import Database

_PEOPLE = ("subscriber", "subscription", "delivery", "notice", "signup", "move")
_TRIES, _WAIT = 5, 0.2
"""For a moment in which nobody reads: only then the log can be emptied."""


def scrub(database: Database, traces: Sequence[str]) -> bool:
    """Whether these words are gone from the database's files; False where others use it now, or where nobody can tell.

    On Postgres the rows' places are freed for others (VACUUM); its write-ahead log and its backups keep their own time.

    Raises:
        DatabaseError: the database refused.
    """
    with database.translated():
        if not database.is_sqlite:
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for table in _PEOPLE:
                    connection.execute(text(f"VACUUM {table}"))
            return False
        if database.path is None:
            return True
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection  # outside of any transaction
            return _scrub_file(driver, database.path, [trace.encode() for trace in traces if trace])


def tidy(database: Database) -> None:
    """Write SQLite's file anew, without free space, and empty its log; on Postgres free what rows have left.

    Raises:
        DatabaseBusy: others use it.
        DatabaseError: anything else the database refused.
    """
    with database.translated():
        if not database.is_sqlite:
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM"))
            return
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("VACUUM")
            _empty_log(driver)


def holds(file: Path, words: Sequence[bytes]) -> bool:
    """Whether a file has any of these words in it."""
    if not file.exists() or file.stat().st_size == 0:
        return False
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(word) >= 0 for word in words)


def _scrub_file(driver: Any, path: Path, words: Sequence[bytes]) -> bool:
    is_empty = _empty_log(driver)
    if not holds(path, words):
        return is_empty
    driver.execute("VACUUM")
    return _empty_log(driver) and not holds(path, words)


def _empty_log(driver: Any) -> bool:
    for attempt in range(_TRIES):
        busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        time.sleep(_WAIT if attempt < _TRIES - 1 else 0)
    return False
