"""The oracle: what the mail server wrote down, synced to the disk before it answered. Never our database."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class OracleLog:
    """The server's append-only log: one line of JSON an event."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, kind: str, *, sync: bool = False, **event: Any) -> None:
        """Whole lines: one write, appended, so that a reader never sees half of one in the middle."""
        os.write(self._file, (json.dumps({"kind": kind, **event}) + "\n").encode())
        if sync:
            os.fsync(self._file)


@dataclass
class Heard:
    """What the log says: acceptances and attempts by recipient, faults by phase, and breaches that the server saw."""

    accepted: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    bodies: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # of one Message-ID: its hashes
    faults: Counter[str] = field(default_factory=Counter)
    after_dot: int = 0  # faults that leave the sender without an answer to its dot
    breaches: list[str] = field(default_factory=list)

    def times(self, recipient: str) -> int:
        """How many copies the server took over."""
        return len(self.accepted.get(recipient, ()))


def read_log(path: Path) -> Heard:
    """The whole log so far."""
    heard = Heard()
    for event in read_lines(path):
        match event["kind"]:
            case "accepted" | "attempt":
                heard.bodies[f"{event['to']} {event['id']}"].add(event["sha256"])
                if event["kind"] == "accepted":
                    heard.accepted[event["to"]].append(event)
            case "fault":
                heard.faults[event["phase"]] += 1
                heard.after_dot += event["after_dot"]
            case "breach":
                heard.breaches.append(event["what"])
    return heard


def read_lines(path: Path) -> Iterable[dict[str, Any]]:
    """Objects of a file of JSON lines; none where there is no file."""
    if path.exists():
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
