"""Rules about what mail clients support (the table of caniemail's data in `support`)."""

from collections.abc import Iterator, Mapping

from digest.core.lint.document import Element, declarations
from digest.core.lint.finding import Hit, Severity, at, rule
from digest.core.lint.mail import Mail
from digest.core.lint.style_rules import plain_rules
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
    for name, value, element in _declared(mail):
        if name in _FALLBACK and (support := _support(name, value)) and "n" in support.values():
            yield at(element, f"{name}: {value[:40]} does not work in {_named(support, 'n')}")


@rule(
    "css-look", Severity.NOTE, "Ornament may be missing somewhere.",
    why=_WHY, mend="Nothing, if the mail looks right without it.",
)  # fmt: skip
def _css_look(mail: Mail) -> Iterator[Hit]:
    said = set()
    for name, value, element in _declared(mail):
        support = _support(name, value)
        if name not in _FALLBACK and support and "n" in support.values() and name not in said:
            said.add(name)
            yield at(element, f"{name}: {value[:40]} does not work in {_named(support, 'n')}")


@rule(
    "html-element", Severity.WARNING, "Elements are those that Gmail, Apple Mail, Outlook and Yahoo show.",
    why=_WHY, mend="Use a picture with a link.",
)  # fmt: skip
def _html_element(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.elements:
        support = ELEMENTS.get(element.name, {})
        if "n" in support.values() and not element.is_within("svg"):
            yield at(element, f"<{element.name}> does not work in {_named(support, 'n')}")


def _declared(mail: Mail) -> Iterator[tuple[str, str, Element]]:
    """What style attributes and the plain rules of style sheets declare; media queries may ask for more."""
    for element in mail.document.elements:
        for name, value in element.style.items():
            yield name, value, element
    for css, element in mail.document.styles:
        for _, inside in plain_rules(css):
            for name, value in declarations(inside).items():
                yield name, value, element


def _support(name: str, value: str) -> Mapping[str, str]:
    plain = value.lower().replace("!important", "").strip()
    if name == "position" and plain in {"static", "relative"}:
        return {}
    if (name, plain) in PROPERTIES:
        return PROPERTIES[name, plain]
    if (name, "*") in PROPERTIES and plain not in {"none", "normal", "initial", "visible", "auto", "1"}:
        return PROPERTIES[name, "*"]
    return next((support for word, support in VALUES.items() if word in plain), {})


def _named(support: Mapping[str, str], mark: str) -> str:
    return ", ".join(name for name, found in support.items() if found == mark)
