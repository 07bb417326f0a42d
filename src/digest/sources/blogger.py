"""What is Blogger's own in a feed: its kinds of entries, its pages (docs/sources.md P11, P12)."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Entry = dict[str, Any]

KIND = "http://schemas.google.com/g/2005#kind"
"""The scheme of the category that tells posts from comments, pages, templates and settings."""
PAGE = 25


def is_live_post(entry: Entry) -> bool:
    """Not a comment, template, setting, page or draft of a Blogger export (P11)."""
    kind = next((tag.get("term") or "" for tag in entry.get("tags", ()) if tag.get("scheme") == KIND), "")
    if kind and not kind.endswith("#post"):
        return False
    if entry.get("app_draft") == "yes":
        return False
    return (entry.get("blogger_type", "POST"), entry.get("blogger_status", "LIVE")) == ("POST", "LIVE")


def next_page(url: str, about: Entry) -> str | None:
    """The page after this one of a Blogger feed, by its own counts; None for other feeds and on the last page."""
    parts = urlsplit(url)
    total, start, size = (_count(about, name) for name in ("totalresults", "startindex", "itemsperpage"))
    if not parts.path.startswith("/feeds/") or total is None:
        return None
    after = (start or 1) + (size or PAGE)
    if after > total:
        return None
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"start-index", "max-results"}]
    query = urlencode([*kept, ("start-index", after), ("max-results", size or PAGE)])
    return urlunsplit(parts._replace(query=query))


def _count(about: Entry, name: str) -> int | None:
    """OpenSearch 1.0 as feedparser names it."""
    text = str(about.get(f"opensearch_{name}") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
