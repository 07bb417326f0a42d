"""Blogger, JSON Feed, and the older and rarer forms of feeds (docs/sources.md P1, P11, P12)."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.core.model import Feed, ParsedPost
from digest.errors import NotAFeed
from digest.sources.feed import parse_feed

URL = "https://blog.example.org/feed.xml"


def rss(items: str, *, channel: str = "<link>https://blog.example.org/</link>", root: str = "") -> bytes:
    head = f'<?xml version="1.0"?><rss version="2.0" {root}><channel><title>B</title>{channel}'
    return f"{head}{items}</channel></rss>".encode()


def atom(entries: str, *, feed: str = "", root: str = "") -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {root}><title>B</title>{feed}{entries}</feed>'.encode()


def read(body: bytes, **more: str) -> Feed:
    return parse_feed(body, url=URL, **more)


def only(body: bytes, **more: str) -> ParsedPost:
    (post,) = read(body, **more).posts
    return post


# ── P11, P12: Blogger ───────────────────────────────────────────────────────────────────────────────────────────────

BLOGGER = 'xmlns:app="http://purl.org/atom/app#" xmlns:blogger="http://schemas.google.com/blogger/2018"'
KIND = (
    '<category scheme="http://schemas.google.com/g/2005#kind" term="http://schemas.google.com/blogger/2008/kind#{1}"/>'
)


def test_a_backup_gives_the_posts_only_not_comments_settings_or_drafts() -> None:
    entry = "<entry><id>{0}</id><title>{0}</title>" + KIND + "{2}</entry>"
    draft = "<app:control><app:draft>yes</app:draft></app:control>"
    label = '<category scheme="http://www.blogger.com/atom/ns#" term="beans"/>'
    entries = [
        entry.format("template", "template", ""),
        entry.format("settings", "settings", ""),
        entry.format("post", "post", label),
        entry.format("draft", "post", draft),
        entry.format("comment", "comment", ""),
    ]
    feed = read(atom("".join(entries), root=BLOGGER))
    assert feed.format == "blogger-backup"
    assert [post.card.title for post in feed.posts] == ["post"]
    assert feed.posts[0].card.topics == ("beans",)


def test_takeout_gives_live_posts_at_the_sites_own_addresses() -> None:
    entry = (
        "<entry><id>tag:blogger.com,1999:blog-1.post-{0}</id><blogger:type>{1}</blogger:type>"
        "<blogger:status>{2}</blogger:status><title>Fish &amp;amp; chips</title>"
        "<published>2010-01-01T00:00:00Z</published><blogger:created>2017-01-01T00:00:00Z</blogger:created>"
        "<blogger:filename>/2010/01/{0}.html</blogger:filename></entry>"
    )
    entries = entry.format(1, "POST", "LIVE") + entry.format(2, "POST", "DRAFT") + entry.format(3, "COMMENT", "LIVE")
    home = '<link rel="alternate" type="text/html" href="https://plots.example.org/"/>'
    feed = read(atom(entries, feed=home, root=BLOGGER))
    (post,) = feed.posts
    assert feed.format == "blogger-takeout"
    assert post.link == "https://plots.example.org/2010/01/1.html"
    assert post.card.title == "Fish & chips"
    assert post.published == datetime(2010, 1, 1, tzinfo=UTC)


def test_the_next_page_is_where_the_feed_says_else_where_blogger_keeps_it() -> None:
    stated = (
        '<link rel="next" href="https://plots.blogspot.com/feeds/posts/default?start-index=26&amp;max-results=25"/>'
    )
    counted = (
        '<openSearch:totalResults xmlns:openSearch="http://a9.com/-/spec/opensearchrss/1.0/">60</openSearch:totalResults>'
        '<openSearch:startIndex xmlns:openSearch="http://a9.com/-/spec/opensearchrss/1.0/">26</openSearch:startIndex>'
        '<openSearch:itemsPerPage xmlns:openSearch="http://a9.com/-/spec/opensearchrss/1.0/">25</openSearch:itemsPerPage>'
    )
    entry = "<entry><title>T</title></entry>"
    page = "https://plots.blogspot.com/feeds/posts/default?start-index={}&max-results=25"
    assert read(atom(entry, feed=stated)).next_page == page.format(26)
    found = parse_feed(atom(entry, feed=counted), url=page.format(26))
    assert found.next_page == page.format(51)
    assert parse_feed(atom(entry, feed=counted), url="https://e.org/feed").next_page is None


def test_a_short_blogger_feeds_thumbnail_is_enlarged() -> None:
    media = '<media:thumbnail xmlns:media="http://search.yahoo.com/mrss/" url="https://1.bp.blogspot.com/-x/y/z/s72-c/a.jpg" height="72" width="72"/>'
    post = only(atom(f'<entry><title>T</title><summary type="text">Beans.</summary>{media}</entry>'))
    assert post.card.image is not None
    assert post.card.image.src == "https://1.bp.blogspot.com/-x/y/z/w1200/a.jpg"
    assert post.card.lead == "Beans."


def test_a_short_blogger_feeds_text_shows_no_leftover_escapes() -> None:
    summary = "It rained.&amp;nbsp; We sat &amp;amp; read; &amp;lt;b&amp;gt; is a tag, 3 &lt; 4&amp;#8230;"
    post = only(atom(f'<entry><title>T</title><summary type="text">{summary}</summary></entry>'))
    assert post.text == "It rained. We sat & read; <b> is a tag, 3 < 4…"


def test_a_page_on_the_web_is_no_feed_though_its_saved_copy_is() -> None:
    body = Path(__file__).parents[2].joinpath("src/digest/sample/blogger-sample.html").read_bytes()
    with pytest.raises(NotAFeed):
        parse_feed(body, url="https://lowermillplots.blogspot.com/")
    assert len(parse_feed(body, url="saved.html").posts) == 5


SERVICE = (
    '<link rel="service.post" type="application/atom+xml" href="https://www.blogger.com/feeds/1234567/posts/default"/>'
)
THEMES = {
    "newer": f"""<html lang="en"><head>{SERVICE}</head><body><article class="post-outer-container"><div class="post">
        <h3 class="post-title entry-title"><a href="https://plots.blogspot.com/2020/05/beans.html">Beans</a></h3>
        <span class="byline post-author"><a class="g-profile"><span>Ann Tull</span></a></span>
        <time class="published" datetime="2020-05-03T07:30:00+02:00">May 03</time>
        <div class="post-body entry-content float-container" id="post-body-7654321"><p>They climb.</p></div>
        <span class="byline post-labels"><a href="/l" rel="tag">rows</a></span></div></article></body></html>""",
    "oldest": f"""<html lang="en"><head>{SERVICE}</head><body><div class="date-outer">
        <h2 class="date-header">Sunday, May 3, 2020</h2><div class="post"><a name="7654321"></a>
        <h3 class="post-title">Beans</h3><div class="post-body"><p>They climb.</p></div><p class="post-footer">
        <span class="post-author"><span class="fn">Ann Tull</span></span><span class="post-labels"><a rel="tag">rows</a></span>
        <a href="https://plots.blogspot.com/2020/05/beans.html" title="permanent link">7:30</a></p></div></div></body></html>""",
}


@pytest.mark.parametrize("theme", THEMES)
def test_a_saved_page_of_another_theme_gives_the_posts_under_the_feeds_ids(theme: str) -> None:
    (post,) = parse_feed(THEMES[theme].encode(), url="saved.html").posts
    assert post.guid == "tag:blogger.com,1999:blog-1234567.post-7654321"
    assert (post.card.title, post.card.author, post.card.topics) == ("Beans", "Ann Tull", ("rows",))
    assert (post.link, post.card.lead) == ("https://plots.blogspot.com/2020/05/beans.html", "They climb.")
    assert post.published is not None
    assert f"{post.published:%Y-%m-%d}" == "2020-05-03"


# ── JSON Feed ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_json_feed_gives_what_it_states() -> None:
    item = {
        "id": 7,
        "url": "/p",
        "title": "Fish & chips",
        "content_html": "<p>Hi there.</p>",
        "date_published": "2017-08-11T09:42:00+02:00",
        "date_modified": "2017-08-12T00:00:00Z",
        "authors": [{"name": "Ann"}],
        "tags": ["food"],
        "image": "https://e.org/a.jpg",
        "language": "en-gb",
    }
    feed = read(json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "B", "items": [item, 3]}).encode())
    (post,) = feed.posts
    assert (feed.title, feed.format, post.guid, post.link) == ("B", "json", "7", "https://blog.example.org/p")
    assert (post.card.title, post.card.author, post.card.topics) == ("Fish & chips", "Ann", ("food",))
    assert (post.card.language, post.card.lead) == ("en-GB", "Hi there.")
    assert post.published == datetime(2017, 8, 11, 7, 42, tzinfo=UTC)
    assert post.updated == datetime(2017, 8, 12, tzinfo=UTC)
    assert post.card.image is not None


@pytest.mark.parametrize("items", [None, 3, {}, [[]], [{"tags": 3, "authors": "x", "url": [], "id": {}}]])
def test_json_of_wrong_types_never_breaks_the_reader(items: object) -> None:
    body = json.dumps({"version": "https://jsonfeed.org/version/1", "items": items}).encode()
    try:
        assert read(body).posts == ()
    except NotAFeed as fault:
        assert "no JSON Feed" in fault.message  # noqa: PT017 - either is right


# ── files in another wrapping ───────────────────────────────────────────────────────────────────────────────────────


def test_a_gzip_file_is_read_as_what_it_holds() -> None:
    assert only(gzip.compress(rss("<item><title>Größe</title></item>"))).card.title == "Größe"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (gzip.compress(b"<rss>" + b" " * 70_000_000, 1), "is larger than 5 MiB"),
        (gzip.compress(b"x" * 1_000)[:12] + b"\xff" * 9, "is neither a feed nor a web page"),
        (b"PK\x03\x04" + b"\0" * 40, "is a zip archive, not a feed"),
    ],
    ids=["bomb", "damaged", "another archive"],  # gzip writes the time into its bytes
)
def test_a_bomb_a_damaged_file_and_another_archive_are_told(body: bytes, sentence: str) -> None:
    with pytest.raises(NotAFeed, match=sentence):
        read(body)


@pytest.mark.parametrize(
    ("written", "author"),
    [
        ("ann@e.org (Ann Tull)", "Ann Tull"),
        ("hidden (Ann Tull)", "Ann Tull"),
        ("Ann (Ann Tull)", "Ann Tull"),
        ("Ann (editor)", "Ann (editor)"),
        ("ann@e.org", None),
    ],
)
def test_an_author_is_a_name(written: str, author: str | None) -> None:
    assert only(rss(f"<item><title>T</title><author>{written}</author></item>")).card.author == author


# ── what the feed asks of its readers ───────────────────────────────────────────────────────────────────────────────


def test_the_hub_and_the_wished_pace_are_kept() -> None:
    channel = (
        "<ttl>120</ttl><atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='hub' href='https://hub.example.org/'/>"
    )
    feed = read(rss("<item><title>T</title></item>", channel=channel))
    assert (feed.ttl, feed.hub) == (7_200, "https://hub.example.org/")


# ── older and rarer forms ───────────────────────────────────────────────────────────────────────────────────────────

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
RARE = {
    "RSS 0.90": f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>B</title></channel>'
    "<item><title>T</title><link>https://e.org/1</link></item></rdf:RDF>",
    "RSS 0.91 with Netscape's document type": '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" '
    '"http://my.netscape.com/rss-0.91.dtd"><rss version="0.91"><channel><item><title>T</title>'
    "<link>https://e.org/1</link></item></channel></rss>",
    "Atom 0.3": '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>T</title>'
    '<link rel="alternate" type="text/html" href="https://e.org/1"/></entry></feed>',
    "Atom under an undeclared prefix": "<atom:feed><atom:entry><atom:title>T</atom:title>"
    '<atom:link href="https://e.org/1"/></atom:entry></atom:feed>',
    "RDF with undeclared prefixes": '<rdf:RDF xmlns="http://purl.org/rss/1.0/"><channel><title>B</title></channel>'
    '<item rdf:about="https://e.org/1"><title>T</title><link>https://e.org/1</link></item></rdf:RDF>',
}


@pytest.mark.parametrize("name", RARE)
def test_older_and_rarer_forms_are_read(name: str) -> None:
    post = only(RARE[name].encode())
    assert (post.card.title, post.link) == ("T", "https://e.org/1")
