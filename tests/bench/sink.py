"""Postfix's `smtp-sink`, which takes every message and keeps none: the server that all senders of a benchmark share.

It speaks no TLS, so stunnel stands before it where TLS is measured; round trips are stretched by `tests.bench.delay`.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import find_tool, free_port, running

_COUNTS = re.compile(rb"mesg=(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A running one. `port` is where senders connect, on 127.0.0.1."""

    port: int
    log: Path
    ca_file: Path | None = None  # where it speaks TLS from the first byte

    def received(self) -> int:
        """Messages whose final dot it has seen."""
        counts = _COUNTS.findall(self.log.read_bytes())
        return int(counts[-1]) if counts else 0


@contextmanager
def sink(folder: Path, *, tls: bool = False, latency_ms: float = 0) -> Iterator[Sink]:
    """A sink of its own, which has received nothing.

    Raises:
        ToolMissing: smtp-sink, or stunnel, is not installed.
    """
    port = free_port()
    log = folder / f"sink-{port}.log"
    program = find_tool("smtp-sink", "postfix (no mail server needs to run)")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    with running([program, "-c", *user, f"127.0.0.1:{port}", "200"], port=port, output=log):
        if tls:
            with stunnel(folder, port) as (outer, ca_file):
                yield Sink(port=outer, log=log, ca_file=ca_file)
        elif latency_ms:
            with _delayed(folder, port, latency_ms) as outer:
                yield Sink(port=outer, log=log)
        else:
            yield Sink(port=port, log=log)


@contextmanager
def stunnel(folder: Path, port: int) -> Iterator[tuple[int, Path]]:
    """TLS from the first byte in C, so that the other end is no bottleneck of ours."""
    import trustme  # here: the sender imports this module, and is weighed without cryptography's 10 MB

    program = find_tool("stunnel", "stunnel4")
    outer = free_port()
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    pem, ca_file, settings = (folder / f"{name}-{outer}" for name in ("server.pem", "ca.pem", "stunnel.conf"))
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    pem.chmod(0o600)
    authority.cert_pem.write_to_path(ca_file)
    settings.write_text(
        f"foreground = yes\npid =\ndebug = err\n[smtps]\naccept = 127.0.0.1:{outer}\n"
        f"connect = 127.0.0.1:{port}\ncert = {pem}\n"
    )
    with running([program, settings], port=outer, output=folder / f"stunnel-{outer}.log"):
        yield outer, ca_file


@contextmanager
def _delayed(folder: Path, port: int, milliseconds: float) -> Iterator[int]:
    outer = free_port()
    command = [sys.executable, "-m", "tests.bench.delay", str(outer), str(port), str(milliseconds)]
    with running(command, port=outer, output=folder / f"delay-{outer}.log"):
        yield outer
