"""A saved Blogger page → the same posts as its feed gives, under the same ids (docs/sources.md P11)."""

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


def read_page(body: bytes, *, url: str, zone: str) -> Feed | None:
    """The posts of a page in Blogger's own markup; None where it has none."""
    page = LexborHTMLParser(tame(decode_page(body)))
    home = _home(page, url)
    posts = [one for one in page.css(".post") if one.css_first('meta[itemprop="postId"]')]
    raws = [_raw(one, home=home, url=url, zone=zone) for one in posts]
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


def _raw(post: Node, *, home: str | None, url: str, zone: str) -> RawPost:
    content = post.css_first(".post-body") or post.css_first(".entry-content")
    date = _attribute(post, "abbr.published", "title") or _attribute(post, "time.published", "datetime")
    changed = _attribute(post, "abbr.updated", "title") or _attribute(post, "time.updated", "datetime")
    link = (
        _attribute(post, "a.timestamp-link", "href")
        or _attribute(post, ".post-title a", "href")
        or _attribute(post, 'meta[itemprop="url"]', "content")
    )
    link = resolve(link, home, url)
    return RawPost(
        guid=_guid(post),
        title=_text(post, ".post-title"),
        link=link,
        markup=(content.inner_html or "") if content is not None else "",
        bases=(link, home, url),
        published=parse_date(date, zone=zone),
        updated=parse_date(changed, zone=zone),
        date_raw=date,
        author=_text(post, '.post-author [itemprop="name"]') or _text(post, ".post-author .fn") or None,
        topics=tuple(collapse(one.text()) for one in post.css('.post-labels a[rel="tag"]')),
    )


def _guid(post: Node) -> str | None:
    """The id that Blogger's feed gives the same post (RFC 4151)."""
    blog = _attribute(post, 'meta[itemprop="blogId"]', "content")
    number = _attribute(post, 'meta[itemprop="postId"]', "content")
    return f"tag:blogger.com,1999:blog-{blog}.post-{number}" if blog and number else None


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
