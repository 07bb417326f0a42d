"""A rule, and what is told of a place where it is broken."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail


class Severity(StrEnum):
    """How bad it is: an error breaks the mail for somebody, a warning worsens it, a note is a matter of judgement."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked, why (the source it comes from), and how to mend it."""

    id: str
    severity: Severity
    what: str
    why: str
    mend: str
    find: Callable[[Mail], Iterable[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule broken at a place."""

    rule: str
    severity: Severity
    said: str
    line: int
    column: int
    element: str
    why: str
    mend: str


RULES: dict[str, Rule] = {}
"""Every rule by its id, in the order of the documentation; the modules of rules fill it."""


def rule(
    id_: str, severity: Severity, what: str, *, why: str, mend: str
) -> Callable[[Callable[[Mail], Iterable[Hit]]], Callable[[Mail], Iterable[Hit]]]:
    """Make a rule of the function that finds where it is broken."""

    def register(find: Callable[[Mail], Iterable[Hit]]) -> Callable[[Mail], Iterable[Hit]]:
        assert id_ not in RULES, id_
        RULES[id_] = Rule(id_, severity, what, why, mend, find)
        return find

    return register
