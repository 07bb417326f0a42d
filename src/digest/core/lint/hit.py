"""A place where a rule is broken."""

from typing import NamedTuple


class Hit(NamedTuple):
    """Where a rule is broken: what is there, and its place in the HTML or the message, from 1; 0 where it has none."""

    said: str
    line: int = 0
    column: int = 0
    element: str = ""
