"""What a database says, in our words: one sentence, never the statement or its values, which may be addresses.

SQLite is read by its result codes (sqlite.org/rescode.html), Postgres by SQLSTATE (its manual, appendix A). Only what
an admin can mend or wait for is translated; anything else is a fault of the program and passes through.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from digest.errors import Conflict, DatabaseBusy, DatabaseError, DigestError, SettingsError, UsageError

_WAIT = "wait for it, then run this again"
_AGAIN = "wait a little, then run this again"
_LIMIT = "run this again; if it happens each time, statement_timeout is too short there"
_PERMISSIONS = "check the permissions of the file and its folder"
_UPGRADE = "run: digest db upgrade"
_URL = "check [database] url in digest.toml"
_POOLER = "add ?prepare_threshold=none to [database] url (docs/operations.md), or let the pooler keep sessions"
VALUES = "its manual lists the values under libpq, Parameter Key Words"
_IGNORE = "write ignore_startup_parameters = options into pgbouncer.ini (docs/operations.md)"
_CREATE = "run: createdb NAME, then: digest db upgrade"

Meaning = tuple[type[DigestError], str, str]

_LOCKED: Meaning = (DatabaseBusy, "{} is locked by another process", _WAIT)
_NOT_NOW: Meaning = (DatabaseBusy, "{} takes no connections now", _AGAIN)
_CLOSED: Meaning = (DatabaseBusy, "{} closed the connection", _AGAIN)
_ENDED: Meaning = (DatabaseBusy, "{} ended a statement that took too long, or somebody cancelled it", _LIMIT)
_LACKS: Meaning = (DatabaseError, "{} lacks a table or column that this program needs", _UPGRADE)
_LOGIN: Meaning = (DatabaseError, "{} refuses the user or its password", _URL)
_NONE: Meaning = (DatabaseError, "there is no database {}", _CREATE)
_FULL: Meaning = (DatabaseError, "no space is left for {}; nothing was changed", "free some space")
_FAILS: Meaning = (DatabaseError, "the disk of {} is full or fails; nothing was changed", "check its space and health")
_WRITE: Meaning = (DatabaseError, "{} cannot be written", _PERMISSIONS)
_OPEN: Meaning = (DatabaseError, "{} cannot be opened", _PERMISSIONS)
_NO_DATABASE: Meaning = (DatabaseError, "{} is not a database", f"{_URL}, or restore a backup")
_DAMAGED: Meaning = (DatabaseError, "{} is damaged", "restore a backup (docs/operations.md)")
_FORGETS: Meaning = (DatabaseError, "{} is reached through a pooler that forgets prepared statements", _POOLER)
_NO_OPTIONS: Meaning = (DatabaseError, "{} is reached through a pooler that takes no options", _IGNORE)
_GRANT: Meaning = (DatabaseError, "{} does not let this user write", "grant the user its tables")
_TOO_LARGE: Meaning = (UsageError, "a number is larger than {} can hold", "give a smaller one")

_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FAILS,
    sqlite3.SQLITE_READONLY: _WRITE,
    sqlite3.SQLITE_PERM: _WRITE,
    sqlite3.SQLITE_AUTH: _WRITE,
    sqlite3.SQLITE_CANTOPEN: _OPEN,
    sqlite3.SQLITE_NOTADB: _NO_DATABASE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}

_POSTGRES = {
    "40001": _LOCKED,  # serialization failure
    "40P01": _LOCKED,  # deadlock
    "55P03": _LOCKED,  # lock timeout
    "57014": _ENDED,  # statement timeout, or pg_cancel_backend
    "25P03": _CLOSED,  # idle in a transaction for too long
    "57P05": _CLOSED,  # idle for too long
    "53300": _NOT_NOW,  # too many connections
    "57P01": _NOT_NOW,  # shut down
    "57P02": _NOT_NOW,  # crashed
    "57P03": _NOT_NOW,  # starting up
    "53100": _FULL,
    "42501": _GRANT,
    "25006": _GRANT,  # read-only transaction
    "42P01": _LACKS,
    "42703": _LACKS,
    "28P01": _LOGIN,
    "28000": _LOGIN,
    "3D000": _NONE,
    "22003": _TOO_LARGE,
    "26000": _FORGETS,  # no such prepared statement: PgBouncer in transaction mode
    "42P05": _FORGETS,  # there is one already
}

_NO_CONNECTION = {"OperationalError", "ConnectionTimeout"}
"""By name: the driver need not be installed."""

# No connection, so no SQLSTATE: libpq's words, which are English unless the server's language is another.
_WORDS = {
    "authentication failed": _LOGIN,
    "no password supplied": _LOGIN,
    'role "': _LOGIN,  # one that does not exist, where no password is asked for
    "does not exist": _NONE,  # after "authentication failed": an unknown role says that with a password
    "unsupported startup parameter": _NO_OPTIONS,
    "starting up": _NOT_NOW,
    "shutting down": _NOT_NOW,
    "too many clients": _NOT_NOW,
    "closed the connection": _CLOSED,
    "connection is lost": _CLOSED,
}

_NO_VALUE = tuple(
    map(
        re.compile,
        (
            r'invalid "?(?P<name>\w+)"? value: "(?P<value>[^"]*)"',
            r'invalid \w+ value "(?P<value>[^"]*)" for connection option "(?P<name>\w+)"',
            r'invalid value for parameter "(?P<name>\w+)": "(?P<value>[^"]*)"',
        ),
    )
)
"""What libpq, and the server, say of a parameter of the URL that cannot have this value: sslmode=requir."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Errors of the driver that leave this block become ours; `name` is what to call the database.

    Inside the block a store function can still catch SQLAlchemy's own, IntegrityError first of all.

    Raises:
        DatabaseBusy: locked, or the server ends or refuses connections for now.
        DatabaseError: missing, damaged, no database, not allowed, not reachable, its disk full.
        Conflict: another process made or removed the same thing at the same moment.
        UsageError: a number that no column can hold.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy(f"{name}: every connection is in use", next_step=_WAIT) from error
    except DBAPIError as error:
        meaning = _conflict(error) if isinstance(error, IntegrityError) else _meaning(name, error.orig)
        if meaning is None:
            raise
        raise meaning from error
    except Exception as error:  # from below SQLAlchemy: the online backup, prepared statements
        if isinstance(error, OverflowError) and "SQLite" in str(error):  # sqlite3's own, before SQLite sees the number
            raise _said(_TOO_LARGE, name) from error
        is_drivers = isinstance(error, sqlite3.Error) or hasattr(error, "sqlstate")  # psycopg need not be installed
        meaning = _meaning(name, error) if is_drivers else None
        if meaning is None:
            raise
        raise meaning from error


def wrong_value(words: str) -> tuple[str, str] | None:
    """The parameter and the value, where libpq or the server says that it cannot have it."""
    found = next(filter(None, (form.search(words) for form in _NO_VALUE)), None)
    return (found["name"], found["value"]) if found else None


def is_locked(error: sqlite3.OperationalError) -> bool:
    """Whether SQLite gave up because another connection holds the lock (SQLITE_BUSY and its extended codes)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _meaning(name: str, error: BaseException | None) -> DigestError | None:
    code, state, words = getattr(error, "sqlite_errorcode", None), getattr(error, "sqlstate", None), str(error)
    meaning = None
    if code is not None:
        meaning = _SQLITE.get(code & 0xFF) or _missing(words)  # the low byte is the primary code
    elif state is not None:
        meaning = _POSTGRES.get(state) or (_CLOSED if state.startswith("08") else None)
    elif type(error).__name__ in _NO_CONNECTION:
        meaning = _unreachable(words)
    if meaning is None:
        return None
    return _said(meaning, name)


def _said(meaning: Meaning, name: str) -> DigestError:
    kind, sentence, next_step = meaning
    return kind(sentence.format(name), next_step=next_step)


def _missing(words: str) -> Meaning | None:
    """SQLite has no code of its own for these."""
    return _LACKS if "no such table" in words or "no such column" in words or "has no column" in words else None


def _unreachable(words: str) -> Meaning:
    if found := wrong_value(words):
        said = "=".join(found).replace("{", "{{").replace("}", "}}")
        return (SettingsError, f"{{}}: Postgres knows no {said}", f"{VALUES}; {_URL}")
    for part, meaning in _WORDS.items():
        if part in words:
            return meaning
    why = words.splitlines()[0].rpartition("failed: ")[2] if words else "no reason given"
    why = why.replace("{", "{{").replace("}", "}}")
    return (DatabaseError, f"{{}} cannot be reached: {why}", f"see that the server runs, and {_URL}")


def _conflict(error: IntegrityError) -> DigestError | None:
    """UNIQUE and foreign keys are lost races. NOT NULL and CHECK are faults of the program."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    if code in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"}:
        return Conflict("another process made the same thing at the same moment", next_step="run this again")
    if code in {"SQLITE_CONSTRAINT_FOREIGNKEY", "23503"}:
        return Conflict("another process removed what this belongs to", next_step="run this again")
    return None
