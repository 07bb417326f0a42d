"""Each UNIQUE refuses a second row: the database itself decides who is first, whatever the program believes."""

from typing import Any

import pytest
from sqlalchemy import MetaData, UniqueConstraint, insert, select
from tests.populate import Shape, populate, shape_of

from digest.errors import Conflict
from digest.store.base import Row
from digest.store.database import Database

UNIQUES = {
    "cadence": [("newsletter_id", "name")],
    "choice": [("issue_id", "topics", "language", "owed")],
    "claim": [("cadence_id", "post_id")],
    "click": [("issue_id", "post_id", "link")],
    "delivery": [("issue_id", "address_key"), ("subscriber_id", "issue_id")],
    "issue": [("newsletter_id", "cadence_id", "slot_key"), ("newsletter_id", "number")],
    "move": [("subscriber_id",)],
    "newsletter": [("slug",)],
    "newsletter_source": [("newsletter_id", "source_id")],
    "post": [("source_id", "key")],
    "post_key": [("source_id", "key")],
    "source": [("url",)],
    "subscriber": [("address_hash",), ("address_key",)],
    "subscription": [("newsletter_id", "subscriber_id")],
    "suppression": [("address_hash",)],
    "topic": [("newsletter_id", "slug")],
    "topic_rule": [("topic_id", "kind", "pattern")],
    "variant": [("issue_id", "key")],
    "visit": [("issue_id", "client", "post_id", "link")],
    "wave": [("issue_id", "zone", "hour")],
}
SHAPES: dict[str, Shape] = {}
"""Asked once on each kind of database."""
EACH = [(table, key) for table, keys in UNIQUES.items() for key in keys]


@pytest.mark.parametrize(("table", "key"), EACH, ids=[f"{table}-{'-'.join(key)}" for table, key in EACH])
def test_a_second_row_of_the_same_key_is_refused(database: Database, table: str, key: tuple[str, ...]) -> None:
    declared = Row.metadata.tables[table]
    with database.write() as session:
        connection = session.connection()
        shape = SHAPES.get(connection.dialect.name) or SHAPES.setdefault(connection.dialect.name, shape_of(connection))
        populate(connection, shape)
        rows = session.execute(select(declared)).mappings()
        row: dict[str, Any] = next(dict(row) for row in rows if all(row[name] is not None for name in key))
    del row["id"]
    for other in UNIQUES[table]:  # these must not stand in the way
        if other != key:
            name = next((name for name in other if declared.c[name].nullable), other[-1])
            row[name] = None if declared.c[name].nullable else "another"
    with pytest.raises(Conflict), database.write() as session:
        session.execute(insert(declared).values(row))


def test_every_unique_is_in_the_list() -> None:
    metadata: MetaData = Row.metadata
    declared = {(table.name, tuple(column.name for column in unique.columns)) for table in metadata.tables.values()
                for unique in table.constraints if isinstance(unique, UniqueConstraint)}  # fmt: skip
    assert declared <= set(EACH)
