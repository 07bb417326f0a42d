"""The fork server: imports the program once, then forks a process for each job. A kill costs a fork, not an import.

Line of JSON in, line of JSON out: {"do": "fork", "job": …} → {"pid": …, "port": …}; {"do": "wait", "pid": …,
"seconds": …} → {"status": …}, null where it still runs. It has one thread, and no open database at a fork.

{"do": "warm", "job": …} → {"status": …} does a job itself: what the forks do after it is not their first time, and
costs them two thirds of the CPU. {"do": "keep", "job": …, "seconds": …} → {"status": …} has one process do such jobs, one
after another, as a daemon does: nobody disturbs them, and for those a fork would cost five times what they do.
"""

import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

import psycopg  # noqa: F401 - before the first fork
import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite  # noqa: F401

from tests.command import prctl
from tests.compiled import share_statements
from tests.torture import database_faults, worker
from tests.torture.server import MailServer

CRASHED = 99
"""The exit code of a process that ended with an exception nobody expected."""


def main() -> None:
    """Serve until the harness goes away; its children go with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    share_statements()
    _keep_from_collector()
    running: dict[int, int] = {}  # pid → pidfd
    kept = Kept()
    for line in sys.stdin:
        asked = json.loads(line)
        match asked["do"]:
            case "fork":
                answer: dict[str, Any] = _fork(asked["job"], running)
            case "warm":
                answer = {"status": _warm(asked["job"])}
            case "keep":
                answer = {"status": kept.run(asked["job"], asked["seconds"])}
            case _:
                answer = {"status": _wait(asked["pid"], asked["seconds"], running)}
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    kept.end()


def _keep_from_collector() -> None:
    gc.collect()
    gc.freeze()


def _warm(job: dict[str, Any]) -> int:
    folder, environment = Path.cwd(), dict(os.environ)
    try:
        return worker.work(job)
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        _keep_from_collector()


class Kept:
    """The process that does jobs one after another, forked for the first."""

    def __init__(self) -> None:
        self._pid, self._line = 0, socket.socket()

    def run(self, job: dict[str, Any], seconds: float) -> int | None:
        """The exit code that a process of its own would have. None: it hangs, or has ended; the next job gets a new one."""
        if not self._pid:
            self._start()
        self._line.sendall(json.dumps(job).encode() + b"\n")
        answer = self._line.recv(16) if select.select([self._line], [], [], seconds)[0] else b""
        if not answer:
            self.end()
            return None
        return int(answer)

    def end(self) -> None:
        """End it."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._line.close()
        self._pid = 0

    def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._line.close()
            prctl(1, signal.SIGKILL, 0, 0, 0)
            for line in theirs.makefile(encoding="utf-8"):
                theirs.sendall(str(_attempt(json.loads(line), None)).encode())
            os._exit(0)
        theirs.close()


def _fork(job: dict[str, Any], running: dict[int, int]) -> dict[str, Any]:
    listener = None
    if job["kind"] in {"mail", "proxy"}:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    pid = os.fork()
    if pid == 0:
        _be(job, listener)
    running[pid] = os.pidfd_open(pid)
    port = None
    if listener:
        port = listener.getsockname()[1]
        listener.close()
    return {"pid": pid, "port": port}


def _wait(pid: int, seconds: float, running: dict[int, int]) -> int | None:
    """The exit code, or minus the signal; None where it still runs."""
    if not select.select([running[pid]], [], [], seconds)[0]:
        return None
    os.close(running.pop(pid))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _be(job: dict[str, Any], listener: socket.socket | None) -> None:
    """The child: never returns."""
    prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: end with the fork server
    code = CRASHED
    try:
        code = _attempt(job, listener)
    finally:
        os._exit(code)


def _attempt(job: dict[str, Any], listener: socket.socket | None) -> int:
    """The job, with a log for what it complains of. Its exit code."""
    code = CRASHED
    try:
        _redirect(Path(job["place"]) / "stderr")
        code = _do(job, listener)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except worker.DigestError as error:
        code = error.exit_code
        with contextlib.suppress(OSError):  # the disk may be full
            traceback.print_exc()
            print(f"{type(error).__name__}: {error.message}", file=sys.stderr, flush=True)
    except BaseException:  # noqa: BLE001 - the harness hears of it by the exit code
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    return code


def _redirect(log: Path) -> None:
    nowhere, file = os.open(os.devnull, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard, stream in ((0, nowhere), (1, nowhere), (2, file)):
        os.dup2(stream, standard)
    for stream in (nowhere, file):
        os.close(stream)


def _do(job: dict[str, Any], listener: socket.socket | None) -> int:
    match job["kind"]:
        case "mail":
            assert listener
            asyncio.run(MailServer(job).serve(listener))
        case "proxy":
            assert listener
            asyncio.run(database_faults.Proxy(job).serve(listener))
        case "locker":
            return database_faults.lock(job)
        case "work":
            return worker.work(job)
        case "operate":
            return worker.operate(job)
        case "web":
            return worker.serve(job)
        case "unsubscribe":
            return worker.unsubscribe(job)
    return 0


if __name__ == "__main__":
    main()
