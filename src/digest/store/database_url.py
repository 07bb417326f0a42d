"""The URL of a database: what of it the drivers take, and how it is told, never with a password."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from digest.errors import SettingsError

_DRIVER = "postgresql+psycopg"
_SCHEME = re.compile(r"postgres(ql)?://")
_PASSWORD = re.compile(r"(?<=://)([^:/]*):[^@]*@")  # as SQLAlchemy takes it apart
_SECRET = re.compile(
    r"([?&](?:password|sslpassword|oauth_client_secret|scram_client_key|scram_server_key)=)[^&]*", re.IGNORECASE
)
_UNPREPARED = "none"
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "gssencmode": ("disable", "prefer", "require"),
    "channel_binding": ("disable", "prefer", "require"),
}
"""What libpq would refuse only once it has found the host: until then it would seem that the host is to blame."""


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
            next_step=f"did you mean {near[0]}?" if near else "its manual lists them under libpq, Parameter Key Words",
        )
    for name in _WORDS.keys() & given.keys():
        if (value := given[name]) not in _WORDS[name]:
            near = difflib.get_close_matches(str(value), _WORDS[name], n=1)
            raise SettingsError(
                f"[database] url: Postgres knows no {name}={value}",
                next_step=f"did you mean {near[0]}?" if near else f"write one of {', '.join(_WORDS[name])}",
            )
    timeout = given.get("connect_timeout", "")
    if not re.fullmatch(r"[0-9]{0,6}", str(timeout)):
        raise SettingsError(f"[database] url: connect_timeout={timeout} is no number of seconds", next_step="write 10")


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
