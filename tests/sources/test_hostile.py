"""Hostile documents cost little and raise nothing but NotAFeed (docs/sources.md, Hostile documents)."""

import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from digest.errors import NotAFeed
from digest.paths import sample
from digest.sources.body import read_body
from digest.sources.clean import DEPTH, clean_html, tame
from digest.sources.discover import find_feeds
from digest.sources.feed import parse_feed

HEAD = b'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item><title>x</title><description>'
TAIL = b"</description></item></channel></rss>"
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


def zip_bomb() -> bytes:
    """Two hundred megabytes. Half a second to make, so not where each process of the tests collects."""
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    spaces = (packer.compress(b" " * 1_000_000) for _ in range(200))
    return packer.compress(b"<rss>") + b"".join(spaces) + packer.flush()


BOMBS: dict[str, bytes | Callable[[], bytes]] = {
    "billion laughs": b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS + b"]>" + HEAD[21:] + b"&l9;" + TAIL,
    "one large entity": b'<!DOCTYPE x [<!ENTITY a "' + b"x" * 50_000 + b'">]>' + HEAD[21:] + b"&a;" * 50_000 + TAIL,
    "585 KB of nested tags": HEAD + b"<div>" * 117_000 + TAIL,
    "the same, escaped": HEAD + b"&lt;div&gt;" * 65_000 + TAIL,
    "the same, in CDATA": HEAD + b"<![CDATA[" + b"<div>" * 117_000 + b"]]>" + TAIL,
    "nested XHTML": b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">' + b"<b>" * 100_000,
    "open paragraphs": HEAD + b"<p>" * 190_000 + TAIL,
    "broken links": HEAD + b"&lt;a href=&quot;" * 60_000 + TAIL,
    "fifty thousand items": HEAD[:60] + b"<item><title>x</title><link>https://e.org/1</link></item>" * 50_000,
    "a hundred thousand prefixes": b"<rss>" + b"".join(b"<a%d:x/>" % n for n in range(100_000)) + b"</rss>",
    "a hundred thousand attributes": HEAD + b"&lt;a " + b"".join(b"a%d " % n for n in range(90_000)) + b"&gt;" + TAIL,
    "broken links, not escaped": HEAD + b'<a href="' * 500_000 + TAIL,
    "angle brackets": HEAD + b"<" * 4_000_000 + TAIL,
    "cut closing tags": HEAD + b"</a" * 1_000_000 + TAIL,
    "ampersands": HEAD + b"&" * 4_000_000 + TAIL,
    "names of characters": HEAD + b"&nbsp;" * 800_000 + TAIL,
    "tags closed that were never opened": HEAD + b"</a>" * 1_000_000 + TAIL,
    "paragraphs closed that were never opened": HEAD + b"</p>" * 1_000_000 + TAIL,
    "an element with half a million attributes": HEAD[:-13] + b"<x " + b'a="b" ' * 500_000 + b"/>" + TAIL[14:],
    "a zip bomb": zip_bomb,
    "nested arrays": b"[" * 100_000,
    "nested JSON items": b'{"version":"https://jsonfeed.org/version/1","items":' + b"[" * 100_000,
    "a character of a million digits": b'{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","title":"&#'
    + b"9" * 1_000_000
    + b';"}]}',
    "NULs": HEAD.replace(b"t", b"t\0") + TAIL,
    "an endless date": HEAD.replace(b"title>x", b"pubDate>" + b"1 " * 400_000).replace(b"x</title", b"</pubDate")
    + TAIL,
}


def body_of(name: str) -> bytes:
    """What the document holds."""
    bomb = BOMBS[name]
    return bomb() if callable(bomb) else bomb


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_harmless(name: str) -> None:
    body, before = body_of(name), time.process_time()
    try:
        parse_feed(body, url="https://example.org/feed")
    except NotAFeed as fault:
        assert fault.next_step  # noqa: PT017 - reading it is as right as refusing it
    assert time.process_time() - before < 3  # a generous bound: the worst takes half a second


MEASURE = """
from tests.bench.memory import peak_megabytes
from tests.sources.test_hostile import BOMBS, body_of
from digest.errors import NotAFeed
from digest.sources.feed import parse_feed

for name in BOMBS:
    try:
        parse_feed(body_of(name), url="https://example.org/feed")
    except NotAFeed:
        pass
print(peak_megabytes())
"""


def test_all_bombs_together_stay_under_three_hundred_megabytes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert float(done.stdout) < 300


def test_no_external_entity_is_ever_followed() -> None:
    body = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + HEAD[21:] + b"&a; beans" + TAIL
    (post,) = parse_feed(body, url="https://example.org/feed").posts
    assert "root:" not in post.text + post.html + post.card.title


def test_short_plain_entities_still_work() -> None:
    body = b'<!DOCTYPE x [<!ENTITY site "The Plots">]>' + HEAD[21:] + b"&site; and beans" + TAIL
    assert parse_feed(body, url="https://example.org/feed").posts[0].text == "The Plots and beans"


def test_beyond_the_depth_cap_the_text_stays_and_the_tags_go() -> None:
    tamed = tame("<div>" * 500 + "deep" + "</div>" * 500)
    assert tamed.count("<div>") == tamed.count("</div>") == DEPTH
    assert read_body(tamed).text == "deep"


def test_only_so_many_posts_are_read_and_the_feed_says_so() -> None:
    item = b"<item><title>x</title><link>https://e.org/%d</link></item>"
    body = HEAD[:60] + b"".join(item % n for n in range(3_100)) + b"</channel></rss>"
    feed = parse_feed(body, url="https://example.org/feed")
    assert len(feed.posts) == 3_000
    assert feed.problems == ("only the first 3,000 of 3,100 posts were read",)


def mutate(body: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, new in cuts:
        start = at % (len(body) + 1)
        body = body[:start] + new + body[start + length :]
    return body


PIECES = st.sampled_from(
    [b"", b"<", b">", b"&", b"\0", b"\xff\xfe", b"]]>", b"<![CDATA[", b"<div>" * 80, b"</entry>", b"&#0;", b"<!--"]
)
CUTS = st.lists(
    st.tuples(st.integers(0, 40_000), st.integers(0, 3_000), PIECES | st.binary(max_size=8)), min_size=1, max_size=6
)
JSON = b'{"version":"https://jsonfeed.org/version/1.1","title":"B","items":[{"id":"1","title":"T","content_html":"<p>x</p>","date_published":"2017-08-11T00:00:00Z","tags":["a"]}]}'
RSS = (
    HEAD
    + b"&lt;p&gt;Hi&lt;/p&gt;"
    + TAIL.replace(b"</item>", b"<pubDate>Fri, 11 Aug 2017 00:00:00 GMT</pubDate><guid>1</guid></item>")
)
SEEDS = [sample("blogger-sample.atom").read_bytes(), sample("blogger-sample.html").read_bytes(), JSON, RSS]


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(SEEDS), CUTS, st.sampled_from(["https://example.org/feed", "saved.html"]))
def test_no_mutation_of_a_document_raises_anything_but_not_a_feed(seed: bytes, cuts: list, url: str) -> None:
    body = mutate(seed, cuts)
    try:
        for post in parse_feed(body, url=url).posts:
            assert post.key
            assert post.card.title
            assert len(post.card.lead) <= 280
    except NotAFeed as fault:
        assert fault.message  # noqa: PT017


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_at_all_raise_anything_but_not_a_feed(body: bytes) -> None:
    try:
        parse_feed(body, url="https://example.org/feed")
    except NotAFeed as fault:
        assert fault.next_step  # noqa: PT017
    find_feeds(body, url="https://example.org/")


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "<a href='x",
                "<b>",
                "</b>",
                "<table>",
                "<td>",
                "<svg>",
                "<p>",
                "x",
                "'",
                ">",
                "<script>",
                "&lt;",
                "<img src=javascript:x onerror=y>",
                "<!--",
                "\0",
            ]
        ),
        max_size=60,
    )
)
def test_nothing_that_runs_survives_cleaning(pieces: list[str]) -> None:
    tree = LexborHTMLParser(clean_html(tame("".join(pieces)), "https://example.org/"))
    assert tree.body is not None
    for node in tree.body.css("*"):
        assert node.tag not in {"script", "svg", "iframe", "form", "style"}
        assert not [name for name in node.attributes if name.startswith("on")]
        assert not (node.attributes.get("src") or node.attributes.get("href") or "").startswith("javascript")
