"""A database moves to another kind whole: every row, every value, and new rows go on counting."""

from pathlib import Path

import pytest
from sqlalchemy import select
from tests import cast
from tests.populate import populate

from digest.errors import Conflict, DatabaseError
from digest.store.base import Row
from digest.store.copying import copy_rows
from digest.store.database import Database


def read_all(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        tables = Row.metadata.sorted_tables
        return {t.name: sorted((tuple(row) for row in session.execute(select(t))), key=repr) for t in tables}


@pytest.mark.parametrize("way", ["to Postgres", "to SQLite"])
def test_every_row_and_value_arrives(
    way: str, sqlite_database: Database, postgres_database: Database, tmp_path: Path
) -> None:
    both = (sqlite_database, postgres_database)
    source, target = both if way == "to Postgres" else both[::-1]
    with source.write() as session:
        populate(session.connection())
    steps: list[tuple[int, int]] = []
    counts = copy_rows(source, target, on_step=lambda done, total: steps.append((done, total)))
    assert read_all(target) == read_all(source)
    assert steps[-1] == (sum(counts.values()), sum(counts.values()))
    with target.write() as session:
        newsletter = cast.add_newsletter(session, slug="another")
    assert newsletter == counts["newsletter"] + 1


def test_a_missing_file_is_made(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as session:
        cast.assemble(session)
    target = Database(f"sqlite:///{tmp_path}/new.db")
    copy_rows(sqlite_database, target)
    assert read_all(target) == read_all(sqlite_database)
    target.close()


def test_a_target_with_rows_is_refused_and_left_alone(sqlite_database: Database, tmp_path: Path) -> None:
    target = Database(f"sqlite:///{tmp_path}/new.db")
    copy_rows(sqlite_database, target)
    with target.write() as session:
        cast.add_newsletter(session)
    before = read_all(target)
    with pytest.raises(Conflict, match="holds rows already"):
        copy_rows(sqlite_database, target)
    assert read_all(target) == before
    target.close()


def test_an_issue_without_content_has_none_in_the_database_too(database: Database) -> None:
    """Not the JSON document `null`, which `IS NULL` does not find."""
    with database.write() as session:
        cast.add_issue(session, cast.assemble(session))
        issue = Row.metadata.tables["issue"]
        assert session.execute(select(issue.c.id).where(issue.c.content.is_(None))).all() == [(1,)]


def test_a_source_that_is_missing_is_told(tmp_path: Path) -> None:
    nowhere, target = (Database(f"sqlite:///{tmp_path}/{name}.db") for name in ("nowhere", "target"))
    with pytest.raises(DatabaseError, match="there is no database"):
        copy_rows(nowhere, target)
    assert list(tmp_path.iterdir()) == []
