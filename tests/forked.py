"""`digest` in a process of its own that costs a fork, not an import: most tests start it this way.

A server imports the program once for each process of pytest and forks itself for each command. The copy becomes a child
of the caller, with the folder, environment, streams and signals that it would have had. What a start itself does
(lazy imports, what Python takes from its environment) is tested where the command is started for real.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

prctl: Callable[..., int] = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_: 0
"""prctl(2) of Linux; elsewhere it does nothing."""

DEATH_SIGNAL, SUBREAPER = 1, 36
"""prctl(2): PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER."""

FOR_PYTHON = ("PYTHON", "LC_", "LANG")
"""Of the environment: what counts at the start of the interpreter only."""

CAN_FORK = sys.platform == "linux"  # elsewhere nobody adopts another process's child


def starts_alike(env: dict[str, str]) -> bool:
    """Whether a fork in this environment is what a start in it would be."""
    return CAN_FORK and all(
        os.environ.get(name) == env.get(name) for name in {*env, *os.environ} if name.startswith(FOR_PYTHON)
    )


class Forked(subprocess.Popen[str]):
    """A process of `digest` with these words; everything else is as subprocess.Popen has it.

    With `new_terminal` its standard input, a tty, becomes the terminal that controls it; with `code` it runs that
    Python, as by `python -c`.
    """

    def __init__(
        self, words: list[Any], *, new_terminal: bool = False, code: str | None = None, **options: Any
    ) -> None:
        self._new_terminal, self._code = new_terminal, code
        super().__init__(words, **options)

    def _execute_child(  # type: ignore[no-untyped-def]
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_,
    ) -> None:  # fmt: skip
        given = (p2cread, c2pwrite, errwrite)
        streams = [standard if fd == -1 else fd for standard, fd in enumerate(given)]
        request = {
            "words": [str(word) for word in args], "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env), "new_terminal": self._new_terminal,
            "code": self._code,
        }  # fmt: skip
        self.pid = _server().start(request, streams)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


class _Server:
    """This side's end of the process that forks."""

    def __init__(self) -> None:
        prctl(SUBREAPER, 1, 0, 0, 0)  # the forks become children of this process
        self._socket, theirs = socket.socketpair()
        env = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=Path(__file__).parents[1], env=env, pass_fds=[theirs.fileno()],
        )  # fmt: skip
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        """End it: it keeps nothing, and what it has forked are this process's children."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def start(self, request: dict[str, Any], streams: list[int]) -> int:
        """The id of a new process."""
        body = json.dumps(request).encode()
        socket.send_fds(self._socket, [len(body).to_bytes(4)], streams)
        self._socket.sendall(body)
        return int.from_bytes(self._socket.recv(4))


@functools.cache
def _server() -> _Server:
    return _Server()


def main(number: int) -> None:
    """Serve until the caller goes; never in the caller's process."""
    prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    warm_up()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as caller:
        while True:
            length, streams, _, _ = socket.recv_fds(caller, 4, 3)
            if len(length) < 4:
                return
            request = json.loads(_read(caller, int.from_bytes(length)))
            inner, outer = os.pipe()
            child = os.fork()
            if child == 0:
                grandchild = os.fork()
                if grandchild:
                    os.write(outer, grandchild.to_bytes(4))
                    os._exit(0)
                for end in (inner, outer):
                    os.close(end)
                caller.close()
                break
            os.waitpid(child, 0)  # only now is the grandchild the caller's
            caller.sendall(os.read(inner, 4))
            for end in (inner, outer, *streams):
                os.close(end)
    _become(request, streams)


def _import_all() -> None:
    """Every module of the program, and what it loads at its first use."""
    import digest

    for module in pkgutil.walk_packages(digest.__path__, "digest."):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)
    for name in (
        "psycopg", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "babel.dates", "uvloop", "alembic.command",
    ):  # fmt: skip
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def warm_up() -> None:
    """What a process does once: tie rows to tables, and compile the templates of the usual theme, a fifth of a second.

    What it keeps goes by the names and stamps of files: a template that a test changes is read anew.
    """
    from sqlalchemy.orm import configure_mappers

    from digest.actions.sample_preview import preview_sample

    configure_mappers()
    preview_sample("editorial", "en")


def _read(caller: socket.socket, length: int) -> bytes:
    parts = b""
    while len(parts) < length:
        parts += caller.recv(length - len(parts))
    return parts


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """In the fork: what exec and the interpreter's start would have done, then the entry point of `digest`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    if request["new_terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    for name, standard, how in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = os.fdopen(standard, how, closefd=False, errors="backslashreplace" if standard == 2 else None)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.stderr.reconfigure(line_buffering=True)
    sys.argv = request["words"]
    sys.modules["__main__"].__package__ = None  # a script's: what it is called in help comes from it
    from digest.cli.start import start

    code: Any = 1
    try:
        if request["code"] is None:
            code = start()
        else:
            sys.modules["__main__"] = types.ModuleType("__main__")
            exec(request["code"], vars(sys.modules["__main__"]))
            code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    _leave(code)


def _leave(code: Any) -> NoReturn:
    """The interpreter's end, less the freeing of every object: that takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):  # nobody reads it
        sys.stdout.flush()
        sys.stderr.flush()
    if isinstance(code, str):
        sys.stderr.write(code + "\n")
        code = 1
    os._exit(code or 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
