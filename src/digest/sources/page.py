"""A saved Blogger page → the same posts as its feed gives, under the same ids (docs/sources.md P11)."""

import re
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from digest.core.model import Feed
from digest.sources.card import RawPost
from digest.sources.clean import collapse, strip_controls, tame
from digest.sources.dates import parse_date
from digest.sources.excerpt import language_tag
from digest.sources.keys import make_posts
from digest.sources.links import resolve

Node = Any

_BODY_ID = re.compile(r"^(?:post-body-)?(\d{5,25})$")
_BLOG_FEED = re.compile(r"/feeds/(\d{5,25})/(?:posts|\d+/comments)/")


def read_page(body: bytes, *, url: str, zone: str) -> Feed | None:
    """The posts of a page in Blogger's own markup; None where it has none."""
    page = LexborHTMLParser(tame(decode_page(body)))
    home = _home(page, url)
    blog = _blog_id(page)
    posts = [(one, number) for one in page.css(".post") if (number := _post_id(one))]
    canonical = _attribute(page, 'link[rel="canonical"]', "href") if len(posts) == 1 else None
    raws = [
        _raw(one, guid=_guid(one, blog, number), home=home, alone=canonical, url=url, zone=zone)
        for one, number in posts
    ]
    if not raws:
        return None
    root = page.css_first("html")
    language = root.attributes.get("lang") if root is not None else None
    return Feed(
        title=_title(page),
        url=url,
        home=home,
        language=language_tag(language),
        format="page",
        posts=make_posts(raws, home=home, zone=zone),
        next_page=None,
    )


def decode_page(body: bytes) -> str:
    """A page as text, by its byte order mark, its meta element or as UTF-8 (HTML, section 13.2.3)."""
    if not _is_valid_utf8(body):
        parser = LexborHTMLParser(body[:2_000_000], encoding=True)
        return strip_controls(parser.raw_html.decode("utf-8", "replace"))
    return strip_controls(body.decode("utf-8-sig", "replace"))


def _is_valid_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _raw(post: Node, *, guid: str | None, home: str | None, alone: str | None, url: str, zone: str) -> RawPost:
    """One post. `alone` is the page's own address where it has one post only."""
    content = post.css_first(".post-body") or post.css_first(".entry-content") or post.css_first(".post-snippet")
    date = (
        _attribute(post, "abbr.published", "title")
        or _attribute(post, "time.published", "datetime")
        or _day_above(post)
    )
    changed = _attribute(post, "abbr.updated", "title") or _attribute(post, "time.updated", "datetime")
    link = (
        _attribute(post, "a.timestamp-link", "href")
        or _attribute(post, ".post-title a", "href")
        or _attribute(post, 'a[title="permanent link"], a[rel="bookmark"]', "href")
        or alone
        or _attribute(post, 'meta[itemprop="url"]', "content")
    )
    link = resolve(link, home, url)
    return RawPost(
        guid=guid,
        title=_text(post, ".post-title"),
        link=link,
        markup=(content.inner_html or "") if content is not None else "",
        bases=(link, home, url),
        published=parse_date(date, zone=zone),
        updated=parse_date(changed, zone=zone),
        date_raw=date,
        author=_text(post, '.post-author [itemprop="name"]')
        or _text(post, ".post-author .fn")
        or _text(post, ".post-author a")
        or None,
        topics=tuple(collapse(one.text()) for one in post.css('.post-labels a[rel="tag"]')),
    )


def _guid(post: Node, blog: str | None, number: str) -> str | None:
    """The id that Blogger's feed gives the same post (RFC 4151)."""
    blog = _attribute(post, 'meta[itemprop="blogId"]', "content") or blog
    return f"tag:blogger.com,1999:blog-{blog}.post-{number}" if blog else None


def _post_id(post: Node) -> str | None:
    """A post's number: stated, or as newer themes and the oldest have it, in the id of its body or in an anchor."""
    stated = _attribute(post, 'meta[itemprop="postId"]', "content")
    listed = (_attribute(post, '[id^="post-body-"]', "id"), _attribute(post, "a[name]", "name"))
    return stated or next((match[1] for one in listed if (match := _BODY_ID.match(one or ""))), None)


def _blog_id(page: LexborHTMLParser) -> str | None:
    """The blog's number, by the feed addresses in the page's head."""
    hrefs = (one.attributes.get("href") or "" for one in page.css("link[href]"))
    return next((match[1] for href in hrefs if (match := _BLOG_FEED.search(href))), None)


def _day_above(post: Node) -> str | None:
    """The day heading that a post stands under, where it states no date itself."""
    node = post.parent
    while node is not None:
        if "date-outer" in (node.attributes.get("class") or "").split():
            return _text(node, ".date-header") or None
        node = node.parent
    return None


def _home(page: LexborHTMLParser, url: str) -> str | None:
    found = page.css_first('meta[property="og:url"]')
    listed = [found.attributes.get("content")] if found is not None else []
    for selector in ("a.home-link", ".header h1 a", 'link[rel="canonical"]'):
        node = page.css_first(selector)
        listed.append(node.attributes.get("href") if node is not None else None)
    home = next((one for each in listed if (one := resolve(each, url))), None)
    return home or resolve(url)


def _title(page: LexborHTMLParser) -> str | None:
    for selector in (".Header h1.title", ".header h1", 'meta[property="og:site_name"]', "title"):
        node = page.css_first(selector)
        if node is not None and (text := collapse(node.attributes.get("content") or node.text())):
            return text
    return None


def _attribute(root: Node, selector: str, name: str) -> str | None:
    node = root.css_first(selector)
    return (node.attributes.get(name) or None) if node is not None else None


def _text(root: Node, selector: str) -> str:
    node = root.css_first(selector)
    return collapse(node.text()) if node is not None else ""
