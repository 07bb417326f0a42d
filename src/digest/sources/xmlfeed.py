"""RSS 0.9 to 2.0, RDF and Atom, Blogger's exports among them, through feedparser (docs/sources.md P1, P3 to P11).

feedparser gets a stream and never text: a body that is a path would be opened, one that is an address fetched. Its own
sanitiser and link resolver stay off; ours come later and cost half as much.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import feedparser
from lxml import etree

from digest.core.model import Feed, Picture
from digest.errors import NotAFeed
from digest.sources import blogger
from digest.sources.card import RawPost
from digest.sources.clean import collapse, text_to_html
from digest.sources.dates import parse_date
from digest.sources.excerpt import language_tag
from digest.sources.keys import make_posts
from digest.sources.links import is_web, resolve
from digest.sources.pictures import thumbnail
from digest.sources.sniff import is_utf8
from digest.sources.titles import title_text, unescape_leftovers
from digest.sources.xmlprep import count_items, prepare

Entry = dict[str, Any]

MOST_POSTS = 3_000
_MOST_BESIDE = 200
"""Topics, and pictures of a kind, that are read of one post."""
_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_ALTERNATES = ("text/html", "application/xhtml+xml")
_NOBODY = {"unknown", "anonymous", "noreply@blogger.com", "noreply@blogger.com (unknown)"}
_UPDATED = re.compile(rb"<(?:\w+:)?updated[\s>]")
_PERIODS = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


def read_xml(body: bytes, *, url: str, charset: str | None, zone: str) -> Feed:
    """A feed from XML.

    Raises:
        NotAFeed: it is not RSS, RDF or Atom, or it is made to do harm.
    """
    most = MOST_POSTS * (10 if b"schemas.google.com/blogger/" in body[:20_000] and not is_web(url) else 1)
    total = count_items(body)
    body = prepare(body, url=url, most=most)
    found = _parse(body, url, charset)
    if min(total, most) > len(found.entries):
        again = _parse(_recovered(body), url, "utf-8")
        found = again if len(again.entries) > len(found.entries) else found
    if not found.version and not found.entries:
        raise NotAFeed(
            f"{url} is XML, but neither RSS nor Atom" + (" that can be read" if total else ""),
            next_step="give the address of the feed itself",
        )
    about = dict(found.feed)  # a plain copy: feedparser's own dict answers slowly, and with other dates than asked for
    home = _home(about, url)
    reader = _Reader(
        about=about,
        url=url,
        zone=zone,
        format=_format(body, found),
        states_updates=bool(_UPDATED.search(body)),
        home=home,
        bases=(url if is_web(url) else None, *_hrefs(about, "self"), home),
        author=_author(about),
        problems=(f"only the first {most:,} of {total:,} posts were read",) if total > most else (),
    )
    return reader.feed(map(dict, found.entries))


def _parse(body: bytes, url: str, charset: str | None) -> Any:
    """Feedparser's reading. It is not told the address: it would make ids absolute too, and a moved feed all new."""
    charset = "utf-8" if is_utf8(body) else charset
    headers = {"content-type": f"application/xml; charset={charset}" if charset else "application/xml"}
    try:
        return feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as fault:
        raise NotAFeed(
            f"{url} cannot be read as a feed ({type(fault).__name__})", next_step="check the document with a validator"
        ) from fault


def _recovered(body: bytes) -> bytes:
    """What a forgiving parser makes of broken XML."""
    encoding = "utf-8" if is_utf8(body) else None  # whatever it declares
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False, encoding=encoding)
    try:
        root: Any = etree.fromstring(body, parser)  # None where nothing could be made of it
    except (etree.LxmlError, ValueError):
        return b""
    return etree.tostring(root, encoding="utf-8") if root is not None else b""


def _home(about: Entry, url: str) -> str | None:
    links = [one.get("href") for one in about.get("links", ())[:100] if one.get("rel") == "alternate"]
    stated = about.get("link") if about.get("link") != about.get("id") else None  # feedparser fills it in by the id
    candidates = [*links, stated]
    return next(
        (home for one in candidates if (home := resolve(one, url if is_web(url) else None, *_hrefs(about, "self")))),
        None,
    )


def _format(body: bytes, found: Any) -> str:
    if b"<blogger:type>" in body:
        return "blogger-takeout"
    if b"/blogger/2008/kind#" in body:
        return "blogger-backup"
    version = str(found.version)
    if version.startswith("atom"):
        return "atom"
    return "rdf" if version in {"rss10", "rss090"} else "rss"


@dataclass(frozen=True, slots=True)
class _Reader:
    about: Entry
    url: str
    zone: str
    format: str
    states_updates: bool  # an <updated> element occurs; feedparser files other dates under that name too
    home: str | None
    bases: tuple[str | None, ...]  # of relative addresses: where the document was, else where it says that it is
    author: str | None
    problems: tuple[str, ...] = ()

    def feed(self, entries: Iterable[Entry]) -> Feed:
        about = self.about
        return Feed(
            title=title_text(about.get("title"), is_markup=self._is_markup(about.get("title_detail"))) or None,
            url=self.url,
            home=self.home,
            language=language_tag(about.get("language")),
            format=self.format,
            posts=make_posts(map(self._raw, filter(blogger.is_live_post, entries)), home=self.home, zone=self.zone),
            next_page=self._next_page(about),
            hub=next((url for url in _hrefs(about, "hub") if is_web(url)), None),
            ttl=_ttl(about),
            problems=self.problems,
        )

    @property
    def _is_atom(self) -> bool:
        return self.format not in {"rss", "rdf"}

    def _is_markup(self, detail: Entry | None) -> bool:
        """RSS says nothing of types, and its titles hold markup often enough."""
        return not self._is_atom or (detail or {}).get("type") in _HTML_TYPES

    def _raw(self, entry: Entry) -> RawPost:
        link, direct = self._links(entry)
        markup, base, language = self._body(entry)
        published, updated, raw_date = self._dates(entry)
        bases = (resolve(base, *self.bases) or base, direct or link, self.home, self.url)
        return RawPost(
            guid=(entry.get("id") or "").strip() or None,
            title=title_text(entry.get("title"), is_markup=self._is_markup(entry.get("title_detail"))),
            link=link,
            direct=direct,
            markup=markup,
            bases=bases,
            published=published,
            updated=updated,
            date_raw=raw_date,
            author=_author(entry) or self.author,
            topics=_topics(entry),
            language=language or self.about.get("language"),
            extras=_extras(entry, bases),
        )

    def _links(self, entry: Entry) -> tuple[str | None, str | None]:
        """The link as written and, past a proxy, the direct one (P7)."""
        bases = self.bases
        direct = resolve(entry.get("feedburner_origlink"), *bases)
        if filename := entry.get("blogger_filename"):  # Takeout: the site's root and a path (P11)
            return resolve(filename, self.home, self.url), direct
        written = _alternates(entry)
        link = next((url for one in written if (url := resolve(one, *bases))), None)
        relative = next((one for one in written if not re.match(r"[A-Za-z][\w+.-]*:", one)), None)
        identity = (entry.get("id") or "").strip()
        return link or direct or relative or (identity if is_web(identity) else None), direct

    def _body(self, entry: Entry) -> tuple[str, str | None, str | None]:
        """Markup, its base and its language: the content, unless it is a stub beside a longer summary (P10)."""
        contents = [one for one in entry.get("content", ()) if one.get("value")]
        content = next((one for one in contents if one.get("type") in _HTML_TYPES), contents[0] if contents else None)
        summary = entry.get("summary_detail") or {"value": entry.get("summary") or "", "type": "text/html"}
        if content is None or (content is not summary and _is_stub(content["value"], summary.get("value") or "")):
            content = summary
        value = content.get("value") or ""
        markup = value if content.get("type") in _HTML_TYPES else text_to_html(unescape_leftovers(value))
        title = entry.get("title_detail") or {}
        return markup, content.get("base") or None, content.get("language") or title.get("language")

    def _dates(self, entry: Entry) -> tuple[Any, Any, str | None]:
        """Published and updated, only as stated (P3, P4). RSS knows no update but a borrowed Atom element's."""
        published = self._date(entry, "published")
        updated = self._date(entry, "updated")
        raw = entry.get("published") or (entry.get("updated") if "updated" in entry else None)
        if not self._is_atom and not self.states_updates:
            return published or updated or self._date(entry, "created"), None, raw
        return published, updated, raw

    def _date(self, entry: Entry, name: str) -> Any:
        if name not in entry:  # reading it would fall back on another date
            return None
        return parse_date(entry[name], zone=self.zone, fallback=entry.get(f"{name}_parsed"))

    def _next_page(self, about: Entry) -> str | None:
        """Where the older posts are: where the feed says, else where Blogger keeps them (P12)."""
        stated = next((url for one in _hrefs(about, "next") if (url := resolve(one, *self.bases))), None)
        return stated or blogger.next_page(self.url, about)


def _alternates(entry: Entry) -> list[str]:
    """Links to the post, the best first: HTML, XHTML, any other, a permalink id (P7)."""
    links = [
        one
        for one in entry.get("links", ())[:_MOST_BESIDE]
        if one.get("rel", "alternate") == "alternate" and one.get("href")
    ]
    ranked = sorted(links, key=lambda one: _ALTERNATES.index(one["type"]) if one.get("type") in _ALTERNATES else 9)
    written = [str(one["href"]).strip() for one in ranked]
    if not written and entry.get("link") and entry.get("link") != entry.get("id"):
        written.append(str(entry["link"]).strip())
    return written


def _hrefs(about: Entry, rel: str) -> list[str]:
    return [str(one["href"]) for one in about.get("links", ())[:100] if one.get("rel") == rel and one.get("href")]


def _is_stub(content: str, summary: str) -> bool:
    if content == summary:  # feedparser files a lone content under both names
        return False
    bare = [len(re.sub(r"<[^>]*>|\s+", "", text)) for text in (content, summary)]
    return bare[0] < 0.4 * bare[1]


def _author(entry: Entry) -> str | None:
    """The author's name; never an address, never Blogger's "Unknown"."""
    detail = entry.get("author_detail") or {}
    name = collapse(detail.get("name") or entry.get("author") or "")
    if (match := re.fullmatch(r"(\S+) \((.+)\)", name)) and ("@" in match[1] or _is_placeholder(match[1], match[2])):
        name = match[2]
    return None if not name or name.lower() in _NOBODY or re.fullmatch(r"\S+@\S+", name) else name


def _is_placeholder(first: str, name: str) -> bool:
    """Whether a word stands where RSS wants an e-mail address before the name in brackets."""
    return first.lower() in {"hidden", "noreply", "no-reply", "nospam"} or first in name.split()


def _topics(entry: Entry) -> tuple[str, ...]:
    tags = [tag for tag in entry.get("tags", ())[:_MOST_BESIDE] if tag.get("scheme") != blogger.KIND]
    return tuple(title_text(tag.get("label") or tag.get("term"), is_markup=True) for tag in tags)


def _extras(entry: Entry, bases: tuple[str | None, ...]) -> tuple[Picture, ...]:
    """Pictures beside the body, the likeliest first."""
    media = [one for one in entry.get("media_content", ())[:_MOST_BESIDE] if _is_image(one)]
    enclosures = [
        {"url": one.get("href")} for one in entry.get("links", ()) if one.get("rel") == "enclosure" and _is_image(one)
    ]
    own = [{"url": (entry.get("image") or {}).get("href")}]
    listed = [*media, *entry.get("media_thumbnail", ())[:_MOST_BESIDE], *enclosures, *own]
    seen = (
        thumbnail(one.get("url"), *bases, width=_int(one.get("width")), height=_int(one.get("height")))
        for one in listed
    )
    return tuple(picture for picture in seen if picture)


def _is_image(one: Entry) -> bool:
    return one.get("medium") == "image" or str(one.get("type") or "").startswith("image/")


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6 else None


def _ttl(about: Entry) -> int | None:
    """Seconds between polls as the feed asks: rss ttl in minutes, or RSS 1.0 syndication."""
    stated = (_int(str(about.get("ttl") or "").strip()) or 0) * 60
    period = _PERIODS.get(str(about.get("sy_updateperiod") or "").strip().lower(), 0)
    often = _int(str(about.get("sy_updatefrequency") or "1").strip()) or 1
    return max(stated, period // often) or None
