"""What is done to strangers' text before anything reads it: controls out, depth capped, tags by allow-list.

The depth cap comes first, on the characters themselves: HTML parsers take quadratic time on a hundred thousand open
elements (585 KB are enough), so such a body must never reach one.
"""

import html
import re

import nh3

from digest.sources.links import resolve


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


DEPTH = 64
BODY_LIMIT = 1_000_000
"""Characters of one body that are read; the rest is cut."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|<[A-Za-z/!?][^<>]*>?")
_OPENING = re.compile(r"<[A-Za-z]")
# Void, or closed by their next sibling: they do not nest by themselves, and old blogs never close them.
FLAT = words(
    "area base br col embed hr img input link meta param source track wbr p li dd dt tr td th thead tbody tfoot option"
    " optgroup colgroup caption rp rt"
)
_TAGS = words(
    "a abbr b blockquote br caption cite code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd"
    " li mark ol p pre q s samp small span strong sub sup table tbody td tfoot th thead tr u ul var"
)
_ATTRIBUTES = {
    "*": {"lang", "dir"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
}
_DROPPED_WHOLE = words(
    "script style iframe object embed form select textarea button noscript template svg math title head audio video"
    " canvas noembed noframes xmp plaintext"
)
_MOST_ATTRIBUTES = 60
_QUOTED = re.compile("\"[^\"]*\"|'[^']*'")


def strip_controls(text: str) -> str:
    """The text without control characters, lone surrogates and non-characters; tabs and line ends stay."""
    return text if text.isprintable() else _CONTROLS.sub("", text)  # none of them is printable


def collapse(text: str) -> str:
    """The text on one line, each run of white space one space."""
    return " ".join(strip_controls(text).split())


def tame(markup: str) -> str:
    """Markup that any HTML parser reads in linear time: no controls, bounded length, depth and attributes."""
    markup = strip_controls(markup[:BODY_LIMIT])
    if len(_OPENING.findall(markup)) <= DEPTH and len(markup) < 100_000:
        return markup
    return _cap_depth(markup)


def clean_html(markup: str, *bases: str | None) -> str:
    """Tamed markup by the allow-list, every address absolute; scripts, frames, forms and styles go with their content."""

    def absolute(tag: str, attribute: str, value: str) -> str | None:
        if attribute in {"href", "src"}:
            return value if value.startswith("mailto:") and tag == "a" else resolve(value, *bases)
        return value

    return nh3.clean(
        markup,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WHOLE),
        attributes=_ATTRIBUTES,
        attribute_filter=absolute,
        url_schemes={"http", "https", "mailto"},
    )


def text_to_html(text: str) -> str:
    """Plain text as markup: empty lines part paragraphs."""
    return "<br><br>".join(html.escape(part) for part in re.split(r"\n\s*\n", text))


def _cap_depth(markup: str) -> str:
    """Drop tags beyond the cap, open and close alike; their text stays."""
    out: list[str] = []
    depth = at = 0
    for tag in _TAG.finditer(markup):
        out.append(markup[at : tag.start()])
        at = tag.end()
        slash, name, attributes = tag.groups()
        if name is None or name.lower() in FLAT:
            keep = True
        elif slash:
            keep = 0 < depth <= DEPTH
            depth = max(depth - 1, 0)
        else:
            depth += not attributes.endswith("/")
            keep = depth <= DEPTH
        if keep and not _is_flooded(tag.group()):
            out.append(tag.group())
    out.append(markup[at:])
    return "".join(out)


def _is_flooded(tag: str) -> bool:
    """Whether a tag has so many attributes that looking for repeated ones takes long."""
    return len(tag) > 1_000 and len(_QUOTED.sub("", tag).split(None, _MOST_ATTRIBUTES)) > _MOST_ATTRIBUTES
