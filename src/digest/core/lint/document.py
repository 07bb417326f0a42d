"""HTML as the linter looks at it: elements in order, each with its place, attributes, parents and text.

The standard library's parser, because it tells line and column of each tag and repairs nothing. Comments, Outlook's
conditional ones among them, are not looked into.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

DEEPEST = 500
"""Nested elements that are followed; what is deeper counts as text."""
_ENDLESS = re.compile(r"&#x?[0-9a-f]{20,}", re.IGNORECASE)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SILENT = frozenset({"style", "script", "title", "head"})


@dataclass(slots=True, eq=False)
class Element:
    """One element. `line` and `column` are from 1."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    parent: "Element | None"
    pieces: list[str] = field(default_factory=list, repr=False)

    def get(self, name: str) -> str | None:
        """An attribute's value; empty where it has none."""
        return self.attributes.get(name)

    @property
    def text(self) -> str:
        """The words in it, without doubled spaces."""
        return " ".join("".join(self.pieces).split())

    @property
    def style(self) -> dict[str, str]:
        """The declarations of its style attribute, names in lower case."""
        return declarations(self.attributes.get("style", ""))

    @property
    def is_hidden(self) -> bool:
        """Whether nobody sees it: the ways in which preheaders are hidden."""
        style = self.attributes.get("style", "").replace(" ", "").lower()
        return any(way in style for way in ("display:none", "mso-hide:all", "max-height:0", "opacity:0"))

    def is_within(self, name: str) -> bool:
        """Whether one of its parents has this name."""
        parent = self.parent
        while parent is not None:
            if parent.name == name:
                return True
            parent = parent.parent
        return False


class Document(HTMLParser):
    """Parsed at once."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(_tamed(html))
        self.close()

    def all(self, *names: str) -> list[Element]:
        """The elements of these names, in order."""
        return [each for each in self.elements if each.name in names]

    @property
    def words(self) -> str:
        """What a reader sees as text."""
        body = next(iter(self.all("body")), None)
        if body:
            return body.text
        return " ".join(each.text for each in self.elements if each.parent is None and each.name not in _SILENT)

    @property
    def styles(self) -> list[tuple[str, Element]]:
        """The style sheets, with where they are."""
        return [("".join(each.pieces), each) for each in self.all("style")]

    # ── HTMLParser ──────────────────────────────────────────────────────────────────────────────────────────────────

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        line, column = self.getpos()
        given: dict[str, str] = {}
        for name, value in attrs:
            given.setdefault(name, value or "")
        element = Element(tag, given, line, column + 1, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag == "br":
            self.handle_data("\n")
        if tag not in _VOID and len(self._open) < DEEPEST:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """In HTML the slash of <div/> means nothing; in SVG and of void elements it is all there is."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """The nearest of this name ends, and what is open in it."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].name == tag:
                ended = self._open[place:]
                del self._open[place:]
                for element in reversed(ended):  # words go up once, when an element ends
                    self._lift(element)
                return

    def handle_data(self, data: str) -> None:
        """Words."""
        if self._open:
            self._open[-1].pieces.append(data)

    def close(self) -> None:
        """The end: what is open ends here."""
        super().close()
        while self._open:
            self._lift(self._open.pop())

    def _lift(self, element: Element) -> None:
        if element.parent is not None and element.name not in _SILENT and not element.is_hidden:
            element.parent.pieces.append(
                " " + "".join(element.pieces) + " " if element.name != "a" else "".join(element.pieces)
            )


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


def declarations(css: str) -> dict[str, str]:
    """Property → value of a style attribute or the inside of a rule; a value's semicolons in quotes or url() are rare."""
    found = {}
    for part in css.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
