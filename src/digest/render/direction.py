"""Names in another direction than the text around them."""

import unicodedata

from markupsafe import Markup, escape


def isolate(text: str, direction: str) -> str:
    """The text, in `<bdi>` where its first strong character runs against `direction` (UAX 9)."""
    own = direction_of_text(text)
    safe = escape(text)
    return safe if own in {None, direction} else Markup("<bdi>{}</bdi>").format(safe)


def direction_of_text(text: str) -> str | None:
    """`ltr` or `rtl`, by the first character that has one (UAX 9, P2 and P3); None where none has."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"L", "R", "AL"}:
            return "ltr" if kind == "L" else "rtl"
    return None
