"""Which feeds belong to a page: those it announces, then those its platform is known to have (docs/sources.md)."""

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from digest.sources import youtube
from digest.sources.clean import collapse, tame
from digest.sources.links import host_of, resolve
from digest.sources.page import decode_page

MOST_GUESSES = 8
_MOST_NAMED = 20
_TYPES = {
    "application/atom+xml": 0,
    "application/rss+xml": 1,
    "application/rdf+xml": 2,
    "application/x.atom+xml": 0,
    "application/feed+json": 3,
    "application/json": 3,
    "application/xml": 4,
    "text/xml": 4,
}
_FEED_NAMES = ("/feed", "/feed/", "/rss", "/rss/", "feed.xml", "rss.xml", "atom.xml", "index.xml", ".rss", ".atom")
_ARCHIVE = re.compile(r"/(?:category|categor\w+|kategori\w*|tag|tags|author|topics?|section)/", re.IGNORECASE)
_NOT_FEEDS = re.compile(r"/wp-json/|oembed|/wp/v2/|\.webmanifest|/xmlrpc|/rsd", re.IGNORECASE)
_COMMENTS = re.compile(
    r"comment|/feeds/\d+/|replies|coment[aá]ri|reacties|komm?ent|koment[aáä]r|комментар|коментар|yorum|hozzászólás"
    r"|σχ[οό]λ|תגובות|تعليق|دیدگاه|bình luận|コメント|댓글|评论|評論|留言|迴響",
    re.IGNORECASE,
)
_FEED_SCHEME = re.compile(r"^\s*feed:(?=https?:)", re.IGNORECASE)
_WELL_KNOWN = ("feed/", "feed.xml", "rss.xml", "atom.xml", "index.xml", "rss/", "feed.json", "?feed=rss2")
_BY_HOST = (
    (re.compile(r"\.blogspot\."), ("{root}feeds/posts/default", "{root}feeds/posts/default?alt=rss")),
    (re.compile(r"^medium\.com$"), ("{root}feed/{first}",)),
    (re.compile(r"\.medium\.com$|\.substack\.com$"), ("{root}feed",)),
    (re.compile(r"\.wordpress\.com$|\.bearblog\.dev$"), ("{root}feed/",)),
    (re.compile(r"\.tumblr\.com$"), ("{root}rss",)),
    (re.compile(r"\.ghost\.io$"), ("{root}rss/",)),
    (re.compile(r"(?:^|\.)reddit\.com$"), ("{folder}/.rss",)),
    (re.compile(r"\.squarespace\.com$"), ("{folder}?format=rss",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A feed that a page announces."""

    url: str
    title: str = ""
    type: str = ""  # as declared
    is_comments: bool = False


def find_feeds(page: bytes, *, url: str) -> tuple[Candidate, ...]:
    """The feeds that a page announces, the best first; a feed of comments never comes first where there is another.

    Order: not comments, then beside the page's own path, then Atom, RSS, JSON, then as listed.
    """
    tree = LexborHTMLParser(tame(decode_page(page)))
    base = tree.css_first("base[href]")
    bases = (base.attributes.get("href") if base is not None else None, url)
    if host_of(url) in youtube.HOSTS:
        return _of_youtube(tree, url)
    is_post = _is_post(tree, url)
    found: dict[str, Candidate] = {}
    for candidate in (*_announced(tree, bases), *_linked(tree, bases)) or _named(tree, bases):
        own = is_post and _is_feed_of(candidate.url, url)
        found.setdefault(candidate.url, replace(candidate, is_comments=True) if own else candidate)
    return tuple(sorted(found.values(), key=lambda one: _rank(one, url)))


def guess_feeds(url: str) -> tuple[str, ...]:
    """Where the feed of this address may be, the likeliest first, at most eight; each must be fetched and parsed."""
    parts = urlsplit(url if "//" in url else f"https://{url}")
    root = f"{parts.scheme}://{parts.netloc}/"
    page = root.rstrip("/") + (parts.path or "/")
    folder = page if page.endswith("/") else page + "/"
    by_platform = _platform(host_of(root), parts.path, parse_qs(parts.query), root, folder)
    generic = [urljoin(folder, path) for path in _WELL_KNOWN[:3]] if folder != root else []
    listed = [*by_platform, *generic, *(urljoin(root, path) for path in _WELL_KNOWN)]
    return tuple(dict.fromkeys(listed))[:MOST_GUESSES]


def _of_youtube(tree: LexborHTMLParser, url: str) -> tuple[Candidate, ...]:
    """Of a playlist or channel by its address, else by what the page says; the feed that it announces has shorts."""
    parts = urlsplit(url)
    stated = youtube.page_feeds(parts.path, parse_qs(parts.query))
    channel = None if stated else youtube.find_channel(tree)
    feeds = youtube.channel_feeds(channel) if channel else stated
    return tuple(Candidate(url=one, type="application/atom+xml") for one in feeds)


def _announced(tree: LexborHTMLParser, bases: tuple[str | None, ...]) -> list[Candidate]:
    candidates = []
    for link in tree.css("link[rel][href]"):
        attributes = link.attributes
        rels = (attributes.get("rel") or "").lower().split()
        kind = (attributes.get("type") or "").lower().partition(";")[0].strip()
        href = resolve(_FEED_SCHEME.sub("", attributes.get("href") or ""), *bases)
        if not href or kind not in _TYPES or not {"alternate", "feed"} & set(rels) or _NOT_FEEDS.search(href):
            continue
        title = collapse(attributes.get("title") or "")
        candidates.append(_candidate(href, title, kind))
    return candidates


def _linked(tree: LexborHTMLParser, bases: tuple[str | None, ...]) -> list[Candidate]:
    """Links in the page's text that name a feed, for themes that announce none."""
    candidates = []
    for link in tree.css('a.feed-link[href], a[href*="feeds/posts/default"], a[type="application/rss+xml"][href]'):
        href = resolve(link.attributes.get("href"), *bases)
        if href:
            kind = (link.attributes.get("type") or "application/atom+xml").lower()
            candidates.append(_candidate(href, collapse(link.text()), kind))
    return candidates


def _named(tree: LexborHTMLParser, bases: tuple[str | None, ...]) -> list[Candidate]:
    """Links whose address ends as feeds' addresses do, for pages that say nothing else."""
    selector = ", ".join(f'a[href$="{name}"]' for name in _FEED_NAMES)
    links = [(resolve(one.attributes.get("href"), *bases), one) for one in tree.css(selector)[:_MOST_NAMED]]
    return [_candidate(href, collapse(one.text()), "") for href, one in links if href]


def _is_post(tree: LexborHTMLParser, url: str) -> bool:
    """Whether a page of WordPress's kind is a single post: the feed beneath its address is then of its comments.

    Categories, tags and authors have a feed of posts there.
    """
    if _ARCHIVE.search(urlsplit(url).path):
        return False
    marks = (
        'meta[property="og:type"][content="article"]',
        'meta[property="article:published_time"]',
        "body.single",
        "body.single-post",
        "body.page:not(.home)",
    )
    return tree.css_first(", ".join(marks)) is not None


def _is_feed_of(feed: str, page: str) -> bool:
    """Whether a feed's address is the page's own with `feed` behind it; the site's own root excepted."""
    there, here = urlsplit(feed), urlsplit(page)
    path = here.path.rstrip("/")
    return bool(path) and host_of(feed) == host_of(page) and re.sub(r"/feed(?:/\w+)?/?$", "", there.path) == path


def _candidate(url: str, title: str, kind: str) -> Candidate:
    parts = urlsplit(url)
    told = f"{parts.path}?{parts.query} {title}"
    return Candidate(url=url, title=title, type=kind, is_comments=bool(_COMMENTS.search(told)))


def _rank(one: Candidate, url: str) -> tuple[bool, bool, bool, int]:
    feed, page = urlsplit(one.url), urlsplit(url)
    section = page.path.rpartition("/")[0] + "/"
    is_beside = section != "/" and feed.path.startswith(section)
    return (one.is_comments, host_of(one.url) != host_of(url) and not is_beside, not is_beside, _TYPES.get(one.type, 5))


def _platform(host: str, path: str, query: dict[str, list[str]], root: str, folder: str) -> list[str]:
    """Feeds by the rules of the platforms that are known by their host, else by their paths."""
    first = path.strip("/").split("/")[0]
    if host in youtube.HOSTS:
        return youtube.page_feeds(path, query)
    if host == "github.com":
        return _github(path)
    for hosts, feeds in _BY_HOST:
        if hosts.search(host):
            return [feed.format(root=root, folder=folder.rstrip("/"), first=first) for feed in feeds]
    if first.startswith("@"):  # Mastodon and its kin
        return [f"{root}{first}.rss"]
    if re.match(r"/(?:c|t|latest|top)(?:/|$)", path):  # Discourse
        return [folder.rstrip("/") + ".rss", root + "latest.rss"]
    return []


def _github(path: str) -> list[str]:
    owner, *rest = path.strip("/").split("/") if path.strip("/") else [""]
    if rest:
        repository = f"https://github.com/{owner}/{rest[0]}"
        return [f"{repository}/releases.atom", f"{repository}/tags.atom", f"{repository}/commits.atom"]
    return [f"https://github.com/{owner}.atom"] if owner else []
