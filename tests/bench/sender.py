"""digest as it is deployed: settings from the environment, App, deliver_due, in a process of its own.

`python -m tests.bench.sender` sends what is due and prints its figures. It knows the engine by nothing but `app.py`.
"""

import asyncio
import json
import resource
import shutil
import sys
import time
from pathlib import Path

from digest.app import App, deliver_due
from digest.config import Settings
from digest.event_loop import run_async
from digest.store import sending
from digest.store.database import Database
from digest.store.issues import list_issues
from tests.bench.memory import peak_megabytes
from tests.bench.outcome import Run
from tests.bench.processes import free_port, run_to_end
from tests.bench.sink import Sink
from tests.cast import KEY
from tests.command import clean_environment

COMMAND = (sys.executable, "-m", "tests.bench.sender")
BASE_URL = "https://news.example"


def run_digest(url: str, sink: Sink, *, connections: int, processes: int = 1, dkim_key: Path | None = None) -> Run:
    """What is due in this database into this sink; signed with a key in PEM where there is one.

    Raises:
        RuntimeError: the delivery stopped, or ledger and sink do not agree that all has arrived.
    """
    env = environment(url, sink.port, connections)
    if sink.ca_file:
        env |= {"DIGEST_SMTP__SECURITY": "tls", "DIGEST_SMTP__CA_FILE": str(sink.ca_file)}
    if dkim_key:
        env |= {"DIGEST_DKIM__SIGN": "true", "DIGEST_SECRETS_DIR": str(dkim_key.parent)}
        env |= {"DIGEST_DKIM__DOMAIN": "example.org", "DIGEST_DKIM__KEY_FILE": dkim_key.name}
    spent = run_to_end(*[COMMAND] * processes, env=env)
    told = [json.loads(one.output) for one in spent]
    problems = [one["problem"] for one in told if one["problem"]]
    counts, expected = count(url)
    if problems or counts != {"accepted": expected} or sink.received() != expected:
        said = f"the ledger says {counts} of {expected}, the sink {sink.received()}"
        raise RuntimeError("; ".join(["the delivery is not whole", said, *problems]))
    return Run(
        messages=sum(one["messages"] for one in told),
        # Of processes that work at the same time: their clock is the machine's, so the stretches can be joined.
        seconds=max(one["last"] for one in told) - min(one["first"] for one in told if one["messages"]),
        cpu=sum(one["cpu"] for one in told),
        received=sink.received(),
        accepted=counts["accepted"],
        ledger_cpu=sum(one["ledger_cpu"] for one in told),
        whole_cpu=sum(one.cpu for one in spent),
        peak_mb=max(one["peak_mb"] for one in told),
    )


def run_start(url: str) -> float:
    """Seconds to load the issue and make its deliveries, against a port where nobody listens: nothing goes out.

    Raises:
        RuntimeError: the deliveries are not there.
    """
    (spent,) = run_to_end(COMMAND, env=environment(url, free_port(), 1))
    counts, expected = count(url)
    if not expected or counts != {"queued": expected}:
        raise RuntimeError(f"the issue did not start: the ledger says {counts} of {expected}")
    return float(json.loads(spent.output)["seconds"])


def message_size(url: str, folder: Path) -> int:
    """Octets of one message as it goes over the wire, from a mailbox that gets what is due in this database."""
    box = folder / "mailbox"
    env = environment(url, 25, 1) | {"DIGEST_MAIL__TRANSPORT": "maildir", "DIGEST_MAIL__MAILDIR": str(box)}
    run_to_end(COMMAND, env=env)
    message = next((box / "new").iterdir()).read_bytes()
    shutil.rmtree(box)
    return len(message) + message.count(b"\n")  # a mailbox keeps LF for CRLF


def environment(url: str, port: int, connections: int) -> dict[str, str]:
    """The settings of a deployment that sends to a server on this machine."""
    settings = {
        "DATABASE__URL": url,
        "DATABASE__BUSY_TIMEOUT": "300",  # of two processes, one makes all the deliveries
        "SECRET_KEY": KEY.decode(),
        "WEB__BASE_URL": BASE_URL,
        "MAIL__TRANSPORT": "smtp",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": str(port),
        "SMTP__SECURITY": "plain",
        "SMTP__CONNECTIONS": str(connections),
    }
    return clean_environment({f"DIGEST_{name}": value for name, value in settings.items()})


def count(url: str) -> tuple[dict[str, int], int | None]:
    """Deliveries by state, and how many the issue expects, by the ledger."""
    database = Database(url)
    try:
        with database.read() as session:
            (issue,) = list_issues(session)
            counts = sending.count_deliveries(session, issue.id)
            return {str(state): number for state, number in counts.items()}, issue.expected
    finally:
        database.close()


class Watch:
    """Notes time and CPU when the first message is settled, and when the last is."""

    def __init__(self) -> None:
        self.messages = 0
        self.first = self.last = time.perf_counter()
        self.cpu = self.ledger_cpu = 0.0

    def __call__(self, messages: int, _waiting: int) -> None:
        self.last = time.perf_counter()
        if not self.messages:
            self.first, self.cpu, self.ledger_cpu = self.last, cpu_seconds(), thread_seconds()
        self.messages += messages


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def thread_seconds() -> float:
    """CPU seconds of every thread but this one: the event loop has this, steps of the store run in the others."""
    return cpu_seconds() - time.thread_time()


async def send() -> dict[str, float | str | None]:
    app = App.open(Settings.load())
    watch, begun = Watch(), time.perf_counter()
    try:
        report = await deliver_due(app, stop=asyncio.Event(), on_progress=watch)
        return {
            "messages": watch.messages,
            "first": watch.first,
            "last": watch.last,
            "cpu": cpu_seconds() - watch.cpu,
            "ledger_cpu": thread_seconds() - watch.ledger_cpu,
            "seconds": time.perf_counter() - begun,
            "peak_mb": peak_megabytes(),
            "problem": str(report.problem) if report.problem else None,
        }
    finally:
        app.close()


if __name__ == "__main__":
    print(json.dumps(run_async(send())))
