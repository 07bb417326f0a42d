"""What comes from outside, made harmless before a template sees it: text, links, the editor's HTML.

Escaping is the templates' (autoescape); here goes what escaping does not cover: characters that no renderer can
show, links that no reader should follow, and forged merge fields.
"""

import re
from urllib.parse import quote, urlsplit

import nh3

MOST_LINK_CHARACTERS = 2_000  # longer ones are broken by mail clients
DEEPEST = 64  # nested elements in the editor's note; mrml's recursion kills the process somewhere above 8,000

# C0 and C1 controls, lone surrogates, noncharacters, byte order mark, interlinear marks, and the bidirectional
# embeddings, overrides and isolates (UAX 9), which reach out of the text that holds them. ZWJ, ZWNJ, variation
# selectors, LRM and RLM stay: emoji, Persian and Arabic need them.
_UNSHOWN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufeff\ufff9-\ufffb"
    "\u202a-\u202e\u2066-\u2069]"
)
# Marks that stand over and under any letter; languages write three at most, and a tower of them covers the lines around it.
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_TOWER = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
_BREAKS = re.compile("\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile("[ \t\n\x1f]+")  # not NBSP: it is there on purpose
_INVISIBLE = re.compile(
    r"[\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2064\u3164\ufe00-\ufe0f\uffa0]+"
)
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
# What most links are, and what comes of them below.
_PLAIN_LINK = re.compile(
    r"https?://[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*(?:/(?!/)(?:[A-Za-z0-9/:?@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})*(?<!\?))?"
)
_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")

_HEADING = re.compile(r"<(/?)h[1-6]\b[^<>]*>")
_NOTE_TAGS = {"a", "b", "blockquote", "br", "code", "em", "i", "li", "ol", "p", "strong", "sub", "sup", "ul"}


def clean_text(text: str, *, key: str = "") -> str:
    """Text with plain newlines, without controls, and without the issue's merge `key`."""
    if not (text.isascii() and text.isprintable()):
        text = _TOWER.sub(r"\1", _UNSHOWN.sub("", _BREAKS.sub("\n", text)))
    while key and key in text:  # removing one may join another
        text = text.replace(key, "")
    return text


def clean_line(text: str | None, *, key: str = "") -> str:
    """Text on one line, outer white space gone; empty where nothing in it can be seen."""
    line = _SPACES.sub(" ", clean_text(text or "", key=key)).strip(" ")
    return "" if not line.isascii() and _INVISIBLE.fullmatch(line) else line


def clean_link(url: str | None, *, key: str = "") -> str | None:
    """The link in ASCII if a reader may follow it: http, https or mailto; None otherwise.

    No user names in it (they disguise the host), a host that IDNA can write, and every character that RFC 3986
    does not know percent-encoded.
    """
    text = clean_line(url, key=key)
    if _PLAIN_LINK.fullmatch(text) and len(text) <= MOST_LINK_CHARACTERS:
        return text
    try:
        parts = urlsplit(text)
        _ = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # a broken port or bracket; a host that IDNA refuses
        return None
    if len(text) > MOST_LINK_CHARACTERS:
        return None
    if parts.scheme == "mailto" and "@" in parts.path:
        return "mailto:" + _encoded(text.partition(":")[2])
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    rest = parts._replace(scheme="", netloc="").geturl()
    return f"{parts.scheme}://{host}{port}{_encoded(rest)}"


def clean_note(html: str, *, key: str = "") -> str:
    """The editor's HTML by an allow-list, on one line; empty where it is nested beyond reason.

    The note has a heading of its own, so that headings in it are bold lines.
    """
    lines = _HEADING.sub(lambda tag: "</strong></p>" if tag[1] else "<p><strong>", clean_text(html, key=key))
    clean = nh3.clean(
        lines,
        tags=_NOTE_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    return "" if _depth(clean) > DEEPEST else _SPACES.sub(" ", clean).strip(" ")


def _encoded(rest: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", rest), safe="%/:?#[]@!$&'()*+,;=-._~")


def _depth(html: str) -> int:
    deepest = depth = 0
    for closing, name in _TAG.findall(html):
        if name != "br":
            depth += -1 if closing else 1
        deepest = max(deepest, depth)
    return deepest
