"""Logging set-up, called by entrances only. Addresses, tokens and passwords never reach a log."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from digest.core.discretion import hide_password

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_FRAMES = 8


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the record's `extra` fields beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
            **_told(record),
        }
        return hide_password(json.dumps(line, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """Time, level, message, then the `extra` fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        fields = " ".join(f"{name}={value}" for name, value in _told(record).items())
        return hide_password(f"{at} {record.levelname.lower():<7} {record.getMessage()} {fields}".rstrip())


def _told(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record that have something to say, and its fault."""
    fields = {name: value for name, value in vars(record).items() if name not in _OWN and value is not None}
    return fields | _fault(record)


def _fault(record: logging.LogRecord) -> dict[str, str]:
    """What an exception was and where it came from: its kind and the places in the code, innermost first.

    Never its words or values, which may be somebody's address.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return {}
    frames = reversed(traceback.extract_tb(error.__traceback__)[-_FRAMES:])
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"fault": type(error).__name__, "where": " < ".join(places)}


def set_up_logs(level: str, form: Literal["text", "json"]) -> None:
    """Send `digest`'s records to stderr. Libraries speak from warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("digest").setLevel(level.upper())


def tell_of(name: str, *, wanted: bool) -> None:
    """Let one module's records of progress through, whatever the level of the others; or hold it to that level."""
    logging.getLogger(name).setLevel(logging.INFO if wanted else logging.NOTSET)
