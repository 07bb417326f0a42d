"""What Alembic runs for every command: a connection from the caller, else the database of the settings.

The caller (digest.store.schema) has already begun the transaction, taken the migration lock and, on SQLite, turned
foreign keys off; nothing here begins or commits.
"""

from typing import Any

from alembic import context
from sqlalchemy import Connection
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from digest.store import joining_tables, people_tables, tables, web_tables  # noqa: F401 - they fill the metadata
from digest.store.base import Row


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Plain SQLAlchemy types in migrations: they must not change when SQLModel's own types do."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    """Run the migrations in the transaction that the connection is in."""
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        render_as_batch=True,  # SQLite cannot alter a column: batch mode copies the table
        render_item=render_item,
        compare_type=True,
        compare_server_default=True,
        user_module_prefix="sa.",
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need the database: SQLite's batch mode reads the tables it changes")

if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    from digest.config import Settings
    from digest.store.database import Database
    from digest.store.schema import migration

    database = Database(Settings.load().database_url)
    database.create_file()
    with migration(database) as own:
        run(own)
