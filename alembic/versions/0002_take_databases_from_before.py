"""Take databases from before the first migration was frozen.

Revises: 0001

Until 30 November 2026 the first migration was written anew with each change, so that a database at 0001 may be of any of its
shapes. This one compares it with the first migration as it stands now and adds what is missing; where nothing is, as in a new
database, it does nothing. What it cannot carry over it refuses (docs/decisions/0203).
"""

import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa
from alembic import op

from digest.errors import DatabaseError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FILLED = {
    ("newsletter", "goodbye"): "FALSE",
    ("newsletter", "private"): "FALSE",
    ("newsletter", "measure_clicks"): "FALSE",
    ("newsletter", "languages"): "'[]'",
    ("newsletter", "signup"): "'closed'",
    ("newsletter", "max_variants"): "20",
    ("newsletter", "test_subject_hours"): "4",
    ("newsletter", "weights"): "'{}'",
    ("newsletter", "reader_zones"): "FALSE",
    ("newsletter", "sending_windows"): "'[]'",
    ("variant", "second"): "FALSE",
    ("delivery", "domain"): "substr(address_key, INSTR(address_key, '@') + 1)",
}
"""What a column that may not be NULL is given in the rows that are there. No page to sign up opens by itself."""

TOLD = """
INSERT INTO choice (issue_id, topics, language, owed, readers, variant_id)
SELECT delivery.issue_id, '[]', variant.language, '', count(*), delivery.variant_id
FROM delivery JOIN variant ON variant.id = delivery.variant_id
GROUP BY delivery.issue_id, variant.language, delivery.variant_id
"""
"""Who got which variant, for `digest issue show`: before there were choices everybody got all of an issue."""

_MADE = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
_RULES = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name")
_HAS_RULES = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = CAST('event' AS regclass)",
}


def upgrade() -> None:
    bind = op.get_bind()
    bind.dialect.initialize(bind)  # whose version it is: nothing else of digest needs to ask
    look = sa.inspect(bind)
    there = set(look.get_table_names())
    bring = _rebuild if bind.dialect.name == "sqlite" else _alter
    first, rules = _first_tables(bind)
    for table in first.sorted_tables:
        if table.name not in there:
            table.create(bind)
            if table.name == "choice":
                op.execute(TOLD)
        else:
            _refuse_what_is_unknown(look, table)
            bring(bind, look, table)
    if not bind.execute(sa.text(_HAS_RULES[bind.dialect.name])).scalar():
        for rule in rules:
            op.execute(rule)


def downgrade() -> None:
    """Nothing: 0001 as it stands is the same."""


def _first_tables(bind: sa.Connection) -> tuple[sa.MetaData, list[str]]:
    """The tables of the first migration, and the rules of the event log, from its own words."""
    tables, rules = sa.MetaData(), list[str]()

    def create_index(name: str, table: str, columns: list[str], **options: object) -> None:
        sa.Index(name, *[tables.tables[table].c[column] for column in columns], **options)  # type: ignore[arg-type]

    spec = importlib.util.spec_from_file_location("first_tables", Path(__file__).with_name("0001_the_first_tables.py"))
    assert spec
    assert spec.loader
    first = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(first)
    first.op = SimpleNamespace(  # type: ignore[attr-defined]
        create_table=lambda name, *parts, **options: sa.Table(name, tables, *parts, **options),
        create_index=create_index,
        f=op.f,
        execute=rules.append,
        get_bind=lambda: bind,
    )
    first.upgrade()
    return tables, rules


def _refuse_what_is_unknown(look: sa.Inspector, table: sa.Table) -> None:
    """A column that went, or one that nobody can fill: no upgrade may lose or invent what people said."""
    there = {column["name"] for column in look.get_columns(table.name)}
    gone = there - set(table.c.keys())
    unfilled = {c.name for c in table.c if c.name not in there and not c.nullable and (table.name, c.name) not in FILLED}
    if gone or unfilled:
        what = f"has a column {min(gone)} that this digest does not know" if gone else f"lacks the column {min(unfilled)}"
        raise DatabaseError(
            f"its table {table.name} {what}, and is of a digest that was never released",
            next_step="move its readers: digest subscriber export by the digest that made it, then import by this one, and"
            " digest subscriber suppress for suppressed addresses that are in no newsletter",
        )


def _rebuild(bind: sa.Connection, look: sa.Inspector, table: sa.Table) -> None:
    """SQLite can hardly alter a table: where its words differ, it is made anew and filled, as SQLite's manual says."""
    if _plain(bind.execute(_MADE, {"name": table.name}).scalar_one()) != _plain(_create(bind, table)):
        there = [column["name"] for column in look.get_columns(table.name)]
        added = [c.name for c in table.c if c.name not in there and (table.name, c.name) in FILLED]
        names = ", ".join(f'"{name}"' for name in [*there, *added])
        values = ", ".join([*[f'"{name}"' for name in there], *[_value(bind, table, name) for name in added]])
        op.execute(_create(bind, table).replace(f"CREATE TABLE {table.name} ", "CREATE TABLE being_made ", 1))
        op.execute(f"INSERT INTO being_made ({names}) SELECT {values} FROM {table.name}")  # noqa: S608 - our own names
        rules = bind.execute(_RULES, {"name": table.name}).scalars().all()
        op.execute(f"DROP TABLE {table.name}")
        op.execute(f"ALTER TABLE being_made RENAME TO {table.name}")
        for rule in rules:  # they went with the table
            op.execute(rule)
        look.clear_cache()
    _index(bind, look, table)


def _alter(bind: sa.Connection, look: sa.Inspector, table: sa.Table) -> None:
    there = {column["name"] for column in look.get_columns(table.name)}
    for column in table.c:
        if column.name not in there:
            op.add_column(table.name, sa.Column(column.name, column.type, nullable=True))
            if (table.name, column.name) in FILLED:
                op.execute(f"UPDATE {table.name} SET {column.name} = {_value(bind, table, column.name)}")  # noqa: S608 - our own
                op.alter_column(table.name, column.name, nullable=column.nullable)
    uniques = {str(u["name"]) for u in look.get_unique_constraints(table.name)}
    checks = {str(c["name"]): _words(c["sqltext"]) for c in look.get_check_constraints(table.name)}
    wanted = {str(c.name): c for c in table.constraints if isinstance(c, sa.UniqueConstraint | sa.CheckConstraint)}
    told = {name: _words(str(c.sqltext)) for name, c in wanted.items() if isinstance(c, sa.CheckConstraint)}
    changed = {name for name in checks if checks[name] != told.get(name)}
    for name in (uniques - wanted.keys()) | changed:
        op.drop_constraint(op.f(name), table.name)
    for name in wanted.keys() - ((uniques | checks.keys()) - changed):
        bind.execute(sa.schema.AddConstraint(wanted[name]))
    _index(bind, look, table)


def _value(bind: sa.Connection, table: sa.Table, column: str) -> str:
    """Postgres has another name for the one function."""
    value = FILLED[table.name, column]
    return value if bind.dialect.name == "sqlite" else value.replace("INSTR", "strpos")


def _index(bind: sa.Connection, look: sa.Inspector, table: sa.Table) -> None:
    there = {str(i["name"]) for i in look.get_indexes(table.name) if not i.get("duplicates_constraint")}
    wanted = {str(index.name): index for index in table.indexes}
    for name in there - wanted.keys():
        op.drop_index(op.f(name), table.name)
    for name in wanted.keys() - there:
        wanted[name].create(bind)


def _create(bind: sa.Connection, table: sa.Table) -> str:
    return str(sa.schema.CreateTable(table).compile(bind))


def _plain(statement: str) -> str:
    return re.sub(r'[\s"]+', "", statement)


def _words(check: str) -> list[str]:
    """Postgres tells a check in words of its own, but the values that it names stay."""
    return sorted(re.findall(r"'(\w*)'", check))
