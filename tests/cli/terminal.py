"""Running the command as a person does: on a terminal, with answers typed."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.command import start_digest


def type_to_digest(
    *words: str, cwd: Path, answers: list[str], env: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, str]:
    """On a terminal: each answer is typed when a question ends with a colon. Exit code and all that was shown."""
    terminal, theirs = os.openpty()
    tty = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = start_digest(*words, cwd=cwd, env={"COLUMNS": "200", **env}, new_terminal=True, **tty)
    os.close(theirs)
    shown, left = "", list(answers)
    while True:
        try:
            part = os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not part:
            break
        shown += part
        if left and shown.endswith(": "):  # not before the blank: a password prompt drops what came earlier
            answer = left.pop(0)
            shown += "\n"
            os.write(terminal, answer.encode() + b"\n")
    os.close(terminal)
    return process.wait(), shown
