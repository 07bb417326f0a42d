"""What a hostile mail server does, and when: phases, answers, and plans that choose among them."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

CODES = ("421", "450", "451", "452", "454", "550", "552", "554")
ENDS = ("reset", "close", "hang")
SLOW = ("late", "drip", "split", "long")
"""In time, only not at once: late, byte by byte, in two pieces, 5,000 bytes."""

_EVERY = (*ENDS, "too late", *SLOW, *CODES, "251", "garbage")

ANSWERS: dict[str, tuple[str, ...]] = {
    "connect": ENDS,
    "greeting": (*ENDS, *SLOW, *CODES, "garbage"),
    "ehlo": (*ENDS, *SLOW, *CODES, "251", "garbage"),
    "starttls": (*ENDS, *SLOW, *CODES, "garbage", "inject"),
    "tls": (*ENDS, "garbage", "stranger", "wrong host"),
    "auth": (*ENDS, *SLOW, *CODES, "530", "535", "garbage"),
    "mail": _EVERY,
    "rcpt": _EVERY,
    "data": _EVERY,
    "body": (*ENDS, "late", *CODES, "garbage"),
    "dot": (*_EVERY, "half"),  # a negative answer, or none: the message is not kept
    "after": (*ENDS, "too late", "garbage", "half"),  # it is kept, and then the answer goes wrong
    "rset": _EVERY,
    "quit": _EVERY,
    "count": ("close 1", "close 2", "close 3", "421 1", "421 2", "421 3", "421 5"),  # the end after so many messages
}
"""The answers that mean something in each phase."""

KEEPS = frozenset({*SLOW, "too late", "251"})
"""Answers to the dot that say, in the end, that the message was taken over."""

SILENT = frozenset({*ENDS, "too late", "garbage", "half"})
"""Those that leave the sender without a clear word."""

_ENHANCED = {
    "421": "4.3.2", "450": "4.2.1", "451": "4.7.1", "452": "4.2.2", "454": "4.7.0", "550": "5.1.1", "552": "5.2.2",
    "554": "5.7.1", "251": "2.1.5", "530": "5.7.0", "535": "5.7.8",
}  # fmt: skip


def reply(code: str) -> bytes:
    """The line for a code, with the enhanced code that goes with it as a rule."""
    return f"{code} {_ENHANCED[code]} so the script says\r\n".encode()


@dataclass(frozen=True)
class Cell:
    """One fault: in this phase this answer, the first `times` times that a recipient's message gets there."""

    phase: str
    answer: str
    times: int = 1


class Plan:
    """Which answer is wrong. `cells`: by the recipient's number; `turns`: by phase, each once; else by dice."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.cells = [Cell(*cell) for cell in given.get("cells", ())]
        self.turns: dict[str, list[str]] = {phase: list(answers) for phase, answers in given.get("turns", {}).items()}
        self.rate: float = given.get("rate", 0.0)
        self.dice = random.Random(given.get("seed", 0))
        self.answers: list[str] | None = given.get("answers")  # of the dice; else whatever means something
        self.phases: tuple[str, ...] = tuple(
            given.get("phases", ("mail", "rcpt", "data", "body", "dot", "after", "rset"))
        )
        self.shown: Counter[str] = Counter()

    def answer(self, phase: str, recipient: str = "") -> str | None:
        """What to say instead; None: the truth."""
        if waiting := self.turns.get(phase):
            return waiting.pop(0)
        if recipient.startswith("cell-"):
            cell = self.cells[int(recipient.split("@", maxsplit=1)[0].removeprefix("cell-"))]
            if cell.phase == "rset" and phase == "rcpt":  # only a refusal leads there
                self.shown[f"{phase} {recipient}"] += 1
                return "450" if self.shown[f"{phase} {recipient}"] <= cell.times else None
            if cell.phase != phase or self.shown[recipient] >= cell.times:
                return None
            self.shown[recipient] += 1
            return cell.answer
        if self.rate and phase in self.phases and self.dice.random() < self.rate:
            return self.dice.choice(self.answers or ANSWERS[phase])
        return None
