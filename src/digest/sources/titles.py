"""Titles and other text as people read it (docs/sources.md P9)."""

import html
import re

from digest.core.digits import without_endless_references
from digest.sources.body import read_text
from digest.sources.clean import collapse

_STILL_ESCAPED = re.compile(
    r"&(?:#\d+|#x[0-9a-f]+|amp|lt|gt|quot|apos|nbsp|hellip|[lr]squo|[lr]dquo|[mn]dash);", re.IGNORECASE
)


def unescape_leftovers(text: str) -> str:
    """The text unescaped once more where what is still escaped shows: `R&amp;D`, `he said&nbsp;`."""
    return html.unescape(without_endless_references(text)) if _STILL_ESCAPED.search(text) else text


def title_text(value: str | None, *, is_markup: bool) -> str:
    """A title on one line: text as it is, markup parsed, and what is still escaped unescaped once more."""
    text = read_text(value or "") if is_markup else collapse(value or "")
    left = unescape_leftovers(text)
    return text if left is text else collapse(left)
