"""XML made safe and readable before a parser sees it: no entity bombs, bounded depth, declared prefixes and names."""

import re
from html.entities import html5
from itertools import count

from digest.errors import NotAFeed
from digest.sources.clean import FLAT
from digest.sources.sniff import FEED_START

DEEPEST = 200
_MOST_UNCLOSED = 20_000
_MOST_PREFIXES = 100
_LONGEST_ENTITY = 64
_MOST_ENTITIES = 300
_MOST_REPAIRS = 50_000
_MOST_ATTRIBUTES = 1_000

_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[<>]*(\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY\s+([\w.-]+)\s+(?:\"([^\"&%<]*)\"|'([^'&%<]*)')\s*>")
_OPAQUE = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)
_REFERENCE = re.compile(
    rb"(?P<opaque><!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))"
    rb"|(?P<open></?)(?:(?![A-Za-z_:/!?\x80-\xff])|(?![!?])(?=[^<>]*(?:<|\Z)))"
    rb"|&(?!(?:amp|lt|gt|quot|apos);)(?:#(?P<number>[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});|(?P<name>[A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)
_TAG = re.compile(rb"<(/?)([A-Za-z_][\w.:-]*)([^<>]*)>")
_PREFIX = re.compile(rb"<([A-Za-z_][\w.-]*):[A-Za-z_]")
_DECLARED = re.compile(rb"xmlns:([\w.-]+)\s*=")
_ITEM_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>")
_ROOT = re.compile(rb"<[A-Za-z_][\w.:-]*")
_NAMESPACES = {
    b"atom": b"http://www.w3.org/2005/Atom",
    b"a10": b"http://www.w3.org/2005/Atom",
    b"content": b"http://purl.org/rss/1.0/modules/content/",
    b"dc": b"http://purl.org/dc/elements/1.1/",
    b"dcterms": b"http://purl.org/dc/terms/",
    b"feedburner": b"http://rssnamespace.org/feedburner/ext/1.0",
    b"itunes": b"http://www.itunes.com/dtds/podcast-1.0.dtd",
    b"media": b"http://search.yahoo.com/mrss/",
    b"rdf": b"http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    b"slash": b"http://purl.org/rss/1.0/modules/slash/",
    b"sy": b"http://purl.org/rss/1.0/modules/syndication/",
    b"thr": b"http://purl.org/syndication/thread/1.0",
    b"wfw": b"http://wellformedweb.org/CommentAPI/",
}


def prepare(body: bytes, *, url: str, most: int) -> bytes:
    """The document with harmless entities only, from its start to its `most`-th item, its prefixes declared.

    Raises:
        NotAFeed: it is nested deeper, or broken in more places, than any feed.
    """
    start = None if body.startswith((b"<?xml", b"<!")) else FEED_START.search(body)
    body = _first_items(body[start.start() :] if start else body, most)
    body = _spelt_out(*_plain_entities(body), url=url)
    bare = _OPAQUE.sub(b"", body)
    if problem := _flood(bare):
        raise _harmful(f"{url} {problem}")
    if len(set(_PREFIX.findall(bare))) > _MOST_PREFIXES:
        raise _harmful(f"{url} uses more than {_MOST_PREFIXES} namespaces; no feed does")
    return _declare_prefixes(body, bare)


def count_items(body: bytes) -> int:
    """How many items the document seems to have."""
    return len(re.findall(rb"<(?:\w+:)?(?:item|entry)[\s>]", _OPAQUE.sub(b"", body)))


def _harmful(message: str) -> NotAFeed:
    return NotAFeed(message, next_step="check the address: this document looks made to do harm")


def _first_items(body: bytes, most: int) -> bytes:
    """Cut behind so many items: tens of thousands would keep a parser busy for minutes."""
    for number, end in enumerate(_ITEM_END.finditer(body), start=1):
        if number == most:
            closing = b"</feed>" if b"entry" in end.group() else b"</channel></rss>"
            return body[: end.end()] + closing
    return body


def _plain_entities(body: bytes) -> tuple[bytes, frozenset[bytes]]:
    """Keep the entities that stand for a few plain characters; expansion is then bounded by the document's size.

    Their names come with the document.
    """
    doctype = _DOCTYPE.search(body[:200_000])
    if doctype is None:
        return body, frozenset()
    found = _ENTITY.findall(doctype[1] or b"")[:_MOST_ENTITIES]
    kept = {name: one or two for name, one, two in reversed(found) if len(one or two) <= _LONGEST_ENTITY}
    declared = b"".join(b'\n<!ENTITY %s "%s">' % (name, value.replace(b'"', b"&#34;")) for name, value in kept.items())
    subset = b"<!DOCTYPE feed [%s\n]>" % declared if kept else b""
    return body[: doctype.start()] + subset + body[doctype.end() :], frozenset(kept)


def _spelt_out(body: bytes, declared: frozenset[bytes], *, url: str) -> bytes:
    """The document with HTML's named characters as numbers; `&` and `<` as such where they begin no reference and no tag.

    These break XML and are common; a parser that has to guess reads `?a=1&copy=2` as `?a=1©=2`, and `R&D` as `R&D;`.

    Raises:
        NotAFeed: there are tens of thousands of them.
    """
    repairs = count(1)

    def spell(found: re.Match[bytes]) -> bytes:
        opaque, number, name = found.group("opaque", "number", "name")
        if opaque is not None or name in declared:
            return found.group()
        if number is not None:
            return _number(number.lower())
        if next(repairs) > _MOST_REPAIRS:
            raise _harmful(f"{url} is broken in more than {_MOST_REPAIRS:,} places; no feed is")
        if found["open"] is not None:
            return b"&lt;" if found["open"] == b"<" else found.group()  # a closing tag cut short still closes
        characters = html5.get(name.decode() + ";") if name else None
        if characters is None:
            return b"&amp;" + found.group()[1:]
        return b"".join(b"&#%d;" % ord(one) for one in characters)

    if b"\x1b" in body:  # ISO-2022, where & may be half a character
        return body
    return _REFERENCE.sub(spell, body)


def _number(digits: bytes) -> bytes:
    """A numeric reference; 128 to 159 are meant as Windows-1252 (HTML, section 13.2.5.80), controls as nothing."""
    code = int(digits[1:], 16) if digits.startswith(b"x") else int(digits)
    if 0x80 <= code <= 0x9F:
        code = ord(bytes([code]).decode("cp1252", "replace"))
    is_text = code in {0x09, 0x0A, 0x0D} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
    return b"&#%d;" % code if is_text and code <= 0x10FFFF else b""


def _flood(bare: bytes) -> str | None:
    """What no feed has: elements nested too deep, tags closed that nobody opened. Closing closes what is open inside.

    What HTML authors leave open (`<p>`, `<br>`) is counted apart and may be plentiful.
    """
    open_tags: list[bytes] = []
    flat = strays = 0
    for slash, name, attributes in _TAG.findall(bare):
        if name.lower().decode("ascii", "replace") in FLAT:
            flat += -1 if slash else not attributes.endswith(b"/")
        elif slash:
            strays += name not in open_tags
            while name in open_tags and open_tags.pop() != name:
                pass
        elif not attributes.endswith(b"/"):
            open_tags.append(name)
        if len(open_tags) > DEEPEST or flat > _MOST_UNCLOSED:
            return f"is nested more than {DEEPEST} elements deep; no feed is"
        if max(strays, -flat) > _MOST_UNCLOSED:
            return f"closes more than {_MOST_UNCLOSED:,} elements that were never opened; no feed does"
        if len(attributes) > _MOST_ATTRIBUTES and attributes.count(b"=") > _MOST_ATTRIBUTES:
            return f"has an element with more than {_MOST_ATTRIBUTES:,} attributes; no feed has"
    return None


def _declare_prefixes(body: bytes, bare: bytes) -> bytes:
    """Give every undeclared prefix a namespace: its usual one, else one of our own."""
    used = set(_PREFIX.findall(bare)) - {b"xml", b"xmlns"}
    missing = sorted(used - set(_DECLARED.findall(bare)))
    root = _ROOT.search(body)
    if not missing or root is None:
        return body
    names = b"".join(b' xmlns:%s="%s"' % (one, _NAMESPACES.get(one, b"urn:undeclared:" + one)) for one in missing)
    return body[: root.end()] + names + body[root.end() :]
