"""Rendered MJML → the form that mrml passes on unharmed. One scan checks and mends it.

Most tags of an issue are there many times over, and again in the next language: what is found of a tag is kept.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import TemplateError
from digest.render.markup import ATTRIBUTE, STYLE, TAG, Wrong, fault, find_fault, is_component, name_of
from digest.render.schema import HTML_INSIDE, STRUCTURE, VOID

DEEPEST = 200  # mrml recurses: somewhere above 8,000 levels the process dies
LARGEST = 4_000_000  # characters

_PIECES = re.compile(rf"(<!--.*?-->|{STYLE}|{TAG})", re.DOTALL)
_FRAGILE = re.compile(r'[^\x20-\x7e]|[\\"]')
_BREAK = re.compile(r"[ \t]*\n\s*")
_ZERO = re.compile(r"(?<![\d.])0(?![\d.a-z%])")


def harden(mjml: str, *, file: str = "MJML") -> str:
    """The same document in the form that mrml 6.0.1 passes on unharmed.

    It writes attribute values in Rust's debug form, so that ZWNJ, emoji selectors, no-break spaces, combining marks
    and backslashes are corrupted, and a double quote inside single ones ends the attribute: all of them become
    character references in double quotes. It drops white space that begins with a newline, joining words: newlines
    become spaces. It panics at some stray `>`, which becomes a reference. A padding of `0` without unit breaks its
    arithmetic: it becomes `0px`.

    Raises:
        TemplateError: elements are unknown, don't close, are nested beyond reason or stand in words; line and column
            are those of the rendered document.
    """
    where = file + " as rendered"
    if len(mjml) > LARGEST:
        raise TemplateError(f"{file}: the rendered MJML has {len(mjml):,} characters", next_step="limit the posts")
    pieces = _PIECES.split(mjml)  # text, tag, text, …
    done, open_tags, words = [pieces[0].strip()], list[str](), False
    for at, (piece, text) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
        tag = _read(piece)
        if tag.moves and (wrong := _follow(tag, open_tags, words=words)):
            raise fault(mjml, _before(pieces, 2 * at + 1) + wrong.at, wrong.said, wrong.near, file=where)
        if tag.turns_words:
            words = tag.opens_words
        done.append(tag.hardened)
        if not text:
            continue
        if not words or "\n" in text or ">" in text:
            inside = open_tags[-1] if open_tags else ""
            if inside in STRUCTURE and (stray := text.strip()):
                position = _before(pieces, 2 * at + 2) + text.index(stray)
                raise fault(mjml, position, f"words stand bare in <{inside}>", file=where)
            text = _spaced(text, words=words, inside=inside)  # noqa: PLW2901
        done.append(text)
    if open_tags:
        raise fault(mjml, len(mjml), f"<{open_tags[-1]}> is never closed", file=where)
    return "".join(done)


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str  # in lower case; empty for a comment
    hardened: str
    component: bool
    moves: bool  # something opens or closes, or is wrong
    closes: bool
    turns_words: bool  # what follows is words, or no longer
    opens_words: bool
    wrong: Wrong | None


@lru_cache(maxsize=4096)
def _read(raw: str) -> _Tag:
    if raw.startswith("<!--"):
        return _alone("", raw, None)
    name = name_of(raw)
    if name == "mj-style":  # with what is in it
        return _alone(name, raw, find_fault(raw[: raw.index(">") + 1]))
    closes, empty = raw.startswith("</"), raw.endswith("/>")
    words, wrong = name in HTML_INSIDE, find_fault(raw)
    return _Tag(
        name=name.lower(),
        hardened=raw if closes else _hardened(raw, name, empty=empty),
        component=is_component(name),
        moves=wrong is not None or (name.lower() not in VOID and not empty),
        closes=closes,
        turns_words=words,
        opens_words=words and not closes and not empty,
        wrong=wrong,
    )


def _alone(name: str, raw: str, wrong: Wrong | None) -> _Tag:
    moves = wrong is not None
    return _Tag(
        name, raw, component=False, moves=moves, closes=False, turns_words=False, opens_words=False, wrong=wrong
    )


def _hardened(raw: str, name: str, *, empty: bool) -> str:
    attributes = "".join(_quoted(name, found) for found in ATTRIBUTE.finditer(raw, len(name) + 1))
    return f"<{name}{attributes}{'/>' if empty else '>'}" if attributes else raw


def _follow(tag: _Tag, open_tags: list[str], *, words: bool) -> Wrong | None:
    """Keep the list of what is open; what is wrong with the tag at this place, if anything is."""
    name = tag.name
    if tag.wrong:
        return tag.wrong
    if tag.closes:
        return None if open_tags and open_tags.pop() == name else Wrong(0, f"</{name}> closes nothing that is open")
    if words and tag.component:
        return Wrong(0, f"<{name}> cannot stand in <{open_tags[-1]}>")
    open_tags.append(name)
    return Wrong(0, f"elements are nested deeper than {DEEPEST}") if len(open_tags) > DEEPEST else None


def _spaced(text: str, *, words: bool, inside: str) -> str:
    """Between words a newline is a space; between components mrml takes a space for a misplaced text."""
    if inside == "mj-title":
        return _referenced(text)
    if not words:
        return text.strip()
    if ">" in text and inside not in {"style", "script"}:
        text = text.replace(">", "&gt;")
    return _BREAK.sub(" ", text) if "\n" in text else text


def _quoted(element: str, attribute: re.Match[str]) -> str:
    value = next((attribute[form] for form in ("two", "one", "bare") if attribute[form] is not None), "")
    name = attribute["name"]
    if element.startswith("mj-") and "padding" in name:
        value = _ZERO.sub("0px", value)
    return f' {name}="{_referenced(value)}"'


def _referenced(value: str) -> str:
    return _FRAGILE.sub(lambda match: " " if match[0] in "\r\n\t" else f"&#x{ord(match[0]):x};", value)


def _before(pieces: list[str], at: int) -> int:
    return sum(map(len, pieces[:at]))
