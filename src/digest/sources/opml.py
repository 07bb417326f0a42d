"""Lists of feeds as OPML: read whatever readers export, write version 2.0 (opml.org/spec2.opml)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from lxml import etree

from digest.errors import NotAFeed
from digest.sources.clean import collapse
from digest.sources.sniff import as_utf8

LIMIT = 10 * 1024 * 1024
MOST_OUTLINES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A feed of the list; folders around it are its tags, outermost first."""

    url: str
    title: str
    home: str | None = None
    tags: tuple[str, ...] = ()


def read_opml(body: bytes) -> tuple[Outline, ...]:
    """The feeds of a list, each address once. Broken XML is read as far as it goes; entities are never resolved.

    Raises:
        NotAFeed: it is no OPML.
    """
    root = _root(body)
    if root is None or _name(root) != "opml":
        raise NotAFeed("this is no OPML file", next_step="export the list of feeds as OPML and give that file")
    found: dict[str, Outline] = {}
    for outline in _walk(root):
        found.setdefault(outline.url, outline)
        if len(found) >= MOST_OUTLINES:
            break
    return tuple(found.values())


def write_opml(outlines: Iterable[Outline], *, title: str, now: datetime) -> bytes:
    """OPML 2.0, UTF-8; feeds stand in a folder for each chain of tags."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = collapse(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], Any] = {(): body}
    for outline in outlines:
        parent = _folder(folders, outline.tags)
        attributes = {"type": "rss", "text": outline.title, "title": outline.title, "xmlUrl": outline.url}
        if outline.home:
            attributes["htmlUrl"] = outline.home
        etree.SubElement(parent, "outline", {name: collapse(value) for name, value in attributes.items()})
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _root(body: bytes) -> Any:
    if len(body) > LIMIT:
        raise NotAFeed(f"this list is larger than {LIMIT // (1024 * 1024)} MiB", next_step="split it")
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(as_utf8(body), parser)
    except (etree.LxmlError, ValueError):
        return None


def _walk(root: Any) -> Iterator[Outline]:
    """Outlines with an address, with the folders around them; no recursion, so depth does no harm."""
    for element in root.iter():
        if _name(element) != "outline":
            continue
        attributes = _attributes(element)
        url = attributes.get("xmlurl", "").strip()
        if url:
            title = collapse(attributes.get("title") or attributes.get("text") or "") or url
            home = attributes.get("htmlurl", "").strip() or None
            yield Outline(url=url, title=title, home=home, tags=_tags(element))


def _tags(element: Any) -> tuple[str, ...]:
    tags: list[str] = []
    for parent in element.iterancestors():
        if _name(parent) == "outline" and len(tags) < 8:
            attributes = _attributes(parent)
            tags.append(collapse(attributes.get("title") or attributes.get("text") or ""))
    return tuple(filter(None, reversed(tags)))


def _name(element: Any) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _attributes(element: Any) -> dict[str, str]:
    """Readers do not agree on the case of xmlUrl."""
    return {str(name).lower(): str(value) for name, value in element.attrib.items()}


def _folder(folders: dict[tuple[str, ...], Any], tags: tuple[str, ...]) -> Any:
    tags = tuple(filter(None, map(collapse, tags)))
    if tags not in folders:
        parent = _folder(folders, tags[:-1])
        folders[tags] = etree.SubElement(parent, "outline", {"text": tags[-1], "title": tags[-1]})
    return folders[tags]
