"""MJML as text: checked against the known components, hardened against what mrml does to attribute values."""

import difflib
import re
from collections.abc import Iterable, Iterator

from digest.errors import TemplateError
from digest.render.schema import COMPONENTS, HTML_INSIDE, STRUCTURE, VOID

DEEPEST = 200  # mrml recurses: somewhere above 8,000 levels the process dies
LARGEST = 4_000_000  # characters

_TAG = re.compile(
    r"<!--.*?-->"
    r"|<mj-style\b[^>]*>.*?</mj-style\s*>"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<empty>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s"'=<>/]+)(?:\s*=\s*(?:"(?P<two>[^"]*)"|'(?P<one>[^']*)'|(?P<bare>[^\s"'>]+)))?"""
)
_TITLE = re.compile(r"(<mj-title>)(.*?)(</mj-title>)", re.DOTALL)
_FRAGILE = re.compile(r'[^\x20-\x7e]|[\\"]')
_BREAK = re.compile(r"[ \t]*\n\s*")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WRITTEN = "\x01"
_ZERO = re.compile(r"(?<![\d.])0(?![\d.a-z%])")


def check_source(source: str, *, file: str) -> None:
    """Refuse unknown components and attributes in a template, before Jinja runs.

    Raises:
        TemplateError: with file, line, column and the nearest known name.
    """
    plain = _JINJA.sub(_blanked, source)
    for tag in _TAG.finditer(plain):
        if _is_component(tag["name"]):
            _check_tag(tag, plain, file)


def check_rendered(mjml: str, *, file: str) -> None:
    """Refuse rendered MJML whose elements are unknown, don't close, are nested beyond reason or stand in words.

    Raises:
        TemplateError: line and column are those of the rendered document.
    """
    if len(mjml) > LARGEST:
        raise TemplateError(f"{file}: the rendered MJML has {len(mjml):,} characters", next_step="limit the posts")
    where, open_tags, end = file + " as rendered", list[str](), 0
    for tag in _TAG.finditer(mjml):
        if open_tags and open_tags[-1] in STRUCTURE and (words := mjml[end : tag.start()].strip()):
            raise _fault(mjml, tag.start() - len(words), f"words stand bare in <{open_tags[-1]}>", where)
        end = tag.end()
        name = (tag["name"] or "").lower()
        if _is_component(name):
            _check_tag(tag, mjml, where)
        if name and name not in VOID and not tag["empty"]:
            _follow(tag, open_tags, mjml, where)
    if open_tags:
        raise _fault(mjml, len(mjml), f"<{open_tags[-1]}> is never closed", where)


def _follow(tag: re.Match[str], open_tags: list[str], mjml: str, where: str) -> None:
    name = tag["name"].lower()
    if tag["close"]:
        if not open_tags or open_tags.pop() != name:
            raise _fault(mjml, tag.start(), f"</{name}> closes nothing that is open", where)
        return
    if name in COMPONENTS and any(around in HTML_INSIDE for around in open_tags[-3:]):
        raise _fault(mjml, tag.start(), f"<{name}> cannot stand in <{open_tags[-1]}>", where)
    open_tags.append(name)
    if len(open_tags) > DEEPEST:
        raise _fault(mjml, tag.start(), f"elements are nested deeper than {DEEPEST}", where)


def harden(mjml: str) -> str:
    """The same document in the form that mrml 6.0.1 passes on unharmed.

    It writes attribute values in Rust's debug form, so that ZWNJ, emoji selectors, no-break spaces, combining marks
    and backslashes are corrupted, and a double quote inside single ones ends the attribute: all of them become
    character references in double quotes. It drops white space that begins with a newline, joining words: newlines
    become spaces. A padding of `0` without unit breaks its arithmetic: it becomes `0px`.
    """
    mjml = _TITLE.sub(lambda match: match[1] + _referenced(match[2]) + match[3], mjml)
    return "".join(_hardened(mjml))


def _hardened(mjml: str) -> Iterator[str]:
    end, words = 0, False
    for tag in _TAG.finditer(mjml):
        yield _spaced(mjml[end : tag.start()], words=words)
        name, attributes = tag["name"], tag["attributes"]
        if attributes and attributes.strip():
            yield f"<{name}{''.join(_quoted(name, found) for found in _ATTRIBUTE.finditer(attributes))}"
            yield "/>" if tag["empty"] else ">"
        else:
            yield tag[0]
        if name in HTML_INSIDE:
            words = not tag["close"] and not tag["empty"]
        end = tag.end()
    yield _spaced(mjml[end:], words=words)


def _spaced(text: str, *, words: bool) -> str:
    """Between words a newline is a space; between components mrml takes a space for a misplaced text."""
    return _BREAK.sub(" ", text) if words else text.strip()


def _quoted(element: str, attribute: re.Match[str]) -> str:
    value = next((attribute[form] for form in ("two", "one", "bare") if attribute[form] is not None), "")
    name = attribute["name"]
    if element.startswith("mj-") and "padding" in name:
        value = _ZERO.sub("0px", value)
    return f' {name}="{_referenced(value)}"'


def _referenced(value: str) -> str:
    return _FRAGILE.sub(lambda match: " " if match[0] in "\r\n\t" else f"&#x{ord(match[0]):x};", value)


def _blanked(jinja: re.Match[str]) -> str:
    """As long as before, so that positions stay; a name written by an expression can be told."""
    return re.sub("[^\n]", _WRITTEN if jinja[0].startswith("{{") else " ", jinja[0])


def _is_component(name: str | None) -> bool:
    return name is not None and (name.startswith("mj-") or name == "mjml")


def _check_tag(tag: re.Match[str], source: str, file: str) -> None:
    name = tag["name"]
    if name not in COMPONENTS:
        raise _fault(source, tag.start(), f"there is no component <{name}>", file, near=_near(name, COMPONENTS))
    if tag["close"]:
        return
    known = COMPONENTS[name]
    for attribute in _ATTRIBUTE.finditer(tag["attributes"]):
        if _WRITTEN not in attribute["name"] and attribute["name"] not in known:
            position = tag.start("attributes") + attribute.start()
            message = f"<{name}> has no attribute {attribute['name']}"
            raise _fault(source, position, message, file, near=_near(attribute["name"], known))


def _near(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def _fault(source: str, position: int, message: str, file: str, *, near: str | None = None) -> TemplateError:
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    return TemplateError(
        f"{file}, line {line}, column {column}: {message}",
        next_step=f"did you mean {near}?" if near else "docs/templates.md lists what a template may hold",
    )
