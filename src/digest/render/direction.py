"""Names in another direction than the text around them."""

import unicodedata
from collections.abc import Iterable

from markupsafe import Markup, escape

_STRONG = frozenset({"L", "R", "AL"})
_MARKS = {"ltr": "\N{LEFT-TO-RIGHT MARK}", "rtl": "\N{RIGHT-TO-LEFT MARK}"}


def isolate(text: str, direction: str) -> str:
    """The text, in `<bdi>` where its first strong character runs against `direction` (UAX 9)."""
    own = direction_of_text(text)
    safe = escape(text)
    return safe if own in {None, direction} else Markup("<bdi>{}</bdi>").format(safe)


def steadied(text: str, direction: str) -> str:
    """The text with a mark behind it (LRM, RLM) where what follows would turn its last signs round: "Yahoo!" in Persian."""
    own = direction_of_text(text)
    is_turned = own not in {None, direction} and unicodedata.bidirectional(text[-1]) not in _STRONG
    return text + _MARKS[str(own)] if is_turned else text


def beside(parts: Iterable[object], direction: str, between: str) -> str:
    """The parts in a row. One that ends against `direction` has a mark of it behind: digits after "Club Blog | " are of the row."""
    row = tuple(part if isinstance(part, str) else str(part) for part in parts)
    is_markup = any(
        hasattr(part, "__html__") for part in row
    )  # of a template's own: what is no markup beside it is escaped, as by `join`
    return (escape(between) if is_markup else between).join(
        (*(parted(part, direction) for part in row[:-1]), *row[-1:])
    )


def parted(text: str, direction: str) -> str:
    """The text, with a mark of `direction` behind it where it ends against it: what follows is no part of it."""
    return text + _MARKS[direction] if direction_of_text(text[::-1]) not in {None, direction} else text


def direction_of_text(text: str) -> str | None:
    """`ltr` or `rtl`, by the first character that has one (UAX 9, P2 and P3); None where none has."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in _STRONG:
            return "ltr" if kind == "L" else "rtl"
    return None
