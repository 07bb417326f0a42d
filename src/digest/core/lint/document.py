"""HTML as the linter looks at it: elements in order, each with its place, attributes, parents and text.

The standard library's parser, because it tells line and column of each tag and repairs nothing. Comments, Outlook's
conditional ones among them, are not looked into. A text is kept once, and elements say from where to where it is theirs:
however deep they are nested, a document takes the memory that its length takes.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

from digest.core.lint.css import CssRule, blanked, css_rules, declared, hides, hiding
from digest.core.lint.hit import Hit

DEEPEST = 500
"""Nested elements that are followed; what is deeper counts as text."""
_ENDLESS = re.compile(r"&#x?[0-9a-f]{20,}", re.IGNORECASE)
_WANTED = re.compile(r"(?:^|(?<=[\s>+~]))[a-z][a-z0-9]*+|[.#][a-z_-][\w-]*+", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\[[^\]]*+\]?+")
_STYLE = re.compile(r"""[\s"'/]style\s*+=""", re.IGNORECASE)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SILENT = frozenset({"style", "script", "title", "head"})
_IN_HEAD = frozenset({"title", "meta", "link", "style", "script", "base", "noscript"})


@dataclass(slots=True, eq=False)
class Element:
    """One element. `line` and `column` are from 1."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    parent: "Element | None"
    document: "Document" = field(repr=False)
    number: int  # in the document's elements
    length: int  # of its start tag
    first: int  # of the document's texts that are in it
    last: int | None = None
    is_hidden: bool = False  # nobody sees it, by its style or by a class that a style sheet hides

    def get(self, name: str) -> str | None:
        """An attribute's value; empty where it has none."""
        return self.attributes.get(name)

    @property
    def text(self) -> str:
        """The words in it, without doubled spaces and without what is hidden in it."""
        return " ".join("".join(self.document.texts_of(self)).split())

    @property
    def style(self) -> dict[str, str]:
        """The declarations of its style attribute, names in lower case."""
        return declared(self.attributes.get("style", ""))

    @property
    def names(self) -> set[str]:
        """Its classes (".x") and its id ("#x")."""
        names = {f".{each}" for each in self.attributes.get("class", "").split()}
        return names | {f"#{self.attributes['id']}"} if self.attributes.get("id") else names

    @property
    def above(self) -> "Iterator[Element]":
        """Its parents, the nearest first."""
        parent = self.parent
        while parent is not None:
            yield parent
            parent = parent.parent

    def is_within(self, name: str) -> bool:
        """Whether one of its parents has this name."""
        return any(parent.name == name for parent in self.above)

    def at(self, said: str) -> Hit:
        """A hit at its start tag."""
        return Hit(said, self.line, self.column, self.name)

    def declaration(self, name: str) -> tuple[int, int]:
        """Line and column of a property in its style attribute; its own where that is written in another way."""
        begins = self.document.offset_of(self.line, self.column)
        tag = self.document.html[begins : begins + self.length]
        attribute = _STYLE.search(tag)
        found = attribute and re.compile(rf"(?<![\w-]){re.escape(name)}\s*+:", re.IGNORECASE).search(
            tag, attribute.end()
        )
        return self.document.position(begins + found.start()) if found else (self.line, self.column)


@dataclass(frozen=True)
class Sheet:
    """What is in a style element."""

    css: str
    element: Element
    start: int  # in the HTML

    @cached_property
    def plain(self) -> str:
        """The same length with nothing in its comments and strings."""
        return blanked(self.css)

    @cached_property
    def rules(self) -> tuple[CssRule, ...]:
        """Every rule in order, those in at-rules too."""
        return css_rules(self.css)

    @property
    def plain_rules(self) -> Iterator[CssRule]:
        """The rules that stand in no at-rule."""
        return (one for one in self.rules if one.is_plain)

    @property
    def rules_in_use(self) -> Iterator[CssRule]:
        """The plain rules that an element of the mail can match: those for elements, classes and ids that are in it.

        Others are left of a framework, or for what one client puts round the mail.
        """
        document = self.element.document
        for one in self.plain_rules:
            wanted = (_WANTED.findall(_ATTRIBUTE.sub("", part.strip())) for part in one.head.split(","))
            if any(all(document.named(name) for name in names) for names in wanted):
                yield one

    def at(self, offset: int, said: str) -> Hit:
        """A hit at a place in it."""
        return Hit(said, *self.element.document.position(self.start + offset), self.element.name)


class Document(HTMLParser):
    """Parsed at once."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self.styles: list[Sheet] = []
        self._lines = [0, *(found.end() for found in re.finditer("\n", html))]
        self._open: list[Element] = []
        self._sheets: list[tuple[Element, int, list[str]]] = []
        self._link: Element | None = None
        self._texts: list[tuple[str, int]] = []  # with the number of the innermost element round it, or -1
        self._named: dict[str, list[Element]] = {}
        self._unseen: list[int] = []  # of each element: the number of the outermost one round it that is no text, or -1
        self.feed(_tamed(html))
        self.close()

    def all(self, *names: str) -> list[Element]:
        """The elements of these names, in order."""
        return [each for each in self.elements if each.name in names]

    def named(self, name: str) -> list[Element]:
        """The elements of a name ("x"), with a class (".x") or an id ("#x")."""
        return self._named.get(name if name[:1] in ".#" else name.lower(), [])

    @property
    def words(self) -> str:
        """What a reader sees as text."""
        body = next(iter(self.all("body")), None)
        if body:
            return body.text
        return " ".join("".join(text for text, owner in self._texts if self._hides(owner) < 0).split())

    @property
    def begins(self) -> int:
        """Which of the texts is the first that a reader sees; how many there are where nobody sees any."""
        seen = (number for number, (text, owner) in enumerate(self._texts) if self._hides(owner) < 0 and text.strip())
        return next(seen, len(self._texts))

    def texts_of(self, element: Element) -> Iterator[str]:
        """The texts in an element, but for what is hidden in it."""
        for text, owner in self._texts[element.first : element.last]:
            if self._hides(owner) <= element.number:
                yield text

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a place in the HTML."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def offset_of(self, line: int, column: int) -> int:
        """The place in the HTML of a line and column."""
        return self._lines[line - 1] + column - 1

    # ── HTMLParser ──────────────────────────────────────────────────────────────────────────────────────────────────

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag not in _IN_HEAD and self._open and self._open[-1].name == "head":
            self._close()
        line, column = self.getpos()
        given: dict[str, str] = {}
        for name, value in attrs:
            given.setdefault(name, value or "")
        length, number = len(self.get_starttag_text() or ""), len(self.elements)
        above = self._open[-1] if self._open else None
        element = Element(tag, given, line, column + 1, above, self, number, length, len(self._texts))
        self.elements.append(element)
        if tag == "br":
            self.handle_data("\n")
        if tag == "a":  # a link ends where the next one begins, as in every browser
            self._end_words(self._link)
            self._link = element
        if tag in _VOID or len(self._open) >= DEEPEST:
            self._end_words(element)
            return
        self._open.append(element)
        self._part(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """In HTML the slash of <div/> means nothing; in SVG and of void elements it is all there is."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """The nearest of this name ends, and what is open in it."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].name == tag:
                while len(self._open) > place:
                    self._close()
                return

    def handle_data(self, data: str) -> None:
        """Words."""
        owner = self._open[-1] if self._open else None
        if owner is not None and owner.name == "style":
            if not (self._sheets and self._sheets[-1][0] is owner):
                line, column = self.getpos()
                self._sheets.append((owner, self.offset_of(line, column + 1), []))
            self._sheets[-1][2].append(data)
        else:
            self._texts.append((data, owner.number if owner else -1))

    def close(self) -> None:
        """The end: what is open ends here."""
        super().close()
        while self._open:
            self._close()
        self.styles = [Sheet("".join(pieces), element, start) for element, start, pieces in self._sheets]
        hidden = hiding(rule for sheet in self.styles for rule in sheet.plain_rules)
        for element in self.elements:
            element.is_hidden = _is_hidden(element, hidden)
            for name in element.names | {element.name}:
                self._named.setdefault(name, []).append(element)
            above = self._hides(element.parent.number if element.parent else -1)
            is_text = above < 0 and not element.is_hidden and element.name not in _SILENT
            self._unseen.append(-1 if is_text else element.number if above < 0 else above)

    def _close(self) -> None:
        element = self._open.pop()
        self._part(element)
        self._end_words(element)

    def _end_words(self, element: Element | None) -> None:
        if element is not None and element.last is None:
            element.last = len(self._texts)

    def _part(self, element: Element) -> None:
        """Words of neighbours are not one word; those of a link and what is round it may be."""
        if element.name != "a":
            self._texts.append((" ", element.number))

    def _hides(self, owner: int) -> int:
        return self._unseen[owner] if owner >= 0 else -1


def _is_hidden(element: Element, hidden: frozenset[tuple[str, str]]) -> bool:
    style = element.style
    if "hidden" in element.attributes or hides(style):
        return True
    if not hidden or "display" in style:
        return False
    return any(("", each) in hidden or (element.name, each) in hidden for each in element.names)


def _tamed(html: str) -> str:
    """The same length without what stops the parser.

    It reads on to the end for each tag and comment that has none, and Python makes no number of thousands of digits
    (sys.set_int_max_str_digits).
    """
    end = html.rfind("-->") + 1
    html = html[:end] + html[end:].replace("<!--", "    ")
    end = html.rfind(">") + 1
    html = html[:end] + html[end:].replace("<", " ")
    return _ENDLESS.sub(lambda found: " " * len(found[0]), html)
