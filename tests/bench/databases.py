"""One prepared database, and a fresh copy of it for each run: SQLite files or databases of one Postgres."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from digest.store import schema
from digest.store.database import Database
from tests.bench.issue import prepare
from tests.bench.processes import ToolMissing
from tests.postgres import Server, find_binaries, running_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A database with an issue that is about to go out."""

    url: str
    issue: int
    server: Server | None  # of Postgres

    @contextmanager
    def copy(self, folder: Path) -> Iterator[str]:
        """The URL of a copy, gone afterwards."""
        if self.server:
            name = Database(self.url).url.database
            with self.server.database(template=str(name)) as url:
                yield url
            return
        file = folder / "run.db"
        shutil.copyfile(self.url.removeprefix("sqlite:///"), file)
        try:
            yield f"sqlite:///{file}"
        finally:
            for path in folder.glob("run.db*"):
                path.unlink()


@contextmanager
def prepared(folder: Path, *, recipients: int, where: str | None) -> Iterator[Prepared]:
    """Migrated and filled. `where`: None for SQLite, `postgres` for a throw-away server, or a server's URL.

    Raises:
        ToolMissing: there is no Postgres on this machine.
    """
    if where is None:
        url = f"sqlite:///{folder}/prepared-{recipients}.db"
        yield Prepared(url=url, issue=_fill(url, recipients), server=None)
    elif where == "postgres":
        if not find_binaries():
            raise ToolMissing("there is no Postgres: install Debian's postgresql, or give the URL of one")
        with running_server(durable=True) as server:
            yield from _on(server, recipients)
    else:
        server = Server(where)
        try:
            yield from _on(server, recipients)
        finally:
            server.close()


def _on(server: Server, recipients: int) -> Iterator[Prepared]:
    with server.database() as url:
        yield Prepared(url=url, issue=_fill(url, recipients), server=server)


def _fill(url: str, recipients: int) -> int:
    database = Database(url)
    try:
        schema.upgrade(database)
        return prepare(database, recipients)
    finally:
        database.close()  # the last connection folds SQLite's write-ahead log into the file
