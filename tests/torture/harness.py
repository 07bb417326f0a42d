"""The harness's hands: the fork server, databases to spoil, and a place for each round."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

import trustme
from sqlalchemy import text

from digest.core.states import IssueState
from digest.store import schema
from digest.store.database import Database
from digest.store.meta import check_key
from tests import cast
from tests.forked import Forked, starts_alike
from tests.postgres import Server, running_server
from tests.torture.shared import START, Aim, WorldClock

_numbers = count()

ROOT = Path(__file__).parents[2]


class ForkServer:
    """The process that forks the others (tests/torture/fork_server.py); `forked`: from one that tests keep, with all imported."""

    def __init__(self, *, forked: bool = False) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        if forked and starts_alike(environment):
            code = "from tests.torture import fork_server; fork_server.main()"
            self._process: subprocess.Popen[str] = Forked(["-c"], code=code, cwd=ROOT, env=environment, **pipes)
        else:
            words = [sys.executable, "-m", "tests.torture.fork_server"]
            self._process = subprocess.Popen(words, cwd=ROOT, env=environment, **pipes)

    def fork(self, **job: Any) -> tuple[int, int]:
        """A new process for this job: its id, and the port that it listens on."""
        answer = self._ask(do="fork", job=job)
        return answer["pid"], answer["port"]

    def wait(self, pid: int, seconds: float = 60.0) -> int | None:
        """Its exit code, or minus the signal that ended it; None where it still runs after so long."""
        return self._ask(do="wait", pid=pid, seconds=seconds)["status"]

    def keep(self, seconds: float, **job: Any) -> int | None:
        """The exit code of a job that one process does, after others; None where it hangs or has ended."""
        return self._ask(do="keep", job=job, seconds=seconds)["status"]

    def warm(self, **job: Any) -> int:
        """What the job does is no longer done for the first time in processes forked from now on."""
        return self._ask(do="warm", job=job)["status"]

    def close(self) -> None:
        """End it, and with it every process that it forked."""
        self._process.communicate()

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the fork server has ended"
        return json.loads(answer)


@dataclass
class Place:
    """A folder for one round: its database, clock, mail server and the processes that work there."""

    folder: Path
    forks: ForkServer
    database: Database
    url: str  # as the workers get it
    clock: WorldClock
    aim: Aim
    port: int = 0
    options: dict[str, Any] = field(default_factory=dict)  # of every worker
    alive: set[int] = field(default_factory=set)
    kills: int = 0  # processes that ended by a signal

    def start_mail(self, **job: Any) -> None:
        """A mail server with this plan."""
        _, self.port = self._fork(kind="mail", **job)

    def work(self, **job: Any) -> int:
        """A worker; its process id."""
        return self._fork(kind="work", **self.options, **job)[0]

    def run(self, *, seconds: float = 60.0, **job: Any) -> int | None:
        """A worker to its end: its exit code, or minus the signal."""
        return self.finish(self.work(**job), seconds)

    def run_kept(self, *, seconds: float = 60.0, **job: Any) -> int | None:
        """A worker that nobody disturbs: its exit code. Its process has done so for other places, as a daemon has for other days."""
        return self.forks.keep(seconds, **self._given(kind="work", **self.options, **job))

    def warm_up(self, **job: Any) -> int:
        """What a worker does here, workers need not do for the first time from now on."""
        return self.forks.warm(**self._given(kind="work", **self.options, **job))

    def operate(self, verb: str, **job: Any) -> int | None:
        """What an admin does."""
        return self.finish(self._fork(kind="operate", verb=verb, **job)[0])

    def other(self, kind: str, **job: Any) -> tuple[int, int]:
        """Any other process: its id and port."""
        return self._fork(kind=kind, **job)

    def finish(self, pid: int, seconds: float = 60.0) -> int | None:
        """Wait for a process. None: it hangs; then it is killed, and that counts as a kill."""
        status = self.forks.wait(pid, seconds)
        if status is None:
            os.kill(pid, signal.SIGKILL)
            self.forks.wait(pid)
            self.kills += 1
        elif status == -signal.SIGKILL:
            self.kills += 1
        self.alive.discard(pid)
        return status

    def close(self) -> None:
        """End every process that is left."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.forks.wait(pid)
        self.alive.clear()

    def _fork(self, **job: Any) -> tuple[int, int]:
        pid, port = self.forks.fork(**self._given(**job))
        self.alive.add(pid)
        return pid, port

    def _given(self, **job: Any) -> dict[str, Any]:
        given = {"place": str(self.folder), "database": self.url, "key": cast.KEY.decode(), "port": self.port}
        return given | job


@dataclass
class Bench:
    """Everything that rounds share: the fork server, template databases, certificates."""

    kind: str  # "sqlite", "postgres"
    folder: Path
    forks: ForkServer
    postgres: Server | None = None
    _templates: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def place(self, addresses: Sequence[str], *, sending: bool = True, **options: Any) -> Iterator[Place]:
        """A round's place: these readers, and an issue that goes out to them (or one that is due to be made)."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with ExitStack() as stack:
            url = stack.enter_context(self._database(folder, tuple(addresses), sending=sending))
            database = Database(url)
            stack.callback(database.close)
            place = Place(
                folder, self.forks, database, url, WorldClock(folder / "clock"), Aim(folder / "aim"), options=options
            )
            stack.callback(place.close)
            yield place
        shutil.rmtree(folder, ignore_errors=True)

    def warm_up(self) -> None:
        """One turn, which makes an issue and sends it: no process is to do so for the first time."""
        with self.place(["reader@x.example"], sending=False) as place:
            place.start_mail()
            if place.warm_up(verb="turn") != 0 or "accepted" not in (place.folder / "oracle.jsonl").read_text():
                raise RuntimeError("the first turn went wrong")

    def certificates(self) -> tuple[str, dict[str, str]]:
        """The authority's file, and the server's certificates: good, of a stranger, for another host."""
        if "certificates" not in self._templates:
            authority, stranger = trustme.CA(), trustme.CA()
            files = {
                "good": authority.issue_cert("localhost", "127.0.0.1"),
                "stranger": stranger.issue_cert("localhost"),
                "wrong host": authority.issue_cert("elsewhere.example"),
            }
            for name, certificate in files.items():
                certificate.private_key_and_cert_chain_pem.write_to_path(str(self.folder / f"{name}.pem"))
            authority.cert_pem.write_to_path(str(self.folder / "authority.pem"))
            paths = {name: str(self.folder / f"{name}.pem") for name in files}
            self._templates["certificates"] = (str(self.folder / "authority.pem"), paths)
        return self._templates["certificates"]

    @contextmanager
    def _database(self, folder: Path, addresses: tuple[str, ...], *, sending: bool) -> Iterator[str]:
        """A copy of a template with these readers, made at the first use."""
        key = f"{sending} {hash(addresses)}"
        if self.postgres is None:
            template = self._templates.get(key)
            if template is None:
                template = self.folder / f"template{len(self._templates)}.db"
                shutil.copyfile(self._migrated(), template)
                _populate(f"sqlite:///{template}", addresses, sending=sending)
                self._templates[key] = template
            shutil.copyfile(template, folder / "digest.db")
            yield f"sqlite:///{folder / 'digest.db'}"
            return
        if key not in self._templates:
            self._templates[key] = self._make_database(self._migrated())
            _populate(self.postgres.url(self._templates[key]), addresses, sending=sending)
        with self.postgres.database(template=self._templates[key]) as url:
            yield url

    def _migrated(self) -> Any:
        """A template with the schema alone: migrating takes longer than copying."""
        if "migrated" not in self._templates:
            if self.postgres is None:
                made: Any = self.folder / "migrated.db"
                url = f"sqlite:///{made}"
            else:
                made = self._make_database("template1")
                url = self.postgres.url(made)
            database = Database(url)
            schema.upgrade(database)
            check_key(database, cast.KEY)  # opened before, as a deployment was
            database.close()
            self._templates["migrated"] = made
        return self._templates["migrated"]

    def _make_database(self, template: str) -> str:
        assert self.postgres
        name = f"torture_{os.getpid()}_{next(_numbers)}"
        how = f"TEMPLATE {template} {self.postgres.copying}"
        self.postgres.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} {how}")
        return name

    def drop_templates(self) -> None:
        """Leave nothing behind on somebody's server."""
        if self.postgres is not None:
            for key, name in self._templates.items():
                if key != "certificates":
                    self.postgres.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop_templates()


@contextmanager
def open_bench(
    kind: str, server: Server | None = None, *, forks: ForkServer | None = None, forked: bool = False
) -> Iterator[Bench]:
    """A bench for this kind of database; its folder is in memory where the machine has such a one.

    Kills of processes lose nothing that was written, so a disk would only cost time. `forks`: of another bench, whose it stays.
    """
    memory = Path("/dev/shm")
    with ExitStack() as stack:
        inside = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="digest-torture-", dir=inside, ignore_cleanup_errors=True)
        )
        if kind == "postgres" and server is None:
            server = stack.enter_context(running_server())
        ours = forks or ForkServer(forked=forked)
        if not forks:
            stack.callback(ours.close)
        bench = stack.enter_context(Bench(kind, Path(folder), ours, server if kind == "postgres" else None))
        if not forks:
            bench.warm_up()
        yield bench


def _populate(url: str, addresses: Sequence[str], *, sending: bool) -> None:
    """The readers, and an issue that goes out or a post for one that is due."""
    database = Database(url)
    with database.write() as session:
        company = cast.assemble(session, now=START)
        week_ago, start = (_written(database, at) for at in (START - timedelta(days=6), START))
        session.execute(text("UPDATE cadence SET started_at = :at"), {"at": week_ago})
        session.execute(text("DELETE FROM subscription"))
        for address in addresses:
            person = cast.add_subscriber(session, address, name=address.split("@")[0])
            cast.add_subscription(session, company.newsletter, person)
        if sending:
            issue = cast.add_issue(session, company, state=IssueState.SENDING)
            words = "".join(f"<p>Line {number} of the issue.</p>" for number in range(60))
            cast.add_variant(
                session, issue, html="<p>Hi %%k3y:name%%</p>" + words, text="Hi %%k3y:name%%\n\n.\n..dots\n"
            )
            session.execute(text("UPDATE cadence SET last_slot_at = :at"), {"at": start})
        else:
            source = cast.add_source(session, company.newsletter, state="paused")
            post = cast.add_post(session, source, "one", effective_at=START.replace(day=13))
            cast.add_claim(session, company.cadence, post, effective_at=START.replace(day=13))
    database.close()


def _written(database: Database, at: datetime) -> Any:
    """As the database keeps a time."""
    return at.replace(tzinfo=None).isoformat(" ") if database.is_sqlite else at


def wait_until(condition: Any, seconds: float = 30.0) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal, or is over."""
    return _state(pid) in {"T", "t"} or is_over(pid)


def is_over(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    return _state(pid) in {"Z", ""}


def _state(pid: int) -> str:
    """The letter of proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return ""
