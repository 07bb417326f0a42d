"""Programs that a benchmark runs to their end or for a while, and what they spent."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.command import prctl

_SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/usr/bin")
"""Where programs for administrators are; a user's PATH may lack them."""


start: Callable[..., "subprocess.Popen[str]"] = subprocess.Popen
"""Tests of what is counted, not of how fast it is, put a fork in its place."""


class ToolMissing(Exception):
    """A program that the benchmark needs is not installed; the message says which package has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A program that has ended well."""

    output: str
    seconds: float  # wall clock
    cpu: float  # seconds, user and system, with its threads


def find_tool(name: str, package: str) -> Path:
    """The path of a program.

    Raises:
        ToolMissing: it is not installed.
    """
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_SYSTEM))
    if not found:
        raise ToolMissing(f"there is no {name}: install Debian's {package}")
    return Path(found)


def run_to_end(*commands: Sequence[str | Path], env: dict[str, str] | None = None) -> list[Spent]:
    """Start these together and wait for all; each with what the system charged it for.

    Raises:
        RuntimeError: one of them failed; the message is what it said.
    """
    begun = time.perf_counter()
    started = [start([*command], env=env, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        return [_wait(process, begun) for process in started]
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                process.communicate()


def _wait(process: "subprocess.Popen[str]", begun: float) -> Spent:
    assert process.stdout
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}: {output}")
    return Spent(output=output, seconds=time.perf_counter() - begun, cpu=usage.ru_utime + usage.ru_stime)


@contextmanager
def running(command: Sequence[str | Path], *, port: int, output: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server of our own, from when it answers on its port of loopback until the block ends."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command],
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, its library loaded before
        )
    try:
        _await_port(process, port, output)
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_us() -> None:
    """A benchmark that is killed leaves no server behind."""
    prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def _await_port(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not start: {output.read_text(errors='replace')}")
