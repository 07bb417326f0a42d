"""What mrml's HTML lacks: characters as characters, whole pixels, one conditional comment where two meet, short lines.

The bytes count: an issue that is larger than Gmail shows loses pictures (render/budget.py).
"""

import re
from functools import lru_cache

LONGEST_LINE = 900  # bytes; RFC 5322 allows 998 in a mail, and who edits a file or greps it wants fewer

# What harden wrote as references for mrml. Those of quotes stay, and of C1 controls, which HTML reads as Windows-1252.
_REFERENCE = re.compile("&#x(5c|a[0-9a-f]|[b-f][0-9a-f]|[1-9a-f][0-9a-f]{2,5});")
# A fixed height beside `width:100%` squashes the picture on a phone; the attribute alone reserves the right shape.
_FIXED_HEIGHT = re.compile(rb";height:[\d.]+px;(?=width:100%)")
_FRACTION = re.compile(rb'="(?:(?<= width=")|(?<= height="))(\d+\.\d+)(?:px)?(?=")')
_RULES = re.compile(rb"""("[^"\n]*"|'[^'\n]*')|/\*.*?\*/|\s*([{};,])\s*|(:)\s+|(\s+)""", re.DOTALL)


def put_right(html: str) -> str:
    """Mrml's HTML as it is sent."""
    # As bytes: what is looked for is ASCII, and bytes are searched in half the time.
    octets = _REFERENCE.sub(lambda found: chr(int(found[1], 16)), html).encode()
    octets = _FIXED_HEIGHT.sub(b";height:auto;", octets).replace(b' height="auto"', b"")  # no such value in HTML
    octets = _FRACTION.sub(lambda found: b'="%d' % round(float(found[1])), octets)
    octets = octets.replace(b"<![endif]--><!--[if mso | IE]>", b"")
    return _in_lines(_with_short_styles(octets), kept="<pre" in html).decode()


def _with_short_styles(octets: bytes) -> bytes:
    *sheets, rest = octets.split(b"</style>")
    parts = []
    for sheet in sheets:
        opened = sheet.rfind(b"<style")
        start = sheet.find(b">", opened) + 1 if opened >= 0 else len(sheet)
        parts += [sheet[:start], _minified(sheet[start:]), b"</style>"]
    return b"".join([*parts, rest])


@lru_cache(maxsize=64)
def _minified(rules: bytes) -> bytes:
    """A style sheet without the white space and comments that mean nothing, a line for each rule."""

    def shorter(found: re.Match[bytes]) -> bytes:
        return found[1] or found[2] or found[3] or (b" " if found[4] else b"")

    return _RULES.sub(shorter, rules).replace(b";}", b"}").replace(b"}", b"}\n").strip()


def _in_lines(octets: bytes, *, kept: bool) -> bytes:
    """The same page in lines of at most LONGEST_LINE bytes, unless a word or an address is longer.

    A newline stands where a space did: before a style attribute, or, unless white space is `kept`, between words.
    """
    pieces, start = [], 0
    while start <= len(octets):
        end = octets.find(b"\n", start)
        end = len(octets) if end < 0 else end
        while end - start > LONGEST_LINE:
            cut = octets.rfind(b' style="', start + 1, start + LONGEST_LINE)
            if cut < 0 and not kept:
                cut = _between_words(octets, start)
            if cut < 0:
                break
            pieces.append(octets[start:cut])
            start = cut + 1
        pieces.append(octets[start:end])
        start = end + 1
    return b"\n".join(pieces)


def _between_words(octets: bytes, start: int) -> int:
    """Where a line that begins at `start` may end between words, outside of tags; -1 where there is no such place."""
    place = octets.rfind(b" ", start + 1, start + LONGEST_LINE)
    while place >= 0:
        opened = octets.rfind(b"<", 0, place)
        if opened < octets.rfind(b">", 0, place):
            break
        place = octets.rfind(b" ", start + 1, max(opened, 0))
    return place
