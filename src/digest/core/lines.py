"""One line of words, as people write them in any script."""

JOINERS = frozenset("\u200c\u200d")
"""ZWNJ and ZWJ: invisible, and part of the spelling in Persian, Hindi and many emoji; Python calls them unprintable."""


def is_line(text: str) -> bool:
    """Whether it says something, on one line, without control characters."""
    return bool(text.strip()) and all(letter.isprintable() or letter in JOINERS for letter in text)


def printable(text: str) -> str:
    """Without what cannot be seen."""
    return "".join(letter for letter in text if letter.isprintable() or letter in JOINERS)
