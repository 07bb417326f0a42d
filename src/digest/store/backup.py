"""A copy of a SQLite database while it is in use, by SQLite's online backup (sqlite.org/backup.html)."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from digest.errors import Conflict, DatabaseError, UsageError
from digest.store.database import Database
from digest.store.faults import translated

PAGES_A_STEP = 256  # 1 MiB of SQLite's usual pages: often enough for a progress bar, and for Ctrl-C


def backup(
    database: Database, target: Path, *, replace: bool = False, on_step: Callable[[int, int], object] | None = None
) -> int:
    """Copy the database as it is now into one file, readable by its owner only; whole or not at all.

    Writers go on meanwhile: the copy reads one snapshot. It is checked before it takes its name.

    Args:
        database: a SQLite database.
        target: the file to make.
        replace: take the place of a file of that name.
        on_step: called with (pages done, pages in all) after each step.

    Returns:
        The size of the copy in bytes.

    Raises:
        UsageError: not SQLite.
        Conflict: the target exists.
        DatabaseError: the target cannot be written, its disk is full, or the database is damaged.
    """
    if database.path is None:
        raise UsageError(
            f"{database.name} is not a SQLite file",
            next_step="run: pg_dump --format=custom --file=digest.dump NAME (docs/operations.md)",
        )
    if target.exists() and not replace:
        raise Conflict(f"{target} exists already", next_step="name another file, or add --force")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _make_private(draft)
        with translated(str(target)):
            _copy(database.path, draft, on_step)
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
        return target.stat().st_size
    except OSError as error:
        raise DatabaseError(
            f"{target} cannot be written: {error.strerror}", next_step="check the folder, its permissions and space"
        ) from error
    finally:
        for left in (draft, *draft.parent.glob(f"{draft.name}-*")):
            left.unlink(missing_ok=True)


def _make_private(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _copy(source: Path, draft: Path, on_step: Callable[[int, int], object] | None) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as reader,
        closing(sqlite3.connect(draft, isolation_level=None)) as writer,
    ):
        # An open read transaction holds the snapshot; without one every write by others starts the copy over.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        progress = (lambda _, left, total: on_step(total - left, total)) if on_step else None
        reader.backup(writer, pages=PAGES_A_STEP, progress=progress, sleep=0.05)
        writer.execute("PRAGMA journal_mode = DELETE")  # one file that can be carried away
        found = writer.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseError(
                f"{source} is damaged, and no backup was made: {found}", next_step="restore an older backup"
            )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
