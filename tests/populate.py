"""Rows for every table of any revision, made from what the database says of itself: every state of every CHECK.

Nothing here knows the tables of today, so a migration written later is tested on a full database without a change.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
)

START = dt.datetime(2017, 8, 14, 7, 5, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Shape:
    """What a database says of its tables, and of the states that their columns may have."""

    metadata: MetaData
    states: dict[str, dict[str, list[str]]]


def shape_of(connection: Connection) -> Shape:
    """Asking takes longer than filling."""
    metadata = _reflected(connection)
    return Shape(metadata, {table.name: _states(connection, table.name) for table in metadata.sorted_tables})


def populate(connection: Connection, shape: Shape | None = None) -> dict[str, int]:
    """Fill every table; the count of its rows by its name. `shape`: where many databases of one schema are filled.

    Row n refers to row n of each parent, so that every UNIQUE holds; there are as many rows as the longest CHECK has
    states. Of the columns that may be empty, every other row leaves one empty.
    """
    shape = shape or shape_of(connection)
    rows = max((len(values) for checks in shape.states.values() for values in checks.values()), default=2)
    for table in shape.metadata.sorted_tables:
        connection.execute(insert(table), [_row(table, n, shape.states[table.name]) for n in range(rows)])
    return _count(connection, shape.metadata)


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return _count(connection, _reflected(connection))


def list_states(connection: Connection, table: str, column: str) -> set[str]:
    """The states that the rows of a table are in."""
    return set(connection.execute(select(_reflected(connection).tables[table].c[column])).scalars())


def _count(connection: Connection, metadata: MetaData) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def _reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name != "alembic_version")
    return metadata


def _states(connection: Connection, table: str) -> dict[str, list[str]]:
    """Column → the states that its CHECK allows: `state IN ('a', 'b')`, which Postgres rewrites as `= ANY (ARRAY[…])`."""
    checks = {}
    for check in inspect(connection).get_check_constraints(table):
        words = check["sqltext"]
        column = re.match(r"\W*(\w+)", words)
        states = re.findall(r"'([^']*)'", words)
        assert column, words
        assert states, f"teach tests/populate.py what this CHECK allows: {words}"
        checks[column[1]] = states
    return checks


def _row(table: Table, number: int, states: dict[str, list[str]]) -> dict[str, Any]:
    return {c.name: _value(c, number, states.get(c.name)) for c in table.columns}


def _value(column: Column[Any], number: int, states: list[str] | None) -> Any:
    if states:
        return states[number % len(states)]
    if column.primary_key or column.foreign_keys:
        return f"{column.name} {number}" if _python_type(column) is str else number + 1
    if column.nullable and number % 2:
        return None
    match column.type:
        case Boolean():
            return bool(number % 2)
        case Integer() | Float():
            return number
        case DateTime():
            return START + dt.timedelta(hours=number)
        case JSON():
            return {"number": number}
        case LargeBinary():
            return bytes([number])
    return f"{column.name} {number}"


def _python_type(column: Column[Any]) -> type:
    return column.type.python_type
