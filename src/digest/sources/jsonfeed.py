"""JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

import json
from typing import Any

from digest.core.model import Feed
from digest.errors import NotAFeed
from digest.sources.card import RawPost
from digest.sources.clean import text_to_html
from digest.sources.dates import parse_date
from digest.sources.excerpt import language_tag
from digest.sources.keys import make_posts
from digest.sources.links import resolve
from digest.sources.pictures import thumbnail
from digest.sources.titles import title_text

Item = dict[str, Any]

MOST_POSTS = 3_000


def read_json(body: bytes, *, url: str, zone: str) -> Feed:
    """A feed from JSON.

    Raises:
        NotAFeed: it is no JSON, or JSON of another kind.
    """
    document = _load(body, url)
    items = document.get("items")
    if not isinstance(items, list) or not _is_json_feed(document, items):
        raise NotAFeed(f"{url} is JSON, but no JSON Feed", next_step="give the address of a JSON Feed, RSS or Atom")
    home = resolve(_text(document.get("home_page_url")), _text(document.get("feed_url")), url)
    items = [item for item in items if isinstance(item, dict)]
    raws = (_raw(item, document, url=url, home=home, zone=zone) for item in items[:MOST_POSTS])
    return Feed(
        title=title_text(_text(document.get("title")), is_markup=False) or None,
        url=url,
        home=home,
        language=language_tag(_text(document.get("language"))),
        format="json",
        posts=make_posts(raws, home=home, zone=zone),
        next_page=resolve(_text(document.get("next_url")), url),
        hub=next((hub for one in _dicts(document.get("hubs")) if (hub := resolve(_text(one.get("url")), url))), None),
        problems=(f"only the first {MOST_POSTS:,} posts were read",) if len(items) > MOST_POSTS else (),
    )


def _load(body: bytes, url: str) -> Item:
    try:
        document = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as fault:
        raise NotAFeed(f"{url} looks like JSON, but cannot be read", next_step="check the address") from fault
    return document if isinstance(document, dict) else {}


def _is_json_feed(document: Item, items: list[Any]) -> bool:
    if "jsonfeed.org" in str(document.get("version")):
        return True
    return bool(items) and all(isinstance(one, dict) and {"id", "url"} & one.keys() for one in items)


def _raw(item: Item, document: Item, *, url: str, home: str | None, zone: str) -> RawPost:
    bases = (_text(document.get("feed_url")), home, url)
    written = _text(item.get("url")) or _text(item.get("external_url"))
    guid = _text(item.get("id"))
    link = resolve(written, *bases) or (resolve(guid) if not written else None)
    date = _text(item.get("date_published"))
    modified = _text(item.get("date_modified"))
    return RawPost(
        guid=guid or None,
        title=title_text(_text(item.get("title")), is_markup=False),
        link=link,
        markup=_markup(item),
        bases=(link, home, url),
        published=parse_date(date, zone=zone),
        updated=parse_date(modified, zone=zone),
        date_raw=date or modified or None,
        author=_author(item) or _author(document),
        topics=tuple(_text(tag) for tag in item.get("tags") or () if isinstance(tag, str)) if _is_list(item) else (),
        language=_text(item.get("language")) or _text(document.get("language")) or None,
        extras=tuple(
            picture for name in ("image", "banner_image") if (picture := thumbnail(_text(item.get(name)), *bases))
        ),
    )


def _is_list(item: Item) -> bool:
    return isinstance(item.get("tags"), list)


def _markup(item: Item) -> str:
    html, text = _text(item.get("content_html")), _text(item.get("content_text"))
    return html or text_to_html(text or _text(item.get("summary")))


def _author(of: Item) -> str | None:
    listed = _dicts(of.get("authors")) or _dicts([of.get("author")])
    return ", ".join(name for one in listed if (name := " ".join(_text(one.get("name")).split()))) or None


def _text(value: Any) -> str:
    """Feeds write numbers where the format asks for text; anything else is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _dicts(value: Any) -> list[Item]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
