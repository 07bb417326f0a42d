"""Style sheets and style attributes, as far as the linter looks into them; the time of all of it grows with their length."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from digest.core.lint.finding import Hit

if TYPE_CHECKING:
    from digest.core.lint.document import Element

# Possessive, so that nothing is tried twice. <!-- and --> hide a style sheet from browsers of the last century.
_OPAQUE = re.compile(
    r"""/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+|<!--|-->|(?<=url\()(?!\s*+["'])[^)]*+"""
    r"""|"(?:[^"\\\n]++|\\.)*+"?+|'(?:[^'\\\n]++|\\.)*+'?+""",
    re.IGNORECASE | re.DOTALL,
)
_ZERO = re.compile(r"(?:0+(?:\.0*)?|\.0+)(?:px|em|pt|%)?")
_MARK = re.compile(r"[{};]")
_ATTRIBUTE = re.compile(r"\[[^\]]*+\]?+")
CLASSES_AND_IDS = re.compile(r"[.#][a-z_-][\w-]*+", re.IGNORECASE)
_WANTED = re.compile(r"(?:^|(?<=[\s>+~]))[a-z][a-z0-9]*+|[.#][a-z_-][\w-]*+", re.IGNORECASE)
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?([.#])([\w-]+)", re.IGNORECASE)


class CssRule(NamedTuple):
    """A selector or an at-rule's head, and what is in its braces: nothing where other rules are. Offsets in the style sheet."""

    head: str
    offset: int
    inside: str
    start: int
    depth: int  # of at-rules round it


class Declaration(NamedTuple):
    """Property and value; the offset in what was parsed."""

    name: str
    value: str
    offset: int


@dataclass(frozen=True)
class Sheet:
    """What is in a style element."""

    css: str
    element: "Element"
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
        return (one for one in self.rules if one.depth == 0 and not one.head.startswith("@"))

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


@lru_cache(maxsize=4096)
def blanked(css: str) -> str:
    """The same length, so that places stay: comments, strings and addresses without what is in them."""
    return _OPAQUE.sub(_blank, css)


@lru_cache(maxsize=64)  # the mails of an issue have the same style sheets
def css_rules(css: str) -> tuple[CssRule, ...]:
    """Every rule of a style sheet, in order; one that never ends goes to the end."""
    plain = blanked(css)
    found: list[tuple[str, int, int, int]] = []
    ends: dict[int, int] = {}  # where a rule ends that has no other in it
    opened: list[int] = []
    head = 0
    for mark in _MARK.finditer(plain):
        if mark[0] == "{":
            words = plain[head : mark.start()]
            if opened:
                ends.pop(opened[-1], None)
            opened.append(len(found))
            ends[len(found)] = len(css)
            found.append(
                (" ".join(words.split()), head + len(words) - len(words.lstrip()), mark.end(), len(opened) - 1)
            )
        elif mark[0] == "}" and opened:
            number = opened.pop()
            if number in ends:
                ends[number] = mark.start()
        head = mark.end()
    return tuple(
        CssRule(words, offset, css[start : ends[number]] if number in ends else "", start, depth)
        for number, (words, offset, start, depth) in enumerate(found)
    )


@lru_cache(maxsize=4096)
def declarations(css: str) -> tuple[Declaration, ...]:
    """What a style attribute or the inside of a rule declares, names in lower case."""
    plain, found, start = blanked(css), [], 0
    for part in plain.split(";"):
        name, colon, value = part.partition(":")
        if colon and (stripped := name.strip()):
            begins = start + len(name) + 1
            # Comments are blank in `plain`; strings are wanted.
            words = value if "/*" in css[begins : begins + len(value)] else css[begins : begins + len(value)]
            found.append(Declaration(stripped.lower(), words.strip(), start + len(name) - len(name.lstrip())))
        start += len(part) + 1
    return tuple(found)


def declared(css: str) -> dict[str, str]:
    """Property → value; of several the last."""
    return {one.name: one.value for one in declarations(css)}


def hides(style: dict[str, str]) -> bool:
    """Whether nobody sees what is declared so: the ways in which preheaders are hidden."""
    value = {name: words.lower().replace("!important", "").strip() for name, words in style.items()}
    return (
        value.get("display") == "none"
        or value.get("visibility") == "hidden"
        or _is_zero(value.get("opacity"))
        or _is_zero(value.get("max-height"))
        or (_is_zero(value.get("height")) and value.get("overflow") == "hidden")
    )


def hiding(sheets: list[Sheet]) -> frozenset[tuple[str, str]]:
    """The classes (".x") and ids ("#x") that style sheets hide from everybody, with the element that they name or none."""
    found: dict[tuple[str, str], bool] = {}
    for sheet in sheets:
        for one in sheet.plain_rules:
            style = declared(one.inside)
            if hides(style) or "display" in style:
                for selector in one.head.split(","):
                    if simple := _SIMPLE.fullmatch(selector.strip()):
                        found[(simple[1] or "").lower(), simple[2] + simple[3]] = hides(style)
    return frozenset(key for key, hidden in found.items() if hidden)


def _blank(found: re.Match[str]) -> str:
    words = found[0]
    if words[:1] in {'"', "'"}:
        return words[0] + " " * (len(words) - 2) + words[-1] if len(words) > 1 else words
    return re.sub(r"[^\n]", " ", words)


def _is_zero(value: str | None) -> bool:
    return value is not None and _ZERO.fullmatch(value) is not None
