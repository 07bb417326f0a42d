"""Which feed belongs to a page (docs/sources.md, Discovery)."""

import pytest

from digest.paths import sample
from digest.sources.discover import MOST_GUESSES, find_feeds, guess_feeds

RSS, ATOM, JSON = "application/rss+xml", "application/atom+xml", "application/feed+json"


def page(*links: tuple[str, str, str], base: str = "") -> bytes:
    heads = "".join(
        f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">' for kind, href, title in links
    )
    return f"<html><head>{base}{heads}</head><body>Hi</body></html>".encode()


def urls(body: bytes, url: str = "https://e.org/") -> list[str]:
    return [found.url for found in find_feeds(body, url=url)]


def test_a_feed_of_comments_never_comes_first() -> None:
    body = page((RSS, "/comments/feed/", "E » Comments Feed"), (RSS, "/feed/", "E » Feed"))
    assert urls(body) == ["https://e.org/feed/", "https://e.org/comments/feed/"]


def test_a_blogger_post_page_leads_to_the_blogs_posts_not_to_the_posts_comments() -> None:
    body = page(
        (ATOM, "https://x.blogspot.com/feeds/123456/comments/default", "Plots - Atom"),
        (RSS, "https://x.blogspot.com/feeds/posts/default?alt=rss", "Plots - RSS"),
        (ATOM, "https://x.blogspot.com/feeds/posts/default", "Plots - Atom"),
    )
    assert urls(body, "https://x.blogspot.com/2017/08/a.html")[0] == "https://x.blogspot.com/feeds/posts/default"


def test_atom_comes_before_rss_before_json_and_a_section_has_its_own_feed_first() -> None:
    body = page((JSON, "/feed.json", ""), (RSS, "/rss.xml", ""), (ATOM, "/atom.xml", ""), (RSS, "/blog/rss.xml", ""))
    assert urls(body)[:3] == ["https://e.org/atom.xml", "https://e.org/rss.xml", "https://e.org/blog/rss.xml"]
    assert urls(body, "https://e.org/blog/")[0] == "https://e.org/blog/rss.xml"


@pytest.mark.parametrize(
    "title",
    [
        "B » Beans",
        "B » yorum beslemesi",
        "B » komentářů",
        "פיד תגובות",
        "خلاصة التعليقات",
        "Ροή Σχολίων",
        "댓글 피드",
        "comentários",
    ],
)
def test_a_posts_own_feed_is_of_its_comments_in_any_language(title: str) -> None:
    page = (
        '<html><head><meta property="og:type" content="article">'
        f'<link rel="alternate" type="application/rss+xml" title="{title}" href="/2020/beans/feed/">'
        '<link rel="alternate" type="application/rss+xml" title="B" href="/feed/"></head><body class="single">'
    ).encode()
    first, second = find_feeds(page, url="https://b.example.org/2020/beans/")
    assert (first.url, second.url) == ("https://b.example.org/feed/", "https://b.example.org/2020/beans/feed/")
    assert second.is_comments


def test_a_categorys_own_feed_is_of_its_posts() -> None:
    page = (
        b'<meta property="og:type" content="article"><link rel="alternate" type="application/rss+xml" href="/feed/">'
        b'<link rel="alternate" type="application/rss+xml" href="/category/beans/feed/">'
    )
    first, _ = find_feeds(page, url="https://b.example.org/category/beans/")
    assert first.url == "https://b.example.org/category/beans/feed/"


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ('<link rel="alternate" type="text/xml" href="/rss">', "https://b.example.org/rss"),
        (
            '<link rel="alternate" type="application/rss+xml" href="feed:https://b.example.org/x">',
            "https://b.example.org/x",
        ),
        ('<a href="/blog/index.xml">RSS</a> <a href="/about">About</a>', "https://b.example.org/blog/index.xml"),
    ],
)
def test_rarer_ways_to_name_a_feed_are_understood(markup: str, found: str) -> None:
    assert [one.url for one in find_feeds(markup.encode(), url="https://b.example.org/")] == [found]


def test_wordpress_json_and_oembed_are_no_feeds() -> None:
    body = page(("application/json", "/wp-json/wp/v2/pages/1", ""), ("application/json", "/oembed?url=x", ""))
    assert urls(body) == []


def test_relative_addresses_are_resolved_by_the_pages_base() -> None:
    assert urls(page((RSS, "rss", ""), base='<base href="/blog/">'), "https://e.org/x") == ["https://e.org/blog/rss"]


def test_links_in_the_text_serve_where_the_head_announces_nothing() -> None:
    assert urls(sample("blogger-sample.html").read_bytes())[0] == (
        "https://lowermillplots.blogspot.com/feeds/posts/default"
    )


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        ("https://x.blogspot.com/", "https://x.blogspot.com/feeds/posts/default"),
        ("https://x.blogspot.co.uk/2017/", "https://x.blogspot.co.uk/feeds/posts/default"),
        ("https://x.wordpress.com/about", "https://x.wordpress.com/feed/"),
        ("https://x.substack.com/p/a", "https://x.substack.com/feed"),
        ("https://medium.com/@ann/story", "https://medium.com/feed/@ann"),
        ("https://x.tumblr.com/", "https://x.tumblr.com/rss"),
        ("https://www.youtube.com/channel/UCabc-1", "https://www.youtube.com/feeds/videos.xml?playlist_id=UULFabc-1"),
        ("https://www.youtube.com/playlist?list=PL1", "https://www.youtube.com/feeds/videos.xml?playlist_id=PL1"),
        ("https://github.com/a/b", "https://github.com/a/b/releases.atom"),
        ("https://mastodon.social/@ann", "https://mastodon.social/@ann.rss"),
        ("https://forum.example.org/c/news/5", "https://forum.example.org/c/news/5.rss"),
        ("https://www.reddit.com/r/python/", "https://www.reddit.com/r/python/.rss"),
        ("https://x.ghost.io/", "https://x.ghost.io/rss/"),
        ("example.org", "https://example.org/feed/"),
        ("https://example.org/blog", "https://example.org/blog/feed/"),
    ],
)
def test_platforms_are_known_by_their_rules(url: str, feed: str) -> None:
    assert guess_feeds(url)[0] == feed
    assert len(guess_feeds(url)) <= MOST_GUESSES


CHANNEL = "UCabcdefghijklmnopqrst-_"
UPLOADS = f"https://www.youtube.com/feeds/videos.xml?playlist_id=UULF{CHANNEL[2:]}"
VIDEOS = f"https://www.youtube.com/feeds/videos.xml?channel_id={CHANNEL}"


@pytest.mark.parametrize(
    "said",
    [
        f'<link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">',
        f'<meta itemprop="identifier" content="{CHANNEL}">',
        f'<meta itemprop="channelId" content="{CHANNEL}">',
        f'<meta property="og:url" content="https://www.youtube.com/channel/{CHANNEL}">',
        f'<link rel="alternate" type="application/rss+xml" title="RSS" href="{VIDEOS}">',
    ],
)
@pytest.mark.parametrize("path", ["@allotment", "@allotment/videos", "c/Allotment", "user/allotment", "allotment"])
def test_a_youtube_channel_is_known_by_what_its_page_says_of_itself(said: str, path: str) -> None:
    body = f"<!doctype html><html><head>{said}</head><body></body></html>".encode()
    assert urls(body, f"https://www.youtube.com/{path}") == [UPLOADS, VIDEOS]


def test_of_a_youtube_page_that_says_nothing_or_something_else_nothing_is_made_up() -> None:
    odd = '<link rel="canonical" href="https://www.youtube.com/@a"><meta itemprop="channelId" content="UC&quot;x y">'
    assert urls(odd.encode(), "https://www.youtube.com/@a") == []


HOMES = {
    "a Blogger post page": (
        "https://plots.blogspot.com/2017/08/beans.html",
        """<link href='https://plots.blogspot.com/2017/08/beans.html' rel='canonical'/>
        <link rel="alternate" type="application/atom+xml" title="Plots - Atom" href="https://plots.blogspot.com/feeds/posts/default" />
        <link rel="alternate" type="application/rss+xml" title="Plots - RSS" href="https://plots.blogspot.com/feeds/posts/default?alt=rss" />
        <link rel="service.post" type="application/atom+xml" title="Plots - Atom" href="https://draft.blogger.com/feeds/12/posts/default" />
        <link rel="alternate" type="application/atom+xml" title="Plots - Atom" href="https://plots.blogspot.com/feeds/345/comments/default" />""",
        "https://plots.blogspot.com/feeds/posts/default",
    ),
    "WordPress on a post": (
        "https://wren.example/2017/08/a-roof/",
        """<link rel="alternate" title="JSON" type="application/json" href="https://wren.example/wp-json/wp/v2/posts/7" />
        <link rel="alternate" title="oEmbed (JSON)" type="application/json+oembed" href="https://wren.example/wp-json/oembed/1.0/embed?url=x" />
        <link rel="alternate" title="oEmbed (XML)" type="text/xml+oembed" href="https://wren.example/wp-json/oembed/1.0/embed?url=x&amp;format=xml" />
        <link rel="alternate" type="application/rss+xml" title="Wren &raquo; A roof Comments Feed" href="https://wren.example/2017/08/a-roof/feed/" />
        <link rel="alternate" type="application/rss+xml" title="Wren &raquo; Comments Feed" href="https://wren.example/comments/feed/" />
        <link rel="alternate" type="application/rss+xml" title="Wren &raquo; Feed" href="https://wren.example/feed/" />
        <link rel="EditURI" type="application/rsd+xml" title="RSD" href="https://wren.example/xmlrpc.php?rsd" />""",
        "https://wren.example/feed/",
    ),
    "WordPress in German": (
        "https://garten.example/",
        """<link rel="alternate" type="application/rss+xml" title="Garten &raquo; Kommentar-Feed" href="/kommentare/feed/" />
        <link rel="alternate" type="application/rss+xml" title="Garten &raquo; Feed" href="/feed/" />""",
        "https://garten.example/feed/",
    ),
    "relative addresses with a base": (
        "https://static.example/~wren/index.html",
        """<base href="https://wren.example/blog/"><link rel=alternate type=application/rss+xml href=index.xml>""",
        "https://wren.example/blog/index.xml",
    ),
    "several feeds": (
        "https://news.example/",
        """<link rel="alternate" type="application/json" title="Manifest" href="/site.webmanifest">
        <link rel="alternate" type="application/feed+json" title="JSON" href="/feed.json">
        <link rel="alternate" type="application/rss+xml; charset=utf-8" title="All, RSS" href="/rss.xml">
        <link rel="ALTERNATE home" type="application/atom+xml" title="All" href="/atom.xml">
        <link rel="alternate" hreflang="de" href="/de/"><link rel="stylesheet" type="text/css" href="/x.css">""",
        "https://news.example/atom.xml",
    ),
}


@pytest.mark.parametrize("name", HOMES)
def test_of_a_home_page_the_best_feed_comes_first_and_comments_last(name: str) -> None:
    url, head, best = HOMES[name]
    found = find_feeds(f"<!doctype html><html><head>{head}</head><body><p>Hi</p></body></html>".encode(), url=url)
    assert found[0].url == best
    comments = [one.is_comments for one in found]
    assert comments == sorted(comments)
    assert not any("wp-json" in one.url or "xmlrpc" in one.url for one in found)
