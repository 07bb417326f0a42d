"""Rendered MJML → what mrml is given: the components, without the words in them.

mrml lays components out. Words it only copies, and harms some. So they go round it: in their place stands a mark with
a number. That leaves a fifth of an issue to lay out, and the same fifth for the next language (render/convert.py).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import TemplateError
from digest.render.inner import mend
from digest.render.markup import ATTRIBUTE, REST, Wrong, fault, find_fault, name_of
from digest.render.put_right import minified
from digest.render.schema import HTML_INSIDE, STRUCTURE, TEXT_INSIDE

DEEPEST = 200  # mrml recurses: somewhere above 8,000 levels the process dies
LARGEST = 4_000_000  # characters

_PIECES = re.compile(rf"(<(?:!--.*?-->|mj-style\b[^>]*+(?<!/)>.*?</mj-style\s*+>|/?mj(?:-|ml\b){REST}))", re.DOTALL)
_COPIED = frozenset({"href", "src", "alt", "title", "lang"})  # attributes whose values mrml does nothing with
_FRAGILE = re.compile(r'[^\x20-\x7e]|[\\"]')
_UNQUOTED = re.compile(r'["\x00-\x1f\x7f-\x9f]')
_ZERO = re.compile(r"(?<![\d.])0(?![\d.a-z%])")


@dataclass(frozen=True, slots=True)
class Hardened:
    """Components for mrml. Where words belong stands `mark`, their number and a semicolon."""

    components: str
    words: tuple[str, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str  # empty for a comment
    start: str  # of what mrml gets
    words: tuple[tuple[str, str], ...] = ()  # each with what follows it
    opens: bool = False
    closes: bool = False
    opens_words: bool = False
    wrong: Wrong | None = None


def harden(mjml: str, *, file: str = "MJML") -> Hardened:
    """The document in the form that mrml 6.0.1 passes on unharmed.

    It writes attribute values in Rust's debug form, so that ZWNJ, emoji selectors, no-break spaces, combining marks
    and backslashes are corrupted, and a double quote inside single ones ends the attribute: addresses and alt texts go
    round it, other values become ASCII in double quotes. It drops white space that begins with a newline, joining
    words, and panics at some stray `>`: words go round it. A padding of `0` without unit breaks its arithmetic: it
    becomes `0px`.

    Raises:
        TemplateError: elements are unknown, don't close, are nested beyond reason or stand in words; line and column
            are those of the rendered document.
    """
    if len(mjml) > LARGEST:
        raise TemplateError(f"{file}: the rendered MJML has {len(mjml):,} characters", next_step="limit the posts")
    mark = "@~"
    while mark in mjml:
        mark += "~"
    pieces = _PIECES.split(mjml)  # text, tag, text, …
    words = list[str]()
    try:
        done = "".join(_taken_apart(pieces, words, mark))
    except _Found as found:
        position = sum(map(len, pieces[: found.piece])) + found.wrong.at
        said = f"{found.wrong.said}, near {_excerpt(mjml, position)}"
        raise fault(mjml, position, said, found.wrong.near, file=f"{file} as rendered") from None
    return Hardened(done, tuple(words), mark)


def _excerpt(mjml: str, position: int) -> str:
    """What stands there: lines of a rendered document are nobody's, but words can be searched for in the templates."""
    start = max(mjml.rfind("\n", 0, position) + 1, position - 30)
    return repr(mjml[start : position + 40].split("\n", maxsplit=1)[0])


class _Found(Exception):
    """Something wrong in the piece of this number."""

    def __init__(self, piece: int, wrong: Wrong) -> None:
        super().__init__(piece, wrong)
        self.piece, self.wrong = piece, wrong


def _taken_apart(pieces: list[str], words: list[str], mark: str) -> list[str]:
    """The components' tags, with marks in them; what is marked goes into `words`."""
    done, open_tags = [pieces[0].strip()], list[str]()
    begun = 0  # the piece with which the words of an element begin; 0 outside of such
    for at in range(1, len(pieces), 2):
        tag = _read(pieces[at])
        if begun:
            if not tag.name:  # a comment
                continue
            if inner := _inner(pieces, begun, at, tag, open_tags[-1]):
                done.append(f"{mark}{len(words)};")
                words.append(inner)
            begun = 0
        if found := tag.wrong or _follow(tag, open_tags):
            raise _Found(at, found)
        done.append(tag.start)
        for value, after in tag.words:
            done.append(f"{mark}{len(words)};{after}")
            words.append(value)
        if tag.opens_words:
            begun = at + 1
        elif stray := pieces[at + 1].strip():
            done.append(_bare(stray, pieces[at + 1], open_tags[-1:], at + 1))
    if open_tags:
        raise _Found(len(pieces), Wrong(0, f"<{open_tags[-1]}> is never closed"))
    return done


def _inner(pieces: list[str], begun: int, at: int, tag: _Tag, inside: str) -> str:
    """The words that `tag` ends, checked."""
    if not tag.closes or tag.name != inside:
        wrong = f"is not closed before </{tag.name}>" if tag.closes else f"cannot hold <{tag.name}>"
        raise _Found(at, Wrong(0, f"<{inside}> {wrong}"))
    inner = pieces[begun] if at - begun == 1 else "".join(pieces[begun:at])
    if inside not in TEXT_INSIDE:
        found = mend(inner)
    else:
        stray = inner.find("<")
        found = _quotable(inner) if stray < 0 else Wrong(stray, f"only text can stand in <{inside}>")
    if isinstance(found, Wrong):
        raise _Found(begun, found)
    return found


def _bare(stray: str, text: str, inside: list[str], piece: int) -> str:
    """Words between components. Where these hold nothing but each other they are refused, elsewhere mrml decides."""
    if inside and inside[0] in STRUCTURE:
        found = re.match(r"</?[A-Za-z][\w:.-]*+", stray)
        said = f"{found[0]}> cannot stand in <{inside[0]}>" if found else f"words stand bare in <{inside[0]}>"
        raise _Found(piece, Wrong(text.index(stray), said, "mj-text" if found else None))
    return stray


@lru_cache(maxsize=4096)
def _read(raw: str) -> _Tag:
    """What there is to know of a tag. Most are there many times over, and again in the next language."""
    if raw.startswith("<!--"):
        return _Tag("", raw)
    name, end = name_of(raw), raw.index(">") + 1
    if name == "mj-style" and not raw.startswith("</"):  # with what is in it
        rules = raw[end : raw.rindex("</")]
        return _Tag("mj-style", raw[:end], ((minified(rules), "</mj-style>"),), wrong=find_fault(raw[:end]))
    if raw.startswith("</"):
        return _Tag(name, raw, closes=True, wrong=find_fault(raw))
    start, words = _hardened(raw, name)
    opens = not raw.endswith("/>")
    wordy = opens and (name in HTML_INSIDE or name in TEXT_INSIDE)
    return _Tag(name, start, words, opens=opens, opens_words=wordy, wrong=find_fault(raw))


def _hardened(raw: str, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The tag up to its first words, then those, each with what follows."""
    parts, words = [f"<{name}"], list[str]()
    for found in ATTRIBUTE.finditer(raw, len(name) + 1):
        value = next((found[form] for form in ("two", "one", "bare") if found[form] is not None), "")
        if found["name"] in _COPIED and value:
            parts[-1] += f' {found["name"]}="'
            words.append(_quotable(value))
            parts.append('"')
        else:
            parts[-1] += (
                f' {found["name"]}="{_in_ascii(_ZERO.sub("0px", value) if "padding" in found["name"] else value)}"'
            )
    parts[-1] += "/>" if raw.endswith("/>") else ">"
    return parts[0], tuple(zip(words, parts[1:], strict=True))


def _follow(tag: _Tag, open_tags: list[str]) -> Wrong | None:
    """Keep the list of what is open; what is wrong with the tag at this place, if anything is."""
    if tag.closes:
        if open_tags and open_tags.pop() == tag.name:
            return None
        return Wrong(0, f"</{tag.name}> closes nothing that is open")
    if tag.opens:
        open_tags.append(tag.name)
    return Wrong(0, f"elements are nested deeper than {DEEPEST}") if len(open_tags) > DEEPEST else None


def _in_ascii(value: str) -> str:
    return _FRAGILE.sub(_referenced, value)


def _quotable(value: str) -> str:
    return _UNQUOTED.sub(_referenced, value)


def _referenced(found: re.Match[str]) -> str:
    return " " if found[0] in "\r\n\t" else f"&#x{ord(found[0]):x};"
