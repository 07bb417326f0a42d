"""Digits from outside. Python's int() refuses more than 4,300 of them, with an error that nobody expects; nor does anybody count so far."""

import re

_FEW = 1000
_ENDLESS = re.compile(r"&#[0-9]{1000,};?")


def number_of(text: str, *, most: int) -> int | None:
    """A whole number without a sign; `most` where it is more. None where it is none."""
    if not text.isdecimal():
        return None
    if len(text) <= _FEW:
        return min(int(text), most)
    digits = text.lstrip("0") or "0"
    return most if len(digits) > len(str(most)) else min(int(digits), most)


def without_endless_references(text: str) -> str:
    """Markup as long as before, in which no reference to a character has so many digits that it cannot be read."""
    return _ENDLESS.sub(lambda found: "\ufffd" * len(found[0]), text) if "&#" in text else text
