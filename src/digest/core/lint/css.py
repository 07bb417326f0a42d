"""Style sheets and style attributes, as far as the linter looks into them; the time of all of it grows with their length."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# Possessive, so that nothing is tried twice. <!-- and --> hide a style sheet from browsers of the last century.
_OPAQUE = re.compile(
    r"""/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+|<!--|-->|(?<=url\()(?!\s*+["'])[^)]*+"""
    r"""|"(?:[^"\\\n]++|\\.)*+"?+|'(?:[^'\\\n]++|\\.)*+'?+""",
    re.IGNORECASE | re.DOTALL,
)
_ZERO = re.compile(r"(?:0+(?:\.0*)?|\.0+)(?:px|em|pt|%)?")
_MARK = re.compile(r"[{};]")
CLASSES_AND_IDS = re.compile(r"[.#][a-z_-][\w-]*+", re.IGNORECASE)
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?([.#])([\w-]+)", re.IGNORECASE)


class CssRule(NamedTuple):
    """A selector or an at-rule's head, and what is in its braces: nothing where other rules are. Offsets in the style sheet."""

    head: str
    offset: int
    inside: str
    start: int
    depth: int  # of at-rules round it

    @property
    def is_plain(self) -> bool:
        """Whether it is for every client and screen: it stands in no at-rule and is none."""
        return self.depth == 0 and not self.head.startswith("@")


class Declaration(NamedTuple):
    """Property and value; the offset in what was parsed."""

    name: str
    value: str
    offset: int


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


def hiding(rules: Iterable[CssRule]) -> frozenset[tuple[str, str]]:
    """The classes (".x") and ids ("#x") that these rules hide, in their order, with the element that they name or none."""
    found: dict[tuple[str, str], bool] = {}
    for one in rules:
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
