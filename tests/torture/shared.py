"""What processes share: a clock that the harness moves, and an aim at one of them. Both are a few mapped bytes."""

import mmap
import os
import signal
import struct
import time
from datetime import datetime, timedelta
from pathlib import Path

START = datetime.fromisoformat("2017-08-14T07:10:00+00:00")


class WorldClock:
    """A time that runs like ours from `START`, and jumps when the harness says so. Callable, like digest's clocks."""

    _FORM = struct.Struct("dd")  # when it began, on the monotonic clock; how far it has jumped, in seconds

    def __init__(self, path: Path) -> None:
        self._map = _mapped(path, self._FORM.pack(time.monotonic(), 0.0))

    def __call__(self) -> datetime:
        began, jumped = self._FORM.unpack(self._map[: self._FORM.size])
        return START + timedelta(seconds=time.monotonic() - began + jumped)

    def jump(self, by: timedelta) -> None:
        """Everybody who shares the clock sees it at once."""
        began, jumped = self._FORM.unpack(self._map[: self._FORM.size])
        self._map[: self._FORM.size] = self._FORM.pack(began, jumped + by.total_seconds())


class Aim:
    """At the n-th event on the wire the mail server sends a signal to one worker. It counts without it, too."""

    _FORM = struct.Struct("qqqq")  # process, event, signal, events so far

    def __init__(self, path: Path) -> None:
        self._map = _mapped(path, self._FORM.pack(0, 0, 0, 0))

    def take(self, pid: int, at: int, what: signal.Signals = signal.SIGKILL) -> None:
        """Aim at a process, which must not have begun to speak; the count begins anew."""
        self._write(pid, at, what, 0)

    def drop(self) -> int:
        """Aim at nobody. How many events there were."""
        *_, seen = self._read()
        self._write(0, 0, 0, 0)
        return seen

    def count(self) -> None:
        """An event: called by the server."""
        pid, at, what, seen = self._read()
        seen += 1
        self._write(pid, at, what, seen)
        if pid and seen == at:
            os.kill(pid, what)

    def _read(self) -> tuple[int, int, int, int]:
        return self._FORM.unpack(self._map[: self._FORM.size])

    def _write(self, *values: int) -> None:
        self._map[: self._FORM.size] = self._FORM.pack(*values)


def _mapped(path: Path, first: bytes) -> mmap.mmap:
    if not path.exists():
        path.write_bytes(first)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)
