"""Names in another direction than the text around them."""

import unicodedata

from markupsafe import Markup, escape


def isolate(text: str, direction: str) -> str:
    """The text, in `<bdi>` where its first strong character runs against `direction` (UAX 9)."""
    own = _direction(text)
    safe = escape(text)
    return safe if own in {None, direction} else Markup("<bdi>{}</bdi>").format(safe)


def _direction(text: str) -> str | None:
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"L", "R", "AL"}:
            return "ltr" if kind == "L" else "rtl"
    return None
