"""The migrated schema is the declared one, on both databases; what does not fit the program is refused in words."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Inspector, inspect, text
from tests.postgres import Server

from digest.paths import shipped
from digest.store import schema
from digest.store.base import Row
from digest.store.database import Database


def described(database: Database) -> dict[str, Any]:
    """Everything the database itself says of its tables, in an order that does not depend on how they were made."""
    look: Inspector = inspect(database.engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in look.get_columns(table)
            },
            "key": look.get_pk_constraint(table),
            "checks": sorted((c["name"], c["sqltext"]) for c in look.get_check_constraints(table)),
            "uniques": sorted((u["name"], u["column_names"]) for u in look.get_unique_constraints(table)),
            "indexes": sorted(
                (
                    str(i["name"]),
                    i["column_names"],
                    i["unique"],
                    sorted((k, str(v)) for k, v in i["dialect_options"].items() if k.endswith("where")),
                )
                for i in look.get_indexes(table)
                if not i.get("duplicates_constraint")
            ),
            "references": sorted(
                (f["name"], f["constrained_columns"], f["referred_table"], sorted(f["options"].items()))
                for f in look.get_foreign_keys(table)
            ),
            "rules": triggers(database, table),
        }
        for table in sorted(look.get_table_names())
        if table != "alembic_version"
    }


def triggers(database: Database, table: str) -> list[tuple[str, ...]]:
    """Name and text of each: SQLAlchemy does not describe them."""
    with database.read() as session:
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
            if database.is_sqlite
            else "SELECT tgname, pg_get_triggerdef(oid), pg_get_functiondef(tgfoid) FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid = CAST(:table AS regclass)"
        )
        return sorted(tuple(row) for row in session.execute(text(query), {"table": table}))


def test_the_migrated_sqlite_schema_is_the_declared_one(sqlite_database: Database, tmp_path: Path) -> None:
    declared = Database(f"sqlite:///{tmp_path}/declared.db")
    Row.metadata.create_all(declared.engine)
    assert described(sqlite_database) == described(declared)
    declared.close()


def test_the_migrated_postgres_schema_is_the_declared_one(postgres_database: Database, postgres_server: Server) -> None:
    with postgres_server.database() as url:
        declared = Database(url)
        Row.metadata.create_all(declared.engine)
        assert described(postgres_database) == described(declared)
        declared.close()


def test_the_schema_check_sees_every_kind_of_difference(sqlite_database: Database) -> None:
    """The description is not empty where it matters: a delivery has all kinds of things but rules, the log has those."""
    tables = described(sqlite_database)
    assert {kind for kind, things in tables["delivery"].items() if not things} == {"rules"}
    assert len(tables["event"]["rules"]) == 2


def test_the_head_that_the_program_knows_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(shipped("alembic")))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_an_empty_database_is_upgraded_to_the_head(database: Database) -> None:
    assert schema.revision(database) == schema.HEAD
