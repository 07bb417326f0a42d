"""The URL of a database: what of it the drivers take, and how it is told, never with a password."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from digest.errors import SettingsError
from digest.store.faults import VALUES, wrong_value

MOST_PORTS = 65_535
_DRIVER = "postgresql+psycopg"
_SCHEME = re.compile(r"postgres(ql)?://")
_PASSWORD = re.compile(r"(?<=://)([^:/]*):[^@]*@")  # as SQLAlchemy takes it apart
_SECRET = re.compile(
    r"([?&](?:password|sslpassword|oauth_client_secret|scram_client_key|scram_server_key)=)[^&]*", re.IGNORECASE
)
_UNPREPARED = "none"
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}
"""The nearest of them is told; whether a word is one, libpq says."""
_NUMBERS = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_SEVERAL = {"host", "port", "options"}
"""What a URL may have more than once."""
_ANYBODY = {"user": "nobody", "dbname": "none", "password": "none"}
"""So that neither the system is asked for a user, whom a container may not have, nor a file for a password."""
_ELSEWHERE = {"host": "/nonexistent/digest", "hostaddr": "", "port": "", "gssencmode": "disable"}
"""A folder of sockets, whatever a service file or a variable says: libpq judges the words, then finds nobody there, without a
look into the network. Encryption by GSSAPI is not for sockets."""
_NOT_ASKED = {"hostaddr", "gssencmode", "prepare_threshold", *_SEVERAL}
_REFUSALS = ("weak sslmode", "definition of service", "SCRAM client key")
"""What it says of parameters that do not go together, or lead nowhere."""
_LIST = "its manual lists them under libpq, Parameter Key Words"


def parse_url(text: str) -> URL:
    """For the engine. Never repeats the text in an error: it may hold a password.

    Raises:
        SettingsError: no database that digest can use.
    """
    try:
        parsed = make_url(_SCHEME.sub(f"{_DRIVER}://", text, count=1) if _SCHEME.match(text) else text)
    except ArgumentError:
        parsed = None
    except ValueError:
        raise SettingsError(
            "[database] url has a port that is no number",
            next_step="write @ : / in a password as %40 %3A %2F, and a port like :5432",
        ) from None
    is_file = parsed is not None and not parsed.host and bool(parsed.database)
    if parsed is None or not (parsed.drivername == _DRIVER or (parsed.drivername == "sqlite" and is_file)):
        raise SettingsError(
            "[database] url names no database that digest knows",
            next_step="write sqlite:///digest.db or postgresql://host/name, with user:password@ before the host",
        )
    if parsed.drivername == "sqlite" and parsed.query:
        raise SettingsError(
            "[database] url has a ? in it, and SQLite takes no parameters",
            next_step="leave out what begins with the ?; a file whose path has one needs another name",
        )
    if twice := sorted(
        name for name, value in parsed.query.items() if not isinstance(value, str) and name not in _SEVERAL
    ):
        raise SettingsError(f"[database] url has {twice[0]} more than once", next_step="keep one of them")
    return parsed


def say_url(text: str) -> str:
    """As it was written, without its passwords."""
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def check_parameters(given: Mapping[str, Any]) -> None:
    """Whether the driver of Postgres (which must be there) takes what a URL gives it.

    Raises:
        SettingsError: it does not know one, or it is none that a URL can give.
    """
    from psycopg.pq import Conninfo  # noqa: PLC0415 - it need not be installed

    known = [option.keyword.decode() for option in Conninfo.get_defaults()] + ["prepare_threshold"]
    if unknown := sorted(given.keys() - set(known)):
        near = difflib.get_close_matches(unknown[0], known, n=1)
        raise SettingsError(
            f"[database] url: Postgres knows no parameter {unknown[0]!r}",
            next_step=f"did you mean {near[0]}?" if near else _LIST,
        )
    if not re.fullmatch(r"[0-9]{0,6}", timeout := given.get("connect_timeout", "")):
        raise SettingsError(f"[database] url: connect_timeout={timeout} is no number of seconds", next_step="write 10")
    for name in _NUMBERS:
        if not re.fullmatch(r"[0-9]{0,9}", value := given.get(name, "")):
            raise SettingsError(
                f"[database] url: {name}={value} is no whole number", next_step="mend it, or leave it out"
            )
    if nul := sorted(name for name, value in given.items() if "\0" in value):
        raise SettingsError(f"[database] url: {nul[0]} has a NUL in it", next_step="leave it out")
    if given.get("gssencmode", "disable") not in _WORDS["gssencmode"]:
        raise _no_value("gssencmode", given["gssencmode"])
    _ask_libpq({name: value for name, value in given.items() if name not in _NOT_ASKED})


def check_ports(*ports: str) -> None:
    """Before the host is looked for: libpq judges a port only then. Each may be several, with commas between them.

    Raises:
        SettingsError: one of them is none.
    """
    for port in filter(None, ",".join(ports).split(",")):
        if not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= MOST_PORTS):
            raise SettingsError("[database] url has a port that is none", next_step=f"write one from 1 to {MOST_PORTS}")


def _ask_libpq(given: Mapping[str, str]) -> None:
    """Whether it takes these values: else it refuses them only once it has found the host, which would seem to be to blame.

    Raises:
        SettingsError: it does not.
    """
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - it need not be installed
    from psycopg.pq import PGconn  # noqa: PLC0415

    asked = PGconn.connect_start(make_conninfo(**{**_ANYBODY, **given, **_ELSEWHERE}).encode())
    said = asked.error_message.decode(errors="replace")
    asked.finish()
    # Whatever else it says, a service file or a variable of libpq's may be the cause: the real connection tells.
    if (wrong := wrong_value(said)) and wrong[0] in given:
        raise _no_value(wrong[0], given[wrong[0]])
    if any(words in said for words in _REFUSALS):
        raise SettingsError(f"[database] url: {said.strip().splitlines()[0]}", next_step="mend its parameters")


def _no_value(name: str, value: str) -> SettingsError:
    words = _WORDS.get(name, ())
    near = difflib.get_close_matches(value, words, n=1)
    return SettingsError(
        f"[database] url: Postgres knows no {name}={value}",
        next_step=f"did you mean {near[0]}?" if near else f"write one of {', '.join(words)}" if words else VALUES,
    )


def prepare_threshold(text: str) -> int | None:
    """After so many times a statement is prepared; None: never.

    Raises:
        SettingsError: it is neither a number nor "none".
    """
    if text.lower() == _UNPREPARED:
        return None
    if re.fullmatch(r"[0-9]{1,6}", text):
        return int(text)
    raise SettingsError(
        f"[database] url: prepare_threshold={text} is no number",
        next_step="write none to prepare no statements, or leave it out",
    )
