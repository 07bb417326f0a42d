"""The readers' pages under load: `python -m tests.bench.web [--seconds 60] [--json]` (docs/benchmarks.md).

 wrk, 20 connections ─▶ digest serve --only-web ◀─ clients that drip, break off, send rubbish, take nothing; and one-click leaves

20 requests at once, of lists, issues, feeds and pages that are not there, with slow and broken clients mixed in, over loopback.
It ends with 1 where a request failed, or where the memory grew after the first fifth of the time.
"""

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from digest.core.links import Purpose, sign
from digest.render.sample import sample_issue
from digest.store.codec import encode
from digest.store.database import Database
from digest.store.schema import upgrade
from tests import cast
from tests.bench.processes import ToolMissing, find_tool, free_port, run_to_end, running
from tests.bench.troublemakers import TROUBLE
from tests.command import DIGEST

AT_ONCE = 20
ISSUES = 30
GROWTH = 8.0
"""Megabytes by which the memory may grow after the first fifth, in which caches fill."""
PATHS = (
    "/", "/archive/weekly", "/archive/weekly?page=2", "/archive/weekly/3", "/archive/weekly/29", "/archive/weekly/feed.xml",
    "/archive/weekly/feed.json", "/archive/weekly/7/share.png", "/sitemap.xml", "/robots.txt", "/readyz", "/healthz",
)  # fmt: skip
SCRIPT = """
local paths, at = { %s }, 0
request = function() at = at %% #paths + 1; return wrk.format("GET", paths[at]) end
done = function(summary, latency)
  local e = summary.errors
  print(string.format("FIGURES %%d %%d %%d %%d %%d %%d %%d %%d", summary.requests, summary.duration, e.connect, e.read, e.write,
    e.status, e.timeout, latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Figures:
    """What a run came to."""

    tool: str
    seconds: float
    requests: int
    a_second: float
    failed: int  # refused, broken off, timed out, or a status of 400 and above
    milliseconds_99: float
    one_clicks: int  # POSTs that were answered 200
    one_clicks_failed: int
    troublemakers: int  # connections of slow and broken clients
    memory_early: float  # MB, after the first fifth
    memory_late: float  # MB, the median of the last fifth

    @property
    def is_good(self) -> bool:
        """No error, and the memory is flat."""
        return not (self.failed or self.one_clicks_failed) and self.memory_late - self.memory_early < GROWTH


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.web", description="The pages under load.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="digest-web-") as folder:
        figures = measure(Path(folder), seconds=options.seconds)
    facts = {**asdict(figures), "good": figures.is_good}
    if options.json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(f"{name.replace('_', ' '):20} {value}" for name, value in facts.items()))
    return 0 if figures.is_good else 1


def measure(folder: Path, *, seconds: float) -> Figures:
    """Serve a database with thirty issues for so long, under load."""
    port, tokens = free_port(), fill(folder)
    (folder / "digest.toml").write_text(
        f'secret_key = "{cast.KEY.decode()}"\n[database]\nurl = "sqlite:///digest.db"\n'
        f'[web]\nbase_url = "http://127.0.0.1:{port}"\nlisten = "127.0.0.1:{port}"\n[logs]\nlevel = "warning"\n'
    )
    command = [DIGEST, "--config", folder / "digest.toml", "serve", "--only-web"]
    with running(command, port=port, output=folder / "served.txt") as process:
        for path in PATHS:
            _get(port, path)
        clicks, memory = _Clicks(port, tokens), _Memory(process.pid)
        with _at_work([*[lambda make=make: make(port) for make in TROUBLE], clicks.one, memory.look]) as turns:
            tool, requests, spent, failed, slow = _load(folder, port, seconds)
        if process.poll() is not None:
            raise RuntimeError(f"the site ended: {(folder / 'served.txt').read_text()}")
    fifth = max(1, len(memory.seen) // 5)
    return Figures(
        tool=tool, seconds=round(spent, 1), requests=requests, a_second=round(requests / spent, 1), failed=failed,
        milliseconds_99=slow, one_clicks=clicks.done, one_clicks_failed=clicks.failed,
        troublemakers=sum(turns[: len(TROUBLE)]), memory_early=max(memory.seen[: fifth + 1]),
        memory_late=sorted(memory.seen[-fifth:])[fifth // 2],
    )  # fmt: skip


def fill(folder: Path) -> list[str]:
    """A newsletter with issues that went out, and people who leave by one click: their tokens."""
    database = Database(f"sqlite:///{folder}/digest.db")
    upgrade(database)
    with database.write() as session:
        people = cast.assemble(session)
        for number in range(1, ISSUES + 1):
            sent = cast.NOW + timedelta(days=number)
            content = encode(sample_issue("en").content) | {"number": number}
            cast.add_issue(
                session,
                people,
                number,
                state="done",
                content=content,
                sending_at=sent,
                due_at=sent,
                slot_key=f"{number}",
            )
        readers = [cast.add_subscriber(session, f"r{number}@example.org") for number in range(50)]
        for reader in readers:
            cast.add_subscription(session, people.newsletter, reader)
    database.close()
    return [sign(cast.KEY, Purpose.UNSUBSCRIBE, reader, people.newsletter) for reader in readers]


def _load(folder: Path, port: int, seconds: float) -> tuple[str, int, float, int, float]:
    """Tool, requests, seconds, failures, and the 99th percentile in milliseconds."""
    try:
        wrk = find_tool("wrk", "wrk")
    except ToolMissing:
        return ("python", *python_load(port, seconds))
    script = folder / "paths.lua"
    script.write_text(SCRIPT % ", ".join(f'"{path}"' for path in PATHS))
    words = [wrk, "-t2", f"-c{AT_ONCE}", f"-d{max(1, round(seconds))}s", "--timeout", "20s", "-s", script]
    (done,) = run_to_end([*words, f"http://127.0.0.1:{port}"])
    found = re.search(r"FIGURES ([\d ]+)", done.output)
    if not found:
        raise RuntimeError(f"wrk said: {done.output}")
    requests, microseconds, *errors, slow = map(int, found[1].split())
    return "wrk", requests, microseconds / 1e6, sum(errors), slow / 1000


def python_load(port: int, seconds: float) -> tuple[int, float, int, float]:
    """As wrk does, slower: where it is not installed."""
    began, times, failures = time.monotonic(), list[float](), list[str]()

    def ask() -> None:
        for path in PATHS:
            at = time.monotonic()
            try:
                _get(port, path)
            except (OSError, HTTPException, AssertionError) as error:
                failures.append(f"{path}: {error}")
            times.append((time.monotonic() - at) * 1000)

    with _at_work([ask] * AT_ONCE):
        time.sleep(seconds)
    times.sort()
    return len(times), time.monotonic() - began, len(failures), round(times[int(len(times) * 0.99)], 1)


def _get(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 400, answer.status
    finally:
        connection.close()


@contextmanager
def _at_work(work: Sequence[Callable[[], None]]) -> Iterator[list[int]]:
    """Each again and again in a thread of its own; how many times so far."""
    stop, turns = threading.Event(), [0] * len(work)

    def repeat(place: int) -> None:
        while not stop.is_set():
            work[place]()
            turns[place] += 1

    threads = [threading.Thread(target=repeat, args=(place,), daemon=True) for place in range(len(work))]
    for thread in threads:
        thread.start()
    try:
        yield turns
    finally:
        stop.set()
        for thread in threads:
            thread.join(25)


class _Clicks:
    """One-click leaves, as mailbox providers post them."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self._port, self._tokens, self.done, self.failed = port, tokens, 0, 0

    def one(self) -> None:
        token = self._tokens[(self.done + self.failed) % len(self._tokens)]
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request("POST", f"/unsubscribe/{token}", "List-Unsubscribe=One-Click", kind)
            good = connection.getresponse().status == 200
        except (OSError, HTTPException):
            good = False
        finally:
            connection.close()
        self.done, self.failed = self.done + good, self.failed + (not good)
        time.sleep(0.05)


class _Memory:
    """What a process has resident, in MB, now and then."""

    def __init__(self, pid: int) -> None:
        self._file, self.seen = Path(f"/proc/{pid}/statm"), list[float]()
        self.look()

    def look(self) -> None:
        with suppress(OSError):
            self.seen.append(round(int(self._file.read_text().split()[1]) * 4096 / 1e6, 1))
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
