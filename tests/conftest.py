"""What every test may ask for. Real parts only: databases, sockets, processes; fake is only the world outside."""

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.store import schema
from digest.store.database import Database
from tests.compiled import share_statements
from tests.order import pytest_collection_modifyitems  # noqa: F401 - a hook
from tests.postgres import Server, running_server
from tests.scratch import pytest_collection, pytest_collection_finish, pytest_sessionstart  # noqa: F401 - hooks
from tests.skips import *  # noqa: F403 - its hooks

share_statements()

NOW = datetime(2017, 8, 14, 7, 5, tzinfo=UTC)
"""Monday 14 August 2017, five past midnight in Los Angeles: just after the sample week."""


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: many tests wait for clocks, sockets and other processes."""
    return max(2, (os.cpu_count() or 2) * 3 // 2)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database with today's schema, made by the migrations: the test runs once on each kind."""
    yield from request.getfixturevalue(f"_{request.param}")


@pytest.fixture
def sqlite_database(_sqlite: Iterator[Database]) -> Iterator[Database]:
    """For tests of what only SQLite does, or that must be quick."""
    yield from _sqlite


@pytest.fixture
def postgres_database(_postgres: Iterator[Database]) -> Iterator[Database]:
    """For tests of what only Postgres does."""
    yield from _postgres


@pytest.fixture
def _sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    return _copied_file(sqlite_template, tmp_path / "digest.db")


@pytest.fixture
def _postgres(postgres_server: Server, postgres_template: str) -> Iterator[Database]:
    return _copied_database(postgres_server, postgres_template)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the migrated schema and nothing in it: copy it."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    database.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One Postgres for the session, started when first needed; skips aloud where there is none."""
    with ExitStack() as stack:
        yield stack.enter_context(running_server())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server) -> Iterator[str]:
    """The name of a database with the migrated schema and nothing in it."""
    with postgres_server.database() as url:
        database = Database(url)
        schema.upgrade(database)
        database.close()
        yield str(database.url.database)


def _copied_file(template: Path, path: Path) -> Iterator[Database]:
    shutil.copyfile(template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def _copied_database(server: Server, template: str) -> Iterator[Database]:
    with server.database(template=template) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = str(address[0]) if isinstance(address, tuple) else "unix"
        assert host in {"127.0.0.1", "::1", "localhost", "unix"} or host.startswith("127."), f"network: {host}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that runs in this process sets up logging; the next test hears everything again."""
    logger = logging.getLogger("digest")
    before = logger.level
    yield
    logger.setLevel(before)
