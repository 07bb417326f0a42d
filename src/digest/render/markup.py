"""MJML as text: its tags, and which of them mrml knows. A template is checked against them before Jinja runs."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from digest.errors import TemplateError
from digest.render.schema import COMPONENTS, REFUSED

# What follows the name in a tag; no quote in it is left open, so that a stray one costs a look and no search.
REST = r"[^<>\"']*+(?:\"[^\"]*+\"[^<>\"']*+|'[^']*+'[^<>\"']*+)*+>"
TAG = rf"</?[A-Za-z]{REST}"
ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s"'=<>/]+)(?:\s*=\s*(?:"(?P<two>[^"]*)"|'(?P<one>[^']*)'|(?P<bare>[^\s"'>]+)))?"""
)
WRITTEN = "\x01"

_TAGS = re.compile(rf"<!--.*?-->|{TAG}", re.DOTALL)
_STYLE_RULES = re.compile(r"(<mj-style\b[^>]*>)(.*?)(?=</mj-style\s*>)", re.DOTALL)
_NAME = re.compile(r"</?([A-Za-z][\w:.-]*)")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a tag: how many characters into it, what, and the nearest known name."""

    at: int
    said: str
    near: str | None = None


def check_source(source: str, *, file: str) -> None:
    """Refuse unknown components and attributes in a template, before Jinja runs.

    Raises:
        TemplateError: with file, line, column and the nearest known name.
    """
    plain = JINJA.sub(_blanked, source)
    for tag in _TAGS.finditer(_STYLE_RULES.sub(_hollow, plain)):
        if found := find_fault(tag[0]):
            raise fault(plain, tag.start() + found.at, found.said, found.near, file=file)


def name_of(tag: str) -> str:
    """The name in a tag; empty for a comment."""
    found = _NAME.match(tag)
    return found[1] if found else ""


def is_component(name: str) -> bool:
    """Whether the name is one of MJML's, known or not."""
    return name.startswith("mj-") or name == "mjml"


def find_fault(tag: str) -> Wrong | None:
    """A component or an attribute in a tag that MJML does not know; None where it knows all."""
    name = name_of(tag)
    if not is_component(name):
        return None
    if name in REFUSED:
        return Wrong(0, f"there is no component <{name}>: {REFUSED[name]}")
    if name not in COMPONENTS:
        return Wrong(0, f"there is no component <{name}>", _near(name, COMPONENTS))
    if tag.startswith("</"):
        return None
    start = len(name) + 1
    for attribute in ATTRIBUTE.finditer(tag, start):
        known = attribute["name"] in COMPONENTS[name]
        if not known and WRITTEN not in attribute["name"]:
            message = f"<{name}> has no attribute {attribute['name']}"
            return Wrong(attribute.start(), message, _near(attribute["name"], COMPONENTS[name]))
    return None


def fault(source: str, position: int, message: str, near: str | None = None, *, file: str) -> TemplateError:
    """The error about a place in a source."""
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    return TemplateError(
        f"{file}, line {line}, column {column}: {message}",
        next_step=f"did you mean {near}?" if near else "docs/templates.md lists what a template may hold",
    )


def _hollow(style: re.Match[str]) -> str:
    """A style sheet without its rules, as long as before: they are no tags."""
    return style[1] + re.sub("[^\n]", " ", style[2])


def _blanked(jinja: re.Match[str]) -> str:
    """As long as before, so that positions stay; a name written by an expression can be told."""
    return re.sub("[^\n]", WRITTEN if jinja[0].startswith("{{") else " ", jinja[0])


def _near(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)
