"""A Postgres of our own that may be restarted at once and keeps what it acknowledged."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.postgres import Server
from tests.torture.harness import wait_until


@dataclass
class Cluster:
    """`pg_ctl` over one folder."""

    binaries: Path
    folder: Path
    user: dict[str, Any]
    server: Server

    def restart(self) -> None:
        """As after a crash: no checkpoint, every connection dropped, recovery from the log."""
        self._control("restart", "-m", "immediate", "-l", str(self.folder / "log"), "-t", "60")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("start", "-l", str(self.folder / "log"), "-t", "60")
        wait_until(self._answers)

    def stop(self) -> None:
        """End it at once."""
        self._control("stop", "-m", "immediate")

    def _answers(self) -> bool:
        try:
            self.server.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _control(self, *words: str) -> None:
        command = [self.binaries / "pg_ctl", "-w", "-D", self.folder / "data", *words]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **self.user
        )
        assert done.returncode == 0, (self.folder / "log").read_text()


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Started, and stopped at the end. Skips where the machine has no Postgres."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not binaries:
        pytest.skip("no Postgres: install Debian's postgresql")
    with tempfile.TemporaryDirectory(prefix="digest-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = postgres._unprivileged(folder)
        port = postgres._free_port()
        made = subprocess.run(
            [binaries[-1] / "initdb", "--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust",
             "-D", folder / "data"], cwd=folder, capture_output=True, check=False, **user,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = {"listen_addresses": "", "port": port, "unix_socket_directories": folder, "shared_buffers": "32MB",
                    "fsync": "off"}  # fmt: skip
        # fsync matters to power cuts only; what was committed must survive the restart, so synchronous_commit is on.
        lines = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(lines)
        cluster = Cluster(
            binaries[-1], folder, user, Server(f"postgresql://postgres@/postgres?host={folder}&port={port}", port)
        )
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.server.close()
            cluster.stop()
