"""How a document's pieces are laid out: each kind of them once, however often it is there.

pieces ─▶ sheet: one of each kind ─▶ mrml (render/convert.py) ─▶ cut at the holes ─▶ put together, with words

A section is a kind by its components, a line of a column (a text, a picture, a button) by its own and by the section that
holds it, whose width it has. Twenty posts are a dozen kinds.
"""

import re
from typing import NamedTuple

from digest.render.harden import Hardened
from digest.render.pieces import Piece, hole_of
from digest.render.put_right import broken_up

_ENDS, _BEGINS = "<![endif]-->", "<!--[if mso | IE]>"


class Gapped(NamedTuple):
    """HTML with gaps, and which words fill them; some fill two."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]

    def filled(self, words: tuple[str, ...]) -> str:
        """With the words of one piece."""
        if not self.order:
            return self.pieces[0]
        parts = [""] * (len(self.pieces) + len(self.order))
        parts[0::2], parts[1::2] = self.pieces, [words[number] for number in self.order]
        return "".join(parts)


def cut(html: str, mark: str) -> tuple[Gapped, ...]:
    """What stands between the holes, in lines."""
    texts = re.split(rf"{mark}(\d+;|\|)", html)
    done, pieces, order = list[Gapped](), [broken_up(texts[0])], list[int]()
    for found, text in zip(texts[1::2], texts[2::2], strict=True):
        if found == "|":
            done.append(Gapped(tuple(pieces), tuple(order)))
            pieces, order = [], []
        else:
            order.append(int(found[:-1]))
        pieces.append(broken_up(text))
    return (*done, Gapped(tuple(pieces), tuple(order)))


class _Section(NamedTuple):
    """A kind of section: what begins it; of each hole its kinds of lines, and what follows it."""

    begin: Gapped
    holes: tuple[tuple[dict[str, Gapped], Gapped], ...]

    def filled(self, section: Piece) -> str:
        """One of this kind."""
        done = [self.begin.filled(section.words)]
        for lines, (kinds, after) in zip(section.holes, self.holes, strict=True):
            done += [kinds[line.components].filled(line.words) for line in lines]
            done.append(after.filled(section.words))
        return "".join(done)


class Kinds:
    """The kinds of pieces in a document, as they stand in its sheet."""

    def __init__(self, document: Hardened) -> None:
        self.document = document
        found = dict[str, tuple[set[str], ...]]()
        for section in (section for sections in document.frame.holes for section in sections):
            holes = found.setdefault(section.components, tuple(set() for _ in section.holes))
            for kinds, lines in zip(holes, section.holes, strict=True):
                kinds.update(line.components for line in lines)
        # Sorted, so that another variant of the issue, which begins with other posts, has the same sheet.
        self.lines = {section: tuple(map(sorted, holes)) for section, holes in found.items()}

    def sheet(self) -> str:
        """A document with one piece of each kind and a hole before and after each."""
        hole = hole_of(self.document.mark)
        sections = []
        for section, holes in self.lines.items():
            begin, *others = section.split(hole)
            lines = (hole.join(["", *kinds, ""]) for kinds in holes)
            sections.append("".join([begin, *(part for pair in zip(lines, others, strict=True) for part in pair)]))
        begin, *others = self.document.frame.components.split(hole)
        return hole.join([begin, *sections, *others]) if others else begin

    def put_together(self, parts: tuple[Gapped, ...]) -> str:
        """The document's HTML; `parts` is that of its sheet, cut at the holes."""
        following, frame = iter(parts), self.document.frame
        done = [next(following).filled(frame.words)]
        known = {
            section: _Section(
                next(following), tuple(({kind: next(following) for kind in kinds}, next(following)) for kinds in holes)
            )
            for section, holes in self.lines.items()
        }
        for sections, after in zip(frame.holes, following, strict=True):
            for section in sections:
                _add(done, known[section.components].filled(section))
            _add(done, after.filled(frame.words))
        return "".join(done)


def _add(done: list[str], html: str) -> None:
    """Two conditional comments that meet become one."""
    if html.startswith(_BEGINS) and done[-1].endswith(_ENDS):
        done[-1] = done[-1][: -len(_ENDS)]
        html = html[len(_BEGINS) :]
    done.append(html)
