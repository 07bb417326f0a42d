"""The HTML in mj-text and its like: it goes round mrml, into the mail as it is, so its tags must open and close here."""

import re
from functools import lru_cache

from digest.render.markup import TAG, Wrong
from digest.render.put_right import in_lines
from digest.render.schema import VOID

DEEPEST = 200  # levels; no mail needs them

# As our templates write tags; others are looked at one by one.
_PLAIN = re.compile(r'<(/?[a-z][a-z0-9]*+)(?: [a-z-]++="[^"]*+")*+>')
_TAGS = re.compile(rf"<!--.*?-->|{TAG}", re.DOTALL)
_NAME = re.compile(r"</?([A-Za-z][\w:.-]*+)")


_KEPT = 4096
"""Characters of words that are worth keeping: a post that is shown in full may be as long as a book."""


def mended(html: str) -> str | Wrong:
    """The same HTML in lines, or what is wrong with it. Kept for the next variant, which has many of the same words."""
    return _mended(html) if len(html) <= _KEPT else _mended.__wrapped__(html)


@lru_cache(maxsize=512)
def _mended(html: str) -> str | Wrong:
    found = mend(html)
    return found if isinstance(found, Wrong) else in_lines(found)


def mend(html: str) -> str | Wrong:
    """The same HTML, or what is wrong with it.

    An element that closes itself, as in XML, gets an end tag unless HTML knows it for an empty one: browsers take it for
    opened only.
    """
    if "<" in html:
        names = _PLAIN.findall(html)
        if html.count("<") != len(names) or not _close(" ".join(names)):
            return _followed(html)
    return html


@lru_cache(maxsize=512)
def _close(names: str) -> bool:
    """Whether such tags all close what is open, and nothing is left: paragraphs of a kind are alike."""
    open_tags: list[str] = []
    for name in names.split(" "):
        if name.startswith("/"):
            if not open_tags or open_tags.pop() != name[1:]:
                return False
        elif name not in VOID:
            open_tags.append(name)
            if len(open_tags) > DEEPEST:
                return False
    return not open_tags


def _followed(html: str) -> str | Wrong:
    """The HTML tag by tag."""
    done, open_tags, end = list[str](), list[tuple[str, int]](), 0
    for tag in _TAGS.finditer(html):
        between, start = html[end : tag.start()], tag.start()
        if "<" in between:
            break
        raw, end = tag[0], tag.end()
        wrong = None if raw.startswith("<!") else _follow(raw, start, open_tags)
        if wrong:
            return wrong
        done += [between, _opened(raw)]
    if (stray := html.find("<", end)) >= 0:
        return Wrong(stray, "a < that begins no tag is written &lt;")
    if open_tags:
        name, at = open_tags[-1]
        return Wrong(at, f"<{name}> is never closed")
    return "".join([*done, html[end:]])


def _follow(raw: str, at: int, open_tags: list[tuple[str, int]]) -> Wrong | None:
    """Keep the list of what is open, and where it opened; what is wrong with the tag, if anything is."""
    name = _name(raw)
    if raw.startswith("</"):
        if open_tags and open_tags[-1][0] == name:
            open_tags.pop()
            return None
        return Wrong(at, f"</{name}> closes nothing that is open")
    if name not in VOID and not raw.endswith("/>"):
        open_tags.append((name, at))
    return Wrong(at, f"elements are nested deeper than {DEEPEST}") if len(open_tags) > DEEPEST else None


def _opened(raw: str) -> str:
    if not raw.endswith("/>") or (name := _name(raw)) in VOID:
        return raw
    return f"{raw[:-2].rstrip()}></{name}>"


def _name(raw: str) -> str:
    found = _NAME.match(raw)
    return found[1].lower() if found else ""
