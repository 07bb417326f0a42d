"""The picture that shows where somebody shares an archive: an issue drawn in the newsletter's colours, as a PNG of ours.

Words are left out: the page's title stands beside it wherever it is shown, and no font has every script. What is drawn
is the sheet, a card for each post, and the issue's number in figures of five by seven squares.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from digest.render.theme import Theme

WIDTH, HEIGHT = 1200, 630
"""What social networks show whole (Open Graph)."""
MOST_CARDS = 4

_FIGURES = {
    "0": "0E1113151911110E", "1": "040C04040404040E", "2": "0E1101020408101F", "3": "1F0204020111110E",
    "4": "02060A121F020202", "5": "1F101E010111110E", "6": "0608101E1111110E", "7": "1F01020408080808",
    "8": "0E11110E1111110E", "9": "0E11110F01020C00", "#": "0A0A1F0A1F0A0A00",
}  # fmt: skip
"""Rows of five bits, from above."""
_PAPER, _SHEET, _ACCENT, _ON, _SOFT, _GROUND = range(6)


@dataclass(slots=True)
class _Canvas:
    """Rows of palette numbers."""

    rows: list[bytearray] = field(default_factory=lambda: [bytearray([_PAPER]) * WIDTH for _ in range(HEIGHT)])

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        line = bytes([colour]) * width
        for row in self.rows[y : y + height]:
            row[x : x + width] = line


def share_image(theme: Theme, *, number: int | None = None, posts: int = MOST_CARDS, mirrored: bool = False) -> bytes:
    """A PNG of 1200 by 630; the same arguments give the same bytes. `mirrored` for what is read from right to left."""
    canvas = _Canvas()
    canvas.fill(90, 70, 1020, 560, _SHEET)
    canvas.fill(90, 70, 1020, 96, _ACCENT)
    figures = f"#{number}" if number is not None else ""
    _write(canvas, figures, size=8, right=1110 - 40, top=70 + 20)
    canvas.fill(130, 104, 300, 28, _ON)
    for card in range(max(1, min(posts, MOST_CARDS))):
        _draw_card(canvas, 90 + 40, 196 + card * 110)
    rows = canvas.rows
    if mirrored:
        rows = [row[::-1] for row in rows]
        canvas.rows = rows
        canvas.fill(90, 70, 360, 96, _ACCENT)
        _write(canvas, figures, size=8, right=90 + 40 + _width(figures, 8), top=70 + 20)
    return _png(
        canvas.rows, [theme.light[name] for name in ("paper", "sheet", "accent", "on_accent", "soft", "ground")]
    )


def _draw_card(canvas: _Canvas, x: int, y: int) -> None:
    canvas.fill(x, y, 150, 86, _GROUND)
    canvas.fill(x + 180, y + 4, 520, 22, _ACCENT)
    canvas.fill(x + 180, y + 42, 720, 12, _SOFT)
    canvas.fill(x + 180, y + 66, 610, 12, _SOFT)


def _write(canvas: _Canvas, figures: str, *, size: int, right: int, top: int) -> None:
    x = right - _width(figures, size)
    for figure in figures:
        for row, bits in enumerate(bytes.fromhex(_FIGURES[figure])):
            for column in _columns(bits):
                canvas.fill(x + column * size, top + row * size, size, size, _ON)
        x += 6 * size


def _columns(bits: int) -> Iterator[int]:
    return (column for column in range(5) if bits & (16 >> column))


def _width(figures: str, size: int) -> int:
    return max(0, len(figures) * 6 - 1) * size


def _png(rows: list[bytearray], colours: list[str]) -> bytes:
    """Colours of a palette, four bits a pixel (PNG, third edition, 11.2)."""
    packed = b"".join(b"\x00" + bytes(row[x] << 4 | row[x + 1] for x in range(0, WIDTH, 2)) for row in rows)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 4, 3, 0, 0, 0)
    palette = b"".join(bytes.fromhex(colour.lstrip("#")) for colour in colours)
    parts = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(packed, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
