"""All rows of one database into another, empty one: from SQLite to Postgres, or back."""

from collections.abc import Callable

from sqlalchemy import Connection, Table, func, insert, select, text

from digest.errors import Conflict, DatabaseError
from digest.store.base import Row
from digest.store.checks import count_rows
from digest.store.database import Database
from digest.store.schema import check_schema, upgrade

ROWS_A_STEP = 1000


def copy_rows(
    source: Database, target: Database, *, on_step: Callable[[int, int], object] | None = None
) -> dict[str, int]:
    """Make the tables of the target and copy every row of the source, in one transaction; the source stays as it is.

    Args:
        source: a database at this program's revision.
        target: an empty database, or a SQLite file that is not there yet.
        on_step: called with (rows done, rows in all) after each step.

    Returns:
        The count of rows by table, the same in both.

    Raises:
        Conflict: the target holds rows.
        DatabaseError: one of them cannot be read or written, or the counts differ; then the target has no rows.
    """
    check_schema(source)
    upgrade(target)
    with source.read() as reading, target.write() as writing:
        reader, writer = _snapshot(source, reading.connection), writing.connection()
        expected = count_rows(reading)
        if any(count_rows(writing).values()):
            raise Conflict(f"{target.name} holds rows already", next_step="copy into an empty database")
        done = 0
        for table in Row.metadata.sorted_tables:
            for rows in reader.execution_options(yield_per=ROWS_A_STEP).execute(select(table)).mappings().partitions():
                writer.execute(insert(table), [dict(row) for row in rows])
                done += len(rows)
                if on_step:
                    on_step(done, sum(expected.values()))
            if not target.is_sqlite:
                _advance_sequence(writer, table)
        if count_rows(writing) != expected:
            raise DatabaseError(f"{target.name} did not take every row", next_step="copy into another, empty database")
    return expected


def _snapshot(database: Database, connect: Callable[..., Connection]) -> Connection:
    """One moment's state, also where others write: a reading transaction of SQLite is one by itself."""
    if database.is_sqlite:
        return connect()
    return connect(execution_options={"isolation_level": "REPEATABLE READ"})


def _advance_sequence(connection: Connection, table: Table) -> None:
    """Postgres numbers new rows from a sequence, which knows nothing of rows that brought their own ids."""
    if "id" in table.c:
        highest = connection.execute(select(func.max(table.c.id))).scalar()
        if highest is not None:
            query = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :highest)")
            connection.execute(query, {"table": table.name, "highest": highest})
