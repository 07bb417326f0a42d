"""The list as a file: page by page, guarded against formulas, and read back exactly by an import."""

import csv
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from digest.core.people import Listed
from digest.core.spreadsheet import guard_cell
from digest.core.states import SubscriptionState
from digest.errors import DigestError
from digest.store.database import Database
from digest.store.subscribers import list_subscribers

COLUMNS = (
    "address", "name", "status", "language", "zone", "hour", "consent_at", "consent_how", "consent_origin", "consent_text",
    "confirmed_at", "ended_at", "ended_why",
)  # fmt: skip


def export_subscribers(
    database: Database, *, newsletter_id: int, state: SubscriptionState | None = None
) -> Iterator[dict[str, Any]]:
    """Everybody of a newsletter, a page in memory at a time; the keys are `COLUMNS`."""
    after = 0
    while True:
        with database.read() as session:
            page = list_subscribers(session, newsletter_id=newsletter_id, state=state, after=after)
        if not page:
            return
        yield from map(_exported, page)
        after = page[-1].subscriber.id


def write_stream(file: IO[str], people: Iterator[dict[str, Any]], *, as_json: bool = False) -> int:
    """Write them as CSV (RFC 4180) or as one JSON array, a line each; returns how many there were."""
    return _write_json(file, people) if as_json else _write_csv(file, people)


def write_file(path: Path, people: Iterator[dict[str, Any]], *, as_json: bool = False) -> int:
    """Write them into a file that only its owner may read: whole, or not at all.

    Raises:
        DigestError: it cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline=""
        ) as file:
            try:
                count = write_stream(file, people, as_json=as_json)
                file.close()
                os.replace(file.name, path)  # noqa: PTH105 - over what is there
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise DigestError(f"{path} cannot be written: {error.strerror}", next_step="name another file") from error
    return count


def _write_csv(file: IO[str], people: Iterator[dict[str, Any]]) -> int:
    # Quoted throughout: a spreadsheet that splits at semicolons would else find a formula in the midst of a name.
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for person in people:
        count += 1
        writer.writerow(guard_cell(_cell(value)) for value in person.values())
    return count


def _write_json(file: IO[str], people: Iterator[dict[str, Any]]) -> int:
    file.write("[")
    count = 0
    for count, person in enumerate(people, 1):
        plain = {name: _cell(value) if isinstance(value, datetime) else value for name, value in person.items()}
        file.write((",\n" if count > 1 else "\n") + json.dumps(plain, ensure_ascii=False))
    file.write("\n]\n")
    return count


def _exported(line: Listed) -> dict[str, Any]:
    person, tie = line.subscriber, line.subscription
    assert tie is not None  # the list is of one newsletter
    values = (
        person.address, person.name, "suppressed" if line.suppressed else str(tie.state), person.language, person.zone,
        tie.hour, tie.consent.at, tie.consent.how, tie.consent.origin, tie.consent.text,
        tie.consent.confirmed_at, tie.ended_at, tie.ended_why,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else str(value)
