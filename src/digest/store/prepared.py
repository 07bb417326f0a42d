"""A statement compiled once and run on the driver's own cursor.

For the statements that run for every few messages: SQLAlchemy's way from a statement to its cursor costs more than
the database needs for twenty rows. Its types still convert the parameters, and its transaction is the one in use.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, column, table
from sqlalchemy.types import TypeEngine

from digest.store.json_rows import JsonRows

Columns = tuple[ColumnElement[Any], ...]

_MOST = 32
"""Rows in one statement: each number of them is a text of its own, and the driver keeps 128 prepared."""
_GIVEN = " FROM given WHERE "


class Prepared:
    """One statement for one dialect."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._order: list[str] | None = compiled.positiontup
        self._fixed = dict(compiled.params)  # None for those that are given with each run
        processors = {name: bind.type.dialect_impl(dialect).bind_processor(dialect)
                      for bind, name in compiled.bind_names.items()}  # fmt: skip
        self._convert = {name: process for name, process in processors.items() if process}

    def run(self, connection: Connection, **given: Any) -> Any:
        """The driver's cursor. Errors are the driver's own (store/faults reads them)."""
        values = self._values(given)
        cursor = connection.connection.cursor()
        cursor.execute(self.sql, [values[name] for name in self._order] if self._order is not None else values)
        return cursor

    def run_alone(self, connection: Connection, **given: Any) -> Any:
        """As a transaction of its own, committed when this returns: one way to Postgres and back instead of three or four.

        The connection must not be in a transaction, and is in none afterwards.
        """
        driver: Any = connection.connection.driver_connection
        driver.autocommit = True
        try:
            return self.run(connection, **given)
        finally:
            if not driver.closed:  # else it is not used again
                driver.autocommit = False

    def split(self, word: str, **given: Any) -> tuple[list[Any], list[Any]]:
        """The parameters before a word of the statement, and those after it; for drivers with positional ones."""
        assert self._order is not None
        values = self._values(given)
        before = self.sql.partition(word)[0].count("?")
        return [values[name] for name in self._order[:before]], [values[name] for name in self._order[before:]]

    def _values(self, given: dict[str, Any]) -> dict[str, Any]:
        values = self._fixed | given
        for name, process in self._convert.items():
            values[name] = process(values[name])
        return values


class PreparedRows:
    """A statement for many rows in one step: on Postgres a join with a JSON array, on SQLite one with VALUES.

    On SQLite that takes two thirds of the time of a step for each row; and at each the driver lets go of the interpreter's
    lock, to wait until a busy event loop gives it back.
    """

    def __init__(self, make: Callable[[Columns], Any], types: Sequence[TypeEngine[Any]], dialect: Dialect) -> None:
        self._joins = dialect.name == "postgresql"
        # VALUES names its columns so.
        given = table("given", *(column(f"column{number}", kind) for number, kind in enumerate(types, start=1)))
        columns = JsonRows(dialect.name, *types).columns if self._joins else tuple(given.c)
        self._statement = Prepared(make(columns), dialect)
        self._row = f"({', '.join('?' * len(types))})"
        self._made: dict[int, str] = {}

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]], **given: Any) -> int:
        """How many rows it changed. The rows are plain values."""
        if self._joins:
            return int(self._statement.run(connection, rows=json.dumps(rows), **given).rowcount)
        before, after = self._statement.split(_GIVEN, **given)
        cursor, changed = connection.connection.cursor(), 0
        for start in range(0, len(rows), _MOST):
            some = rows[start : start + _MOST]
            cursor.execute(self._sql(len(some)), [*before, *chain.from_iterable(some), *after])
            changed += cursor.rowcount
        return changed

    def _sql(self, number: int) -> str:
        """For so many rows: few texts, which the driver knows prepared."""
        if number not in self._made:
            rows = f" FROM (VALUES {', '.join([self._row] * number)}) AS given WHERE "
            self._made[number] = self._statement.sql.replace(_GIVEN, rows)
        return self._made[number]


def as_time(value: Any) -> Any:
    """A time as the driver gave it, aware; None stays None."""
    return _parse(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _parse(text: str) -> datetime:
    """SQLite keeps text; rows claimed together have the same time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
