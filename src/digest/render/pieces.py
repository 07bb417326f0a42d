"""A document in pieces: components for mrml with marks in them, and the words that belong where the marks are."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple


class Piece(NamedTuple):
    """Components, and what goes into them afterwards.

    Where words belong stands the document's mark, their number in the piece and a semicolon. Where pieces belong stands
    its hole.
    """

    components: str
    words: tuple[str, ...]
    holes: tuple[tuple["Piece", ...], ...] = ()  # the pieces of each, one after another


class Builder:
    """A piece in the making, and how many elements were open when it began."""

    __slots__ = ("depth", "holes", "mark", "parts", "words")

    def __init__(self, mark: str, depth: int) -> None:
        self.mark, self.depth = mark, depth
        self.parts, self.words, self.holes = list[str](), list[str](), list[list[Piece]]()

    def write(self, components: str, words: Iterable[tuple[str, str]] = ()) -> None:
        """Components, then words, each with the components after it."""
        self.parts.append(components)
        for each, after in words:
            self.parts.append(f"{self.mark}{len(self.words)};{after}")
            self.words.append(each)

    def hold(self, piece: Piece) -> None:
        """A piece, in the hole that is there already or in a new one."""
        hole = hole_of(self.mark)
        if not self.parts or self.parts[-1] is not hole:
            self.parts.append(hole)
            self.holes.append([])
        self.holes[-1].append(piece)

    def made(self) -> Piece:
        """All of it."""
        return Piece("".join(self.parts), tuple(self.words), tuple(map(tuple, self.holes)))


@lru_cache(maxsize=16)
def hole_of(mark: str) -> str:
    """A component that mrml passes on as it is, between sections and between the lines of a column."""
    return f"<mj-raw>{mark}|</mj-raw>"
