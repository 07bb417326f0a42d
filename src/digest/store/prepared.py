"""A statement compiled once and run on the driver's own cursor.

For the two statements that run for every few messages: SQLAlchemy's way from a statement to its cursor costs more than
the database needs for twenty rows. Its types still convert the parameters, and its transaction is the one in use.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect


class Prepared:
    """One statement for one dialect."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._order: list[str] | None = compiled.positiontup
        self._fixed = dict(compiled.params)  # None for those that are given with each run
        processors = {name: bind.type.dialect_impl(dialect).bind_processor(dialect)
                      for bind, name in compiled.bind_names.items()}  # fmt: skip
        self._convert = {name: process for name, process in processors.items() if process}

    def run(self, connection: Connection, **given: Any) -> Any:
        """The driver's cursor. Errors are the driver's own (store/faults reads them)."""
        values = self._fixed | given
        for name, process in self._convert.items():
            values[name] = process(values[name])
        cursor = connection.connection.cursor()
        cursor.execute(self._sql, [values[name] for name in self._order] if self._order is not None else values)
        return cursor


def as_time(value: Any) -> Any:
    """A time as the driver gave it, aware; None stays None."""
    return _parse(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _parse(text: str) -> datetime:
    """SQLite keeps text; rows claimed together have the same time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
