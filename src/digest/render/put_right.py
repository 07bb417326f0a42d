"""What mrml's HTML lacks: characters as characters, whole pixels, one conditional comment where two meet, short lines.

The bytes count: an issue that is larger than Gmail shows loses pictures (render/budget.py).
"""

import re
from functools import lru_cache

LONGEST_LINE = 900  # bytes; RFC 5322 allows 998 in a mail, and who edits a file or greps it wants fewer

_LONGEST_WORDS = LONGEST_LINE // 3 * 2
_STYLED = ' style="'

# What harden wrote as references for mrml. Those of quotes stay, and of C1 controls, which HTML reads as Windows-1252.
_REFERENCE = re.compile("&#x(5c|a[0-9a-f]|[b-f][0-9a-f]|[1-9a-f][0-9a-f]{2,5});")
# A fixed height beside `width:100%` squashes the picture on a phone; the attribute alone reserves the right shape.
_FIXED_HEIGHT = re.compile(r";height:[\d.]+px;(?=width:100%)")
_FRACTION = re.compile(r'( (?:width|height)=")(\d+\.\d+)(?:px)?(?=")')
_RULES = re.compile(r"""("[^"\n]*"|'[^'\n]*')|/\*.*?\*/|\s*([{};,])\s*|(:)\s+|(\s+)""", re.DOTALL)


def put_right(html: str) -> str:
    """Mrml's HTML as it should have been."""
    html = _REFERENCE.sub(lambda found: chr(int(found[1], 16)), html)
    html = _FIXED_HEIGHT.sub(";height:auto;", html).replace(' height="auto"', "")  # no such value in HTML
    html = _FRACTION.sub(lambda found: f"{found[1]}{round(float(found[2]))}", html)
    html = html.replace("<![endif]--><!--[if mso | IE]>", "")
    *sheets, rest = html.split("</style>")
    parts = []
    for sheet in sheets:
        opened = sheet.rfind("<style")
        start = sheet.find(">", opened) + 1 if opened >= 0 else len(sheet)
        parts += [sheet[:start], minified(sheet[start:]), "</style>"]
    return "".join([*parts, rest])


@lru_cache(maxsize=64)
def minified(rules: str) -> str:
    """A style sheet without the white space and comments that mean nothing, a line for each rule."""

    def shorter(found: re.Match[str]) -> str:
        return found[1] or found[2] or found[3] or (" " if found[4] else "")

    return _RULES.sub(shorter, rules).replace(";}", "}").replace("}", "}\n").strip()


def broken_up(piece: str) -> str:
    """A piece of the page in lines of moderate length: words will stand before and after it."""
    first, *others = piece.split(_STYLED)
    parts, length = [first], LONGEST_LINE
    for part in others:
        if length > LONGEST_LINE // 4:
            parts += "\n", _STYLED[1:], part
            length = 0
        else:
            parts += _STYLED, part
        length += len(part)
    return "".join(parts)


def in_lines(words: str) -> str:
    """Words in lines so short that with what stands around them they are within LONGEST_LINE, in bytes.

    A newline stands where a space did: before a style attribute, or, where there is no `<pre>`, between words. A longer word or
    address stays whole.
    """
    if _are_short(words):
        return words
    kept = "<pre" in words
    return "\n".join([line if _are_short(line) else _cut(line.encode(), kept=kept) for line in words.split("\n")])


def _are_short(words: str) -> bool:
    return len(words) <= _LONGEST_WORDS and (words.isascii() or len(words.encode()) <= _LONGEST_WORDS)


def _cut(octets: bytes, *, kept: bool) -> str:
    pieces, start = [], 0
    while len(octets) - start > _LONGEST_WORDS:
        cut = octets.rfind(b' style="', start + 1, start + _LONGEST_WORDS)
        if cut < 0 and not kept:
            cut = _between_words(octets, start)
        if cut < 0:
            break
        pieces.append(octets[start:cut])
        start = cut + 1
    return b"\n".join([*pieces, octets[start:]]).decode()


def _between_words(octets: bytes, start: int) -> int:
    """Where a line that begins at `start` may end between words, outside of tags; -1 where there is no such place."""
    place = octets.rfind(b" ", start + 1, start + _LONGEST_WORDS)
    while place >= 0:
        opened = octets.rfind(b"<", 0, place)
        if opened < octets.rfind(b">", 0, place):
            break
        place = octets.rfind(b" ", start + 1, max(opened, 0))
    return place
