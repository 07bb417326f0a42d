"""Plain text set in columns by display width: wide characters take two, combining ones none (UAX 11)."""

import re
import unicodedata
from functools import lru_cache

COLUMNS = 72

# What begins no line, and what ends none (JIS X 4051, 6.1): in Japanese a line may break anywhere else.
_CLOSING = frozenset(
    "、。，．・：；？！）］｝」』】〉》〕〙〗ー々〻ゝゞヽヾ〜…‥ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;?!)]}’”»%°"
)
_OPENING = frozenset("（［｛「『【〈《〔〘〖([{‘“«")
_NARROW = re.compile(
    "[\t\n\x20-\x7e\xa0-\xac\xae-\u02ff\u2010-\u201f\u2022\u2026]*"
)  # most of what European languages write
_WORDS = re.compile("[^ \n\t]+")


def width_of(text: str) -> int:
    """How many columns a terminal or a fixed-width mail client gives the text."""
    return len(text) if _is_narrow(text) else sum(map(_width, text))


def wrap(text: str, columns: int = COLUMNS, *, first: str = "", then: str = "") -> str:
    """The text in lines of at most `columns`, the first indented by `first`, the others by `then`.

    Breaks at spaces and between wide characters, not before their closing punctuation nor after an opening one; a longer
    word is cut, but never a link. No-break spaces do not break. Blank lines stay.
    """
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_wrapped(paragraph, columns, first, then) for paragraph in paragraphs)


def fill(character: str, text: str, columns: int = COLUMNS) -> str:
    """A rule as wide as the text's longest line."""
    return character * min(columns, max(map(width_of, text.split("\n"))))


def unbroken(text: str, longest: int = 16) -> str:
    """The text without a place to break, if it is short: "2 min read" stays on one line, a blog's long name need not."""
    return text.replace(" ", "\N{NO-BREAK SPACE}") if len(text) <= longest else text


def _wrapped(paragraph: str, columns: int, first: str, then: str) -> str:
    words, narrow = _WORDS.findall(paragraph), _is_narrow(paragraph)
    if narrow and len(paragraph) + width_of(first) <= columns:
        return first + " ".join(words)
    if narrow and max(map(len, words)) + max(width_of(first), width_of(then)) <= columns:
        return _filled(words, columns, first, then)
    lines, line, used = [], first, width_of(first)
    empty = True
    for word in words:
        for position, piece in enumerate(_pieces(word, columns - width_of(then))):
            gap = " " if position == 0 and not empty else ""
            width = len(gap) + width_of(piece)
            if not empty and used + width > columns:
                lines.append(line)
                line, used, gap = then, width_of(then), ""
                width = width_of(piece)
            line += gap + piece
            used += width
            empty = False
    return "\n".join([*lines, line])


def _filled(words: list[str], columns: int, first: str, then: str) -> str:
    """What most paragraphs come to: each character takes a column, and each word fits into a line."""
    lines, start, used, indent = [], 0, width_of(first) - 1, first
    for place, word in enumerate(words):
        used += 1 + len(word)
        if used > columns:
            lines.append(indent + " ".join(words[start:place]))
            start, indent, used = place, then, width_of(then) + len(word)
    return "\n".join([*lines, indent + " ".join(words[start:])])


def _is_narrow(text: str) -> bool:
    return text.isascii() or _NARROW.fullmatch(text) is not None


def _pieces(word: str, columns: int) -> list[str]:
    """The parts between which a line may break inside a word."""
    if "://" in word or (word.isascii() and len(word) <= columns):
        return [word]
    pieces: list[str] = []
    for character in word:
        if pieces and (_width(character) == 0 or _holds(pieces[-1], character, columns)):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _holds(piece: str, character: str, columns: int) -> bool:
    """Whether no line may break between the piece and the character after it."""
    if piece[-1] == "\u200d":
        return True
    if width_of(piece) + _width(character) > columns:
        return False
    narrow = _width(piece[0]) < 2 and _width(character) < 2
    return narrow or character in _CLOSING or piece[-1] in _OPENING


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if character == "\u200b" or unicodedata.category(character) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
