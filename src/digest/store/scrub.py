"""After somebody was erased: nothing of them in free pages and in the write-ahead log either.

Every connection of SQLite's has `secure_delete` on, so that what is deleted is overwritten with noughts. Copies may be left in
the gaps of pages that were once divided: so the file is searched, and written anew where something is found.

Never by this process itself: to close the file a second time gives up every lock that SQLite holds on it (POSIX; sqlite.org/howtocorrupt.html
2.2). The next program to leave then takes itself for the last one and deletes the write-ahead log, with all that this process writes into it.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from digest.errors import DatabaseError
from digest.store.database import Database

_PEOPLE = ("subscriber", "subscription", "delivery", "notice", "signup", "move")
_TRIES, _WAIT_MS = 4, 150
"""For a moment in which nobody reads: only then the log can be emptied."""
_FOUND, _NOTHING = 10, 11
_SEARCH = f"""
import mmap, sys
words = [word for word in sys.stdin.buffer.read().split(b"\\0") if word]
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
    sys.exit({_FOUND} if any(content.find(word) >= 0 for word in words) else {_NOTHING})
"""


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
    """Whether a file has any of these words in it; another process looks.

    Raises:
        DatabaseError: it could not look.
    """
    if not file.exists() or file.stat().st_size == 0:
        return False
    command = [sys.executable, "-I", "-S", "-c", _SEARCH, str(file)]
    done = subprocess.run(command, input=b"\0".join(words), capture_output=True, check=False)  # noqa: S603 - ours
    if done.returncode not in {_FOUND, _NOTHING}:
        raise DatabaseError(f"{file} could not be searched", next_step="run: digest db tidy")
    return done.returncode == _FOUND


def _scrub_file(driver: Any, path: Path, words: Sequence[bytes]) -> bool:
    is_empty = _empty_log(driver)
    if not holds(path, words):
        return is_empty
    driver.execute("VACUUM")
    return _empty_log(driver) and not holds(path, words)


def _empty_log(driver: Any) -> bool:
    """Whether it could be, within a second or two: a page waits for it."""
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")  # else each try waits as long as a write does
    try:
        for attempt in range(_TRIES):
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
            time.sleep(_WAIT_MS / 1000 if attempt < _TRIES - 1 else 0)
        return False
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")
