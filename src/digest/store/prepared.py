"""A statement compiled once and run on the driver's own cursor.

For the two statements that run for every few messages: SQLAlchemy's way from a statement to its cursor costs more than
the database needs for twenty rows. Its types still convert the parameters, and its transaction is the one in use.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, bindparam
from sqlalchemy.types import TypeEngine

from digest.store.json_rows import JsonRows

Columns = tuple[ColumnElement[Any], ...]


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

    def run_each(
        self, connection: Connection, names: Sequence[str], rows: Sequence[Sequence[Any]], **given: Any
    ) -> int:
        """For each of the rows, whose values (plain ones) stand for the parameters of these names; rows changed."""
        assert self._order is not None, "for drivers with positional parameters"
        values = self._fixed | given
        for name, process in self._convert.items():
            if name in given:
                values[name] = process(values[name])
        given_first = [*names, *self._order]
        fixed = tuple(values[name] for name in self._order)
        pick = itemgetter(*(given_first.index(name) for name in self._order))
        many = [pick((*row, *fixed)) for row in rows]
        return int(connection.connection.cursor().executemany(self._sql, many).rowcount)


class PreparedRows:
    """A statement for many rows: on Postgres one join with a JSON array; on SQLite row by row, at half of that cost."""

    def __init__(self, make: Callable[[Columns], Any], types: Sequence[TypeEngine[Any]], dialect: Dialect) -> None:
        self._joins = dialect.name == "postgresql"
        names = [f"row_{number}" for number in range(len(types))]
        single = tuple(bindparam(name, type_=kind) for name, kind in zip(names, types, strict=True))
        columns = JsonRows(dialect.name, *types).columns if self._joins else single
        self._statement = Prepared(make(columns), dialect)
        self._names = names

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]], **given: Any) -> int:
        """How many rows it changed."""
        if self._joins:
            return int(self._statement.run(connection, rows=json.dumps(rows), **given).rowcount)
        return self._statement.run_each(connection, self._names, rows, **given)


def as_time(value: Any) -> Any:
    """A time as the driver gave it, aware; None stays None."""
    return _parse(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _parse(text: str) -> datetime:
    """SQLite keeps text; rows claimed together have the same time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
