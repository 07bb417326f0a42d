"""A rule, and a place where it is broken."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from digest.core.lint.document import Element
    from digest.core.lint.mail import Mail


class Severity(StrEnum):
    """How bad it is: an error breaks the mail for somebody, a warning worsens it, a note is a matter of judgement."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Hit(NamedTuple):
    """Where a rule is broken: what is there, and its place in the HTML or the message, from 1; 0 where it has none."""

    said: str
    line: int = 0
    column: int = 0
    element: str = ""


def at(element: "Element", said: str) -> Hit:
    """A hit at an element."""
    return Hit(said, element.line, element.column, element.name)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked, why (the source it comes from), and how to mend it."""

    id: str
    severity: Severity
    what: str
    why: str
    mend: str
    find: Callable[["Mail"], Iterable[Hit]]


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
) -> Callable[[Callable[["Mail"], Iterable[Hit]]], Callable[["Mail"], Iterable[Hit]]]:
    """Make a rule of the function that finds where it is broken."""

    def register(find: Callable[["Mail"], Iterable[Hit]]) -> Callable[["Mail"], Iterable[Hit]]:
        assert id_ not in RULES, id_
        RULES[id_] = Rule(id_, severity, what, why, mend, find)
        return find

    return register
