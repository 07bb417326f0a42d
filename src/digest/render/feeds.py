"""Issues as feeds: Atom (RFC 4287) and JSON Feed 1.1. What they say is what the archive says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from digest.render.glance import Glance

ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Whose feed it is."""

    title: str
    language: str
    author: str
    page: str  # the archive's address
    atom: str  # the feeds' own
    json: str
    icon: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An issue in it."""

    glance: Glance
    url: str
    at: datetime


def atom_feed(channel: Channel, entries: Sequence[Entry], *, updated: datetime) -> bytes:
    """The issues as Atom, newest first; `updated` is what the feed says of itself where it has none."""
    ET.register_namespace("", ATOM)
    feed = ET.Element(_atom("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": channel.language})
    _add(feed, "title", channel.title)
    _add(feed, "id", channel.page)
    _add(feed, "updated", _stamp(max((entry.at for entry in entries), default=updated)))
    _add(_add(feed, "author"), "name", channel.author or channel.title)
    _add(feed, "link", rel="self", type="application/atom+xml", href=channel.atom)
    _add(feed, "link", rel="alternate", type="text/html", href=channel.page)
    if channel.icon:
        _add(feed, "logo", channel.icon)
    for entry in entries:
        one = _add(feed, "entry")
        _add(one, "title", entry.glance.title)
        _add(one, "id", entry.url)
        _add(one, "link", rel="alternate", type="text/html", href=entry.url)
        _add(one, "published", _stamp(entry.at))
        _add(one, "updated", _stamp(entry.at))
        _add(one, "summary", entry.glance.preheader)
        _add(one, "content", _told(entry.glance), type="html")
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def json_feed(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """The issues as JSON Feed, newest first."""
    feed: dict[str, Any] = {
        "version": JSON_FEED,
        "title": channel.title,
        "home_page_url": channel.page,
        "feed_url": channel.json,
        "language": channel.language,
        "authors": [{"name": channel.author or channel.title}],
        **({"icon": channel.icon} if channel.icon else {}),
        "items": [_item(entry) for entry in entries],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def _item(entry: Entry) -> dict[str, Any]:
    glance = entry.glance
    return {
        "id": entry.url,
        "url": entry.url,
        "title": glance.title,
        "summary": glance.preheader,
        "content_html": _told(glance),
        "date_published": _stamp(entry.at),
        "language": glance.language,
        **({"image": glance.image} if glance.image else {}),
    }


def _told(glance: Glance) -> str:
    """The posts as HTML: titles that lead to them, and their leads."""
    parts = [f"<p>{escape(glance.span)}</p>"]
    for post in glance.posts:
        title = escape(post.title)
        head = f'<a href="{escape(post.link)}">{title}</a>' if post.link else title
        parts.append(f"<h3>{head}</h3>" + (f"<p>{escape(post.lead)}</p>" if post.lead else ""))
    return "\n".join(parts)


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, _atom(name), attributes)
    child.text = text
    return child


def _stamp(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
