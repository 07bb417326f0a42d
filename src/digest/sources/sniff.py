"""What a document is, by its first bytes; the declared content type is a hint that is often wrong (F14)."""

import codecs
import re
from enum import StrEnum

_BOMS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16"}
_BOMS |= {codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}
_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[]*(?:\[.*?\]\s*)?>)+", re.DOTALL | re.IGNORECASE)
_ELEMENT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
FEED_START = re.compile(rb"<\?xml|<(?:rss|rdf:RDF|(?:\w+:)?feed)[\s>]")
# A feed that its server wrapped in a page; pages that talk about feeds write &lt;feed.
_FEED_INSIDE = re.compile(rb"<feed\s[^<>]*http://www\.w3\.org/2005/Atom|<rss\s[^<>]*version=")
_FEED_ROOTS = {b"rss", b"feed", b"rdf", b"channel", b"entry"}
_LOOK = 65_536
_DECLARATION = re.compile(rb"<\?xml[^<>]{0,80}?\sencoding\s*=\s*[\"']([\w.:-]{2,30})[\"']")
# What authors' programs write under a label is the larger set (WHATWG Encoding, section 4.2).
_LARGER = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "x-x-big5"), "big5hkscs"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "windows-949"), "cp949"),
    **dict.fromkeys(("euc-jp", "x-euc-jp"), "euc_jp"),
}
_WIDE = re.compile("[\u0080-\ufffc\U00010000-\U0010ffff]+")
_BROKEN_SHARE = 20
"""At least so many good characters for each broken one, or the label is not believed."""


class Shape(StrEnum):
    """The kinds of document that are told apart."""

    EMPTY = "empty"
    JSON = "json"
    XML = "xml"
    HTML = "html"
    OTHER = "other"


def sniff(body: bytes) -> Shape:
    """The document's shape; a feed behind a server's warnings is still a feed."""
    if not body.strip(b" \t\r\n\0"):
        return Shape.EMPTY
    if body[:1] in b"{[":
        return Shape.JSON
    name = root_name(body)
    head = body[:_LOOK]
    if name in _FEED_ROOTS or _FEED_INSIDE.search(head):
        return Shape.XML
    is_page = name == b"html" or re.match(rb"\s*<!doctype html", body, re.IGNORECASE)
    if not is_page and FEED_START.search(head):
        return Shape.XML
    return Shape.HTML if is_page or name is not None else Shape.OTHER


def root_name(body: bytes) -> bytes | None:
    """The first element's local name in lower case."""
    head = body[:_LOOK]
    prolog = _PROLOG.match(head)
    element = _ELEMENT.match(head, prolog.end() if prolog else 0)
    return element[1].lower() if element else None


def as_utf8(body: bytes, charset: str | None = None) -> bytes:
    """The document without byte order mark and NULs, in UTF-8 where its encoding is sure; else as it is.

    `charset` is what the server declared; the XML declaration comes first.
    """
    for mark, encoding in _BOMS.items():
        if body.startswith(mark):
            return _transcode(body, encoding)
    head = body[:4]
    if head[1:2] == b"\0" and head[3:4] == b"\0" and head[0:1] != b"\0":
        return _transcode(body, "utf-16-le")
    if head[0:1] == b"\0" and head[2:3] == b"\0" and head[1:2] != b"\0":
        return _transcode(body, "utf-16-be")
    body = body.replace(b"\0", b"").lstrip()
    stated = _DECLARATION.match(body)
    return _from_multibyte(body, stated[1].decode() if stated else charset or "utf-8")


def _from_multibyte(body: bytes, charset: str) -> bytes:
    """Text of several bytes a character, read by the label's larger set; a few broken bytes spoil themselves only."""
    encoding = _LARGER.get(charset.lower())
    if encoding is None or is_utf8(body) or b"\x1b" in body:
        return body
    text = body.decode(encoding, "replace")
    wide = sum(len(run) for run in _WIDE.findall(text))
    broken = text.count("\ufffd")
    return text.encode() if broken * _BROKEN_SHARE < wide else body


def is_utf8(body: bytes) -> bool:
    """Whether the bytes can only be meant as UTF-8; escape sequences tell ISO-2022."""
    if b"\x1b" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _transcode(body: bytes, encoding: str) -> bytes:
    return body.decode(encoding, "replace").replace("\0", "").encode("utf-8", "replace").lstrip()
