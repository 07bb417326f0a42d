"""A component's tag as mrml is given it: what is copied goes round it, the rest in ASCII."""

import re
from functools import lru_cache
from typing import NamedTuple

from digest.render.markup import ATTRIBUTE, Wrong, find_fault, name_of
from digest.render.pieces import Builder, Piece
from digest.render.put_right import in_lines, minified
from digest.render.schema import COMPONENTS, HTML_INSIDE, TEXT_INSIDE

_COPIED = frozenset({"href", "src", "alt", "title", "lang"})  # attributes whose values mrml does nothing with
_FRAGILE = re.compile(r'[^\x20-\x7e]|[\\"]')
_UNQUOTED = re.compile(r'["\x00-\x1f\x7f-\x9f]')
_ZERO = re.compile(r"(?<![\d.])0(?![\d.a-z%])")


class Tag(NamedTuple):
    """What there is to know of a tag."""

    name: str  # empty for a comment
    start: str  # of what mrml gets
    words: tuple[tuple[str, str], ...] = ()  # each with what follows it
    opens: bool = False
    closes: bool = False
    opens_words: bool = False
    wrong: Wrong | None = None
    end: str = ""  # the tag that closes it
    line: Piece | None = None  # the element by itself; the words in it are yet to come


@lru_cache(maxsize=4096)
def read_tag(raw: str, mark: str) -> Tag:
    """The tag of this source. Most are there many times over, and again in the next language."""
    if raw.startswith("<!--"):
        return Tag("", raw)
    name, end = name_of(raw), raw.index(">") + 1
    if name == "mj-style" and not raw.startswith("</"):  # with what is in it
        rules = raw[end : raw.rindex("</")]
        return Tag("mj-style", raw[:end], ((minified(rules), "</mj-style>"),), wrong=find_fault(raw[:end]))
    if raw.startswith("</"):
        return Tag(name, raw, closes=True, wrong=find_fault(raw))
    opens = not raw.endswith("/>")
    start, words, is_known = _hardened(raw, name, ">" if opens else "/>")
    wordy = opens and (name in HTML_INSIDE or name in TEXT_INSIDE)
    closing = f"</{name}>"
    line = _line(start, words, closing if wordy else "", mark) if is_known and (wordy or not opens) else None
    wrong = None if is_known else find_fault(raw)
    return Tag(name, start, words, opens, False, wordy, wrong, closing, line)  # noqa: FBT003 - it does not close


def _line(start: str, words: tuple[tuple[str, str], ...], closing: str, mark: str) -> Piece:
    builder = Builder(mark, 0)
    builder.write(start, words)
    if closing:
        builder.write(f"{mark}{len(words)};{closing}")
    return builder.made()


def _hardened(raw: str, name: str, end: str) -> tuple[str, tuple[tuple[str, str], ...], bool]:
    """The tag up to its first words, then those, each with what follows; whether MJML knows it and all it has."""
    parts, words, known = [f"<{name}"], list[str](), COMPONENTS.get(name, frozenset())
    is_known = name in COMPONENTS
    for attribute, two, one, bare in ATTRIBUTE.findall(raw, len(name) + 1):
        value = two or one or bare
        is_known = is_known and attribute in known
        if attribute in _COPIED and value:
            parts[-1] += f' {attribute}="'
            words.append(in_lines(quotable(value)))
            parts.append('"')
        else:
            parts[-1] += f' {attribute}="{_in_ascii(_ZERO.sub("0px", value) if "padding" in attribute else value)}"'
    parts[-1] += end
    return parts[0], tuple(zip(words, parts[1:], strict=True)), is_known


def _in_ascii(value: str) -> str:
    return _FRAGILE.sub(_referenced, value)


def quotable(value: str) -> str:
    """As it can stand between double quotes."""
    return _UNQUOTED.sub(_referenced, value)


def _referenced(found: re.Match[str]) -> str:
    return " " if found[0] in "\r\n\t" else f"&#x{ord(found[0]):x};"
