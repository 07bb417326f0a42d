"""Text that every database takes: without NUL, which Postgres refuses, and without lone surrogates, which are no UTF-8.

JSON has escapes for both, and so has a stranger.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Value = TypeVar("Value")


def make_storable(value: Value) -> Value:
    """The same value with every string in it, however deep, made storable; the very same where nothing is amiss."""
    changed: Any = value
    if isinstance(value, str):
        changed = _text(value)
    elif isinstance(value, tuple):
        parts = tuple(map(make_storable, value))
        changed = value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    elif is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        made = {name: new for name, old in given.items() if (new := make_storable(old)) is not old}
        changed = replace(value, **made) if made else value
    return changed  # type: ignore[no-any-return]


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode(errors="replace").decode()
    return text.replace("\0", "") if "\0" in text else text
