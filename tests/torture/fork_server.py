"""The fork server: imports the program once, then forks a process for each job. A kill costs a fork, not an import.

Line of JSON in, line of JSON out: {"do": "fork", "job": …} → {"pid": …, "port": …}; {"do": "wait", "pid": …,
"seconds": …} → {"status": …}, null where it still runs. It has one thread, and no database before a fork.
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
from tests.torture import database_faults, worker
from tests.torture.server import MailServer

CRASHED = 99
"""The exit code of a process that ended with an exception nobody expected."""


def main() -> None:
    """Serve until the harness goes away; its children go with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    running: dict[int, int] = {}  # pid → pidfd
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "fork":
            answer = _fork(asked["job"], running)
        else:
            answer = {"status": _wait(asked["pid"], asked["seconds"], running)}
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


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
        log = os.open(Path(job["place"]) / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (0, 1):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        os.dup2(log, 2)
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
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


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
