"""Running the command as a person does: on a terminal, with answers typed."""

import os
import pty
from pathlib import Path

from tests.command import DIGEST


def type_to_digest(*words: str, cwd: Path, answers: list[str]) -> tuple[int, str]:
    """On a terminal: each answer is typed when a question ends with a colon. Exit code and all that was shown."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.environ["COLUMNS"] = "200"
        os.execv(DIGEST, [str(DIGEST), *words])
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
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown
