"""What the tests of the pages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import cast
from tests.web.served import Served, served

from digest.store.database import Database


@pytest.fixture
def people(database: Database) -> cast.Cast:
    """The newsletter and its four people."""
    with database.write() as session:
        return cast.assemble(session)


@pytest.fixture
def site(database: Database, people: cast.Cast, tmp_path: Path) -> Iterator[Served]:
    """The pages, served over the database of the test."""
    with served(database, tmp_path) as site:
        yield site
