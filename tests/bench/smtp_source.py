"""The reference: Postfix's `smtp-source`, in C, which makes no message and keeps no ledger."""

from pathlib import Path

from tests.bench.outcome import Run
from tests.bench.processes import find_tool, run_to_end
from tests.bench.sink import sink

SESSIONS = 20


def run_smtp_source(folder: Path, *, messages: int, size: int) -> Run:
    """So many messages of `size` octets through 20 sessions that stay open.

    Raises:
        ToolMissing: smtp-source is not installed.
    """
    program = find_tool("smtp-source", "postfix (no mail server needs to run)")
    with sink(folder) as server:
        addresses = ["-f", "weekly@example.org", "-t", "reader@x.example"]
        amount = ["-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(size)]
        (spent,) = run_to_end([program, *amount, *addresses, f"127.0.0.1:{server.port}"])
        return Run(messages=messages, seconds=spent.seconds, cpu=spent.cpu, received=server.received())
