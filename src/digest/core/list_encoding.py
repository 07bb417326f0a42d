"""In which encoding a list of people was written, decided only where it can be decided safely.

A wrong guess writes a wrong name into a hundred thousand greetings, and nobody notices. So: a byte order mark or valid
UTF-8 decides; Windows-1252, what Excel writes in Western Europe, is taken only where every foreign character sits in
its word as Western letters do; all else is refused with the line, and `--encoding` names it.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from digest.errors import ListError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_RUN = re.compile(rb"[\x80-\xff]+")
_TYPOGRAPHY = frozenset("’‘“”„‚–—…«»·ªº\xa0")
_IN_WORDS = frozenset("’–·")  # O’Brien, Col·lell


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """A codec's name, and whether it was guessed rather than proved."""

    name: str
    guessed: bool = False


def detect_encoding(lines: Iterable[bytes]) -> Encoding:
    """The encoding of a file, from all of its lines as split at LF.

    Raises:
        ListError: broken, or not to be told; names the line.
    """
    lines = iter(lines)
    first = next(lines, b"")
    if marked := _marked(first):
        return Encoding(name=marked)
    return _detect_unmarked(chain([first], lines))


def _marked(first: bytes) -> str | None:
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    # UTF-16 without its mark: in a list of addresses every second byte is zero.
    head = first[:512]
    if len(head) >= 4 and head[1:64:2].count(0) * 2 > len(head[1:64:2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= 4 and head[0:64:2].count(0) * 2 > len(head[0:64:2]) else None


def _detect_unmarked(lines: Iterable[bytes]) -> Encoding:
    broken, unicode_seen, western = 0, False, True
    for number, line in enumerate(lines, 1):
        if line.isascii():
            continue
        try:
            line.decode()
            unicode_seen = True
        except UnicodeDecodeError:
            broken = broken or number
            western = western and _is_western(line)
    if not broken:
        return Encoding(name="utf-8")
    if western and not unicode_seen:
        return Encoding(name="cp1252", guessed=True)
    raise ListError(
        f"line {broken}: broken encoding: " + ("not UTF-8, as other lines are" if unicode_seen else "not UTF-8"),
        next_step="save the file as UTF-8, or name its encoding, as in --encoding cp1251",
    )


def _is_western(line: bytes) -> bool:
    """Whether every character above ASCII is a letter among Western letters, or typography."""
    return all(_fits(line[: run.start()][-1:], run.group(), line[run.end() :][:1]) for run in _RUN.finditer(line))


def _fits(before: bytes, run: bytes, after: bytes) -> bool:
    try:
        text = run.decode("cp1252")
    except UnicodeDecodeError:
        return False
    letters = [char for char in text if char not in _TYPOGRAPHY]
    if len(text) > 2 or not all(char.isalpha() for char in letters):
        return False
    if not letters:  # a quotation mark within a word would be half of a Japanese character
        return not (before.isalpha() and after.isalpha()) or text in _IN_WORDS
    # "Rene<C9>" would be an upper-case letter after a lower-case one: another code page.
    return (before.isalpha() or after.isalpha()) and not (before.islower() and text[0].isupper())
