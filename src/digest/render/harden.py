"""Rendered MJML → what mrml is given: the components, without the words in them.

mrml lays components out. Words it only copies, and harms some. So they go round it: in their place stands a mark with
a number. What is left is cut where one part of it knows nothing of the next, so that what an issue has twenty times is laid
out once (render/layout.py).
"""

import re
from typing import NamedTuple

from digest.errors import TemplateError
from digest.render.inner import mended
from digest.render.markup import REST, Wrong, fault
from digest.render.pieces import Builder, Piece
from digest.render.put_right import in_lines
from digest.render.schema import HOLDS, LINES, SECTIONS, STRUCTURE, TEXT_INSIDE
from digest.render.tags import Tag, quotable, read_tag

DEEPEST = 200  # mrml recurses: somewhere above 8,000 levels the process dies
LARGEST = 4_000_000  # characters

_PIECES = re.compile(rf"(<(?:!--.*?-->|mj-style\b[^>]*+(?<!/)>.*?</mj-style\s*+>|/?mj(?:-|ml\b){REST}))", re.DOTALL)


class Hardened(NamedTuple):
    """A document: its frame, with a hole where the sections belong; they have holes where texts and pictures do."""

    frame: Piece
    mark: str


def harden(mjml: str, *, file: str = "MJML") -> Hardened:
    """The document in the form that mrml 6.0.1 passes on unharmed.

    It writes attribute values in Rust's debug form, so that ZWNJ, emoji selectors, no-break spaces, combining marks
    and backslashes are corrupted, and a double quote inside single ones ends the attribute: addresses and alt texts go
    round it, other values become ASCII in double quotes. It drops white space that begins with a newline, joining
    words, and panics at some stray `>`: words go round it. A padding of `0` without unit breaks its arithmetic: it
    becomes `0px`.

    Raises:
        TemplateError: elements are unknown, don't close, are nested beyond reason or stand in words; line and column
            are those of the rendered document.
    """
    if len(mjml) > LARGEST:
        raise TemplateError(f"{file}: the rendered MJML has {len(mjml):,} characters", next_step="limit the posts")
    mark = "@~"
    while mark in mjml:
        mark += "~"
    texts = _PIECES.split(mjml)  # text, tag, text, …
    try:
        return Hardened(_Taker(texts, mark).take(), mark)
    except _Found as found:
        position = sum(map(len, texts[: found.text])) + found.wrong.at
        said = f"{found.wrong.said}, near {_excerpt(mjml, position)}"
        error = fault(mjml, position, said, found.wrong.near, file=f"{file} as rendered")
        error.position = position
        raise error from None


def _excerpt(mjml: str, position: int) -> str:
    """What stands there: lines of a rendered document are nobody's, but words can be searched for in the templates."""
    start = max(mjml.rfind("\n", 0, position) + 1, position - 30)
    return repr(mjml[start : position + 40].split("\n", maxsplit=1)[0])


class _Found(Exception):
    """Something wrong in the text of this number."""

    def __init__(self, text: int, wrong: Wrong) -> None:
        super().__init__(text, wrong)
        self.text, self.wrong = text, wrong


class _Taker:
    """Takes a document apart: tag after tag into the piece they stand in, what is marked into its words."""

    def __init__(self, texts: list[str], mark: str) -> None:
        self.texts, self.mark = texts, mark  # text, tag, text, …
        self.here, self.around, self.open_tags = Builder(mark, -1), list[Builder](), list[str]()

    def take(self) -> Piece:
        """The document.

        Raises:
            _Found: it is broken.
        """
        self.here.parts.append(self.texts[0].strip())
        at = 1
        while at < len(self.texts):
            at = self._element(at)
            if stray := self.texts[at + 1].strip():
                self.here.parts.append(_bare(stray, self.texts[at + 1], self.open_tags[-1:], at + 1))
            at += 2
        if self.open_tags:
            raise _Found(len(self.texts), Wrong(0, f"<{self.open_tags[-1]}> is never closed"))
        return self.here.made()

    def _element(self, at: int) -> int:
        """Take the tag of this number, with the words in it and their end tag; the number of the last one taken."""
        tag, inside = read_tag(self.texts[at], self.mark), self.open_tags[-1] if self.open_tags else ""
        if inside == "mj-column" and tag.name in LINES and (line := self._line(at, tag)):
            self.here.hold(line)
            return at + 2 if tag.opens_words else at
        if wrong := tag.wrong or _misplaced(tag, inside):
            raise _Found(at, wrong)
        if not tag.opens_words:
            self._step(at, tag, begins=inside == "mj-body" and tag.opens and tag.name in SECTIONS)
            return at
        inner, end = self._inner(at, tag.name)
        self.here.write(tag.start, tag.words)
        self.here.write("", ((inner, ""),) if inner else ())
        self.here.write(tag.end)
        return end

    def _line(self, at: int, tag: Tag) -> Piece | None:
        """A line of a column where it is as templates write it, and nothing is wrong with it: most are."""
        if not tag.opens_words or not tag.line:
            return tag.line
        inner = mended(self.texts[at + 1]) if self.texts[at + 2 : at + 3] == [tag.end] else ""
        return Piece(tag.line.components, (*tag.line.words, inner)) if inner and isinstance(inner, str) else None

    def _step(self, at: int, tag: Tag, *, begins: bool) -> None:
        """Into an element or out of one, and with it perhaps of a piece."""
        if begins:
            self.around.append(self.here)
            self.here = Builder(self.mark, len(self.open_tags))
        if found := _follow(tag, self.open_tags):
            raise _Found(at, found)
        self.here.write(tag.start, tag.words)
        if len(self.open_tags) == self.here.depth:
            done = self.here.made()
            self.here = self.around.pop()
            self.here.hold(done)

    def _inner(self, at: int, name: str) -> tuple[str, int]:
        """The words that the tag of this number opens, checked; and the number of the tag that ends them."""
        end = at + 2
        while end < len(self.texts) and not (closing := read_tag(self.texts[end], self.mark)).name:  # a comment
            end += 2
        if end >= len(self.texts):
            raise _Found(len(self.texts), Wrong(0, f"<{name}> is never closed"))
        if not closing.closes or closing.name != name:
            wrong = f"is not closed before </{closing.name}>" if closing.closes else f"cannot hold <{closing.name}>"
            raise _Found(end, Wrong(0, f"<{name}> {wrong}"))
        inner = self.texts[at + 1] if end - at == 2 else "".join(self.texts[at + 1 : end])
        found = mended(inner) if name not in TEXT_INSIDE else _text_alone(inner, name)
        if isinstance(found, Wrong):
            raise _Found(at + 1, found)
        return found, end


def _text_alone(words: str, inside: str) -> str | Wrong:
    stray = words.find("<")
    return in_lines(quotable(words)) if stray < 0 else Wrong(stray, f"only text can stand in <{inside}>")


def _bare(stray: str, text: str, inside: list[str], number: int) -> str:
    """Words between components. Where these hold nothing but each other they are refused, elsewhere mrml decides."""
    if inside and inside[0] in STRUCTURE:
        found = re.match(r"</?[A-Za-z][\w:.-]*+", stray)
        said = f"{found[0]}> cannot stand in <{inside[0]}>" if found else f"words stand bare in <{inside[0]}>"
        raise _Found(number, Wrong(text.index(stray), said, "mj-text" if found else None))
    return stray


def _misplaced(tag: Tag, inside: str) -> Wrong | None:
    if not tag.name or tag.closes or inside not in HOLDS or tag.name in HOLDS[inside]:
        return None
    homes = " or ".join(f"<{home}>" for home, held in HOLDS.items() if tag.name in held)
    return Wrong(0, f"<{tag.name}> cannot stand in <{inside}>" + (f", only in {homes}" if homes else ""))


def _follow(tag: Tag, open_tags: list[str]) -> Wrong | None:
    """Keep the list of what is open; what is wrong with the tag at this place, if anything is."""
    if tag.closes:
        if open_tags[-1:] == [tag.name]:
            open_tags.pop()
            return None
        if tag.name in open_tags:
            return Wrong(0, f"<{open_tags[-1]}> is not closed before </{tag.name}>")
        return Wrong(0, f"</{tag.name}> closes nothing that is open")
    if tag.opens:
        open_tags.append(tag.name)
    return Wrong(0, f"elements are nested deeper than {DEEPEST}") if len(open_tags) > DEEPEST else None
