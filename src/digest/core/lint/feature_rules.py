"""Rules about what mail clients support (the table of caniemail's data in `support`)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from digest.core.lint.css import declarations, declared, hides
from digest.core.lint.document import Element, Sheet
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail
from digest.core.lint.support import ELEMENTS, PROPERTIES, UPDATED, VALUES

_FALLBACK = frozenset({"display", "position", "flex-direction", "grid-template-columns", "align-items", "justify-content", "gap",
                       "column-count", "writing-mode", "inset"})  # fmt: skip
"""Properties that a layout stands on; others only adorn."""
_WHY = f"caniemail's data of {UPDATED}; Gmail, Apple Mail, Outlook and Yahoo are what nearly everybody reads with."


@rule(
    "css-layout", Severity.WARNING, "Layout stands on what Gmail, Apple Mail, Outlook and Yahoo support.",
    why=_WHY, mend="Lay it out with tables, and widths in attributes.",
)  # fmt: skip
def _css_layout(mail: Mail) -> Iterator[Hit]:
    for one in _declared(mail):
        if one.name in _FALLBACK and "n" in (support := _support(one.name, one.value)).values():
            yield one.hit(f"{one.name}: {one.value[:40]} does not work in {_named(support, 'n')}")


@rule(
    "css-look", Severity.NOTE, "Ornament may be missing somewhere.",
    why=_WHY, mend="Nothing, if the mail looks right without it.",
)  # fmt: skip
def _css_look(mail: Mail) -> Iterator[Hit]:
    said = set()
    for one in _declared(mail):
        support = _support(one.name, one.value)
        if one.name not in _FALLBACK and "n" in support.values() and one.name not in said:
            said.add(one.name)
            yield one.hit(f"{one.name}: {one.value[:40]} does not work in {_named(support, 'n')}")


@rule(
    "html-element", Severity.WARNING, "Elements are those that Gmail, Apple Mail, Outlook and Yahoo show.",
    why=_WHY, mend="Use a picture with a link.",
)  # fmt: skip
def _html_element(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.elements:
        support = ELEMENTS.get(element.name, {})
        if "n" in support.values() and not element.is_within("svg"):
            yield element.at(f"<{element.name}> does not work in {_named(support, 'n')}")


class _Declared(NamedTuple):
    """A declaration and where it stands: in a style sheet, or in the style attribute of an element."""

    name: str
    value: str
    place: Sheet | Element
    offset: int = 0  # in the style sheet

    def hit(self, said: str) -> Hit:
        if isinstance(self.place, Sheet):
            return self.place.at(self.offset, said)
        return Hit(said, *self.place.declaration(self.name), self.place.name)


def _declared(mail: Mail) -> Iterator[_Declared]:
    """What style attributes and the plain rules of style sheets declare; media queries may ask for more."""
    for element in mail.document.elements:
        if element.is_hidden:  # in several ways at once, so that one works everywhere
            continue
        for name, value in element.style.items():
            yield _Declared(name, value, element)
    for sheet in mail.document.styles:
        for one in sheet.rules_in_use:
            if hides(declared(one.inside)):
                continue
            for found in declarations(one.inside):
                yield _Declared(found.name, found.value, sheet, one.start + found.offset)


@lru_cache(maxsize=4096)  # a mail says the same few hundred things many times over
def _support(name: str, value: str) -> Mapping[str, str]:
    plain = value.lower().replace("!important", "").strip()
    if name == "position" and plain in {"static", "relative"}:
        return {}
    if (name, plain) in PROPERTIES:
        return PROPERTIES[name, plain]
    if (name, "*") in PROPERTIES and plain not in {"none", "normal", "initial", "visible", "auto", "1"}:
        return PROPERTIES[name, "*"]
    return next((support for word, support in VALUES.items() if re.search(rf"(?<![\w-]){re.escape(word)}", plain)), {})


def _named(support: Mapping[str, str], mark: str) -> str:
    return ", ".join(name for name, found in support.items() if found == mark)
