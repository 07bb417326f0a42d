"""Statements that need a word more than SQLAlchemy Core gives them."""

from typing import Any

from sqlalchemy import Executable, Table
from sqlmodel import Session


def insert_or_ignore(session: Session, table: Table) -> Any:
    """`INSERT … ON CONFLICT DO NOTHING`, whichever unique constraint it meets: each database has its own construct."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 60 ms that SQLite's users don't need

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table).on_conflict_do_nothing()


def upsert(session: Session, table: Table) -> Any:
    """An INSERT with `on_conflict_do_update`, in this database's own construct."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 60 ms that SQLite's users don't need

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)


def insert_if_new(session: Session, table: Table, values: dict[str, Any]) -> bool:
    """Add one row; False where a unique constraint has it already. Row counts are -1 here on Postgres."""
    statement = insert_or_ignore(session, table).values(values).returning(*table.primary_key.columns)
    return session.execute(statement).first() is not None


def changed_rows(session: Session, statement: Executable) -> int:
    """Execute it and tell how many rows it changed: after a compare-and-set the count is the truth."""
    done: Any = session.execute(statement)  # a CursorResult, which the types don't say
    return int(done.rowcount)
