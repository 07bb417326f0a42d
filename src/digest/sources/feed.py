"""A document from the web or a disk → a Feed.

body ─▶ unpack ─▶ sniff ─▶ xmlfeed (RSS, RDF, Atom, Blogger's exports)
                  ├▶ jsonfeed
                  └▶ page (a saved Blogger page; any other page is no feed)
"""

import re
import zlib

from digest.core.model import Feed
from digest.errors import NotAFeed
from digest.sources.discover import find_feeds
from digest.sources.jsonfeed import read_json
from digest.sources.links import is_web
from digest.sources.page import read_page
from digest.sources.sniff import Shape, as_utf8, sniff
from digest.sources.xmlfeed import read_xml

LIMIT = 5 * 1024 * 1024
"""Bytes of a feed (F7)."""
EXPORT_LIMIT = 64 * 1024 * 1024
"""Bytes of a Blogger backup or Takeout file, which holds a whole blog; the admin's own, never from the web."""


def parse_feed(body: bytes, *, url: str, content_type: str | None = None, zone: str = "UTC") -> Feed:
    """Read a feed of any kind; `zone` is for dates that state none. Pure, but slow on hostile input: see workshop.

    A saved Blogger page is read where `url` is no web address; a page on the web has a feed that is better.

    Raises:
        NotAFeed: the document is no feed; says what it is, and which feeds a web page announces.
    """
    body = _unpacked(body, limit=LIMIT if is_web(url) else EXPORT_LIMIT)
    _check_size(body, url)
    charset = _charset(content_type)
    body = as_utf8(body, charset)
    match sniff(body):
        case Shape.XML:
            return read_xml(body, url=url, charset=charset, zone=zone)
        case Shape.JSON:
            return read_json(body, url=url, zone=zone)
        case Shape.HTML:
            return _read_html(body, url=url, zone=zone)
        case Shape.EMPTY:
            raise NotAFeed(f"{url} is empty", next_step="try again later, or check the address")
        case _ if body.startswith(b"PK\x03\x04"):
            raise NotAFeed(f"{url} is a zip archive, not a feed", next_step="unpack it and give the file inside it")
        case _:
            raise NotAFeed(f"{url} is neither a feed nor a web page", next_step="check the address")


def _unpacked(body: bytes, *, limit: int) -> bytes:
    """The document in a gzip file, at most one byte more than the limit; a damaged file stays as it is."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        return reader.decompress(body, limit + 1)
    except zlib.error:
        return body


def _check_size(body: bytes, url: str) -> None:
    is_export = b"schemas.google.com/blogger/" in body[:20_000] and not is_web(url)
    limit = EXPORT_LIMIT if is_export else LIMIT
    if len(body) > limit:
        raise NotAFeed(
            f"{url} is larger than {limit // (1024 * 1024)} MiB",
            next_step="ask its owner for a feed with fewer posts",
        )


def _charset(content_type: str | None) -> str | None:
    match = re.search(r"charset\s*=\s*[\"']?([\w.:-]{2,30})", content_type or "", re.IGNORECASE)
    return match[1] if match else None


def _read_html(body: bytes, *, url: str, zone: str) -> Feed:
    feed = None if is_web(url) else read_page(body, url=url, zone=zone)
    if feed is not None:
        return feed
    announced = [candidate.url for candidate in find_feeds(body, url=url)]
    step = f"use the feed that it announces: {announced[0]}" if announced else "give the address of its feed"
    raise NotAFeed(f"{url} is a web page, not a feed", next_step=step)
