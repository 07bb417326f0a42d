"""A Postgres for the tests: the one of DIGEST_TEST_POSTGRES, else a throw-away cluster of the system's binaries."""

import itertools
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.command import prctl
from tests.scratch import scratch_root

OPTIONS = {
    # Nothing here must survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}
"""As a deployment has it: for measurements."""


_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """Makes and drops databases; `url(name)` is what digest would be given."""

    base: str
    port: int | None = None  # on loopback, with passwords, for a cluster of our own
    copying: str = ""  # how a template is copied
    _kept: list[psycopg.Connection[Any]] = field(default_factory=list, compare=False, repr=False)

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, which is dropped afterwards."""
        name = f"digest_test_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {self.copying}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        return make_url(self.base).set(database=name).render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        """By a connection that is kept: making one takes Postgres half as long as making a database."""
        for statement in statements:
            connection = self._connection()
            try:
                connection.execute(statement.encode())
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
                self._connection().execute(statement.encode())  # it was restarted in between

    def close(self) -> None:
        """A server that is asked to stop waits for who is connected."""
        while self._kept:
            self._kept.pop().close()

    def _connection(self) -> psycopg.Connection[Any]:
        if self._kept and self._kept[0].closed:
            self._kept.clear()
        if not self._kept:
            self._kept.append(psycopg.connect(self.url("postgres"), autocommit=True))
        return self._kept[0]


@contextmanager
def crashed(server: Server) -> Iterator[Callable[[], None]]:
    """Stopped as by a crash (`pg_ctl stop -m immediate`). What it gives starts it again, until the block ends."""
    folder = make_url(server.base).query.get("host")
    if not isinstance(folder, str):
        pytest.skip("the server of DIGEST_TEST_POSTGRES is not ours to stop")
    data = Path(folder) / "data"
    command = shlex.split((data / "postmaster.opts").read_text())
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    while (data / "postmaster.pid").exists():
        time.sleep(0.02)
    log, started = Path(folder) / "log", []

    def start() -> None:
        with log.open("ab") as output:
            started.append(subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=output, preexec_fn=_end_with_us,  # noqa: PLW1509
                **_unprivileged(Path(folder)),
            ))  # fmt: skip
        _wait(server, started[0], log)

    try:
        yield start
    finally:
        for process in started:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[Server]:
    """The server of the session, or with `durable` one that syncs to disk. Skips, or fails where everything is demanded, when there is none."""
    if url := os.environ.get("DIGEST_TEST_POSTGRES"):
        server = Server(url)
        try:
            yield server
        finally:
            server.close()
        return
    binaries = find_binaries()
    if not binaries:
        why = "no Postgres: install Debian's postgresql, or set DIGEST_TEST_POSTGRES to a URL"
        if demanded():
            pytest.fail(why)
        pytest.skip(why)
    root = None if durable else scratch_root()  # who asks how fast a disk is wants the disk
    with tempfile.TemporaryDirectory(prefix="digest-postgres-", dir=root, ignore_cleanup_errors=True) as folder:
        yield from _cluster(binaries[-1], Path(folder), OPTIONS | (DURABLE if durable else {}))


def find_binaries() -> list[Path]:
    """Folders of the system's Postgres versions, the newest last."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def demanded() -> bool:
    """Whether nothing may be skipped."""
    return "true" in {os.environ.get("CI"), os.environ.get("DIGEST_TEST_DEMAND_ALL")}


def _cluster(binaries: Path, folder: Path, wanted: dict[str, str]) -> Iterator[Server]:
    user = _unprivileged(folder)
    data, log = folder / "data", folder / "log"
    auth = ("--auth-local=trust", "--auth-host=scram-sha-256")
    made = subprocess.run(
        [binaries / "initdb", "--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C", *auth, "-D", data],
        capture_output=True,
        cwd=folder,
        check=False,
        **user,
    )
    assert made.returncode == 0, made.stderr
    port = _free_port()
    settings = {**wanted, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options],
            cwd=folder,
            stdout=output,
            stderr=output,
            preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, its library loaded before
            **user,
        )
    try:
        # Faster than by the log for a database without rows: 45 ms against 124.
        copying = "STRATEGY file_copy" if int(binaries.parent.name) >= 15 else ""
        server = Server(f"postgresql://postgres@/postgres?host={folder}&port={port}", port, copying)
        _wait(server, process, log)
        try:
            yield server
        finally:
            server.close()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)
        process.send_signal(signal.SIGQUIT)  # at once, whoever is still connected
        process.wait(10)


def _unprivileged(folder: Path) -> dict[str, object]:
    """Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    shutil.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _end_with_us() -> None:
    """A test run that is killed leaves no server behind."""
    prctl(1, signal.SIGQUIT, 0, 0, 0)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with suppress(psycopg.OperationalError):
            server.execute("SELECT 1")
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    pytest.fail(f"Postgres does not start: {log.read_text()}")
