"""The rules by which feeds are read (docs/sources.md P1–P12), each on the smallest document that shows it."""

from datetime import UTC, datetime

import pytest

from digest.core.model import Feed, ParsedPost
from digest.errors import NotAFeed
from digest.sources.feed import LIMIT, parse_feed

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


# ── P1, F14: what is read, and what never happens ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"/etc/passwd", b"https://example.org/feed", b"file:///etc/passwd", b"hello"])
def test_a_body_that_is_a_path_or_an_address_is_never_opened(body: bytes) -> None:
    with pytest.raises(NotAFeed, match="neither a feed nor a web page"):
        read(body)


def test_the_content_type_is_a_hint_only() -> None:
    body = rss("<item><title>Größe</title></item>")
    for kind in ("text/html", "text/plain", "application/octet-stream", "text/xml; charset=iso-8859-1", None):
        assert parse_feed(body, url=URL, content_type=kind).posts[0].card.title == "Größe"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_wide_encodings_are_read(encoding: str) -> None:
    body = rss("<item><title>Größe</title></item>").decode().encode(encoding)
    assert only(body).card.title == "Größe"


def test_a_declared_charset_is_used_where_the_bytes_are_not_utf8() -> None:
    body = '<?xml version="1.0" encoding="windows-1251"?><rss version="2.0"><channel><item><title>Цитата</title></item></channel></rss>'
    assert only(body.encode("cp1251")).card.title == "Цитата"


@pytest.mark.parametrize(
    ("label", "encoding", "title"),
    [
        ("Shift_JIS", "cp932", "東京の天気①"),
        ("gb2312", "gb18030", "你好，世界镕"),
        ("euc-kr", "cp949", "안녕하세요 똠방각하"),
        ("big5", "big5hkscs", "天氣很好"),
        ("iso-8859-1", "cp1252", "It’s “fine” – 5 €"),
    ],
)
def test_a_label_stands_for_the_larger_set_that_programs_write_under_it(label: str, encoding: str, title: str) -> None:
    body = rss(f"<item><title>{title}</title></item>").decode().replace('"1.0"', f'"1.0" encoding="{label}"', 1)
    assert only(body.encode(encoding)).card.title == title


def test_a_broken_byte_spoils_itself_only() -> None:
    body = rss("<item><title>Огород и садовые дорожки X</title></item>").replace(b"X", b"\xd0")
    assert only(body).card.title == "Огород и садовые дорожки \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is empty"),
        (b"\0\0 \n", "is empty"),
        (b"<html><body>Hi</body></html>", "is a web page, not a feed"),
        (b"<?xml version='1.0'?><svg/>", "neither RSS nor Atom"),
        (b'{"a": 1}', "no JSON Feed"),
        (b"{broken", "looks like JSON"),
        (b"x" * (LIMIT + 1), "larger than 5 MiB"),
    ],
)
def test_what_is_no_feed_is_named_in_one_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(NotAFeed, match=sentence) as caught:
        read(body)
    assert URL in caught.value.message
    assert caught.value.next_step


def test_a_web_page_names_the_feed_that_it_announces() -> None:
    page = b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss"></head></html>'
    with pytest.raises(NotAFeed) as caught:
        read(page)
    assert "https://blog.example.org/rss" in str(caught.value.next_step)


def test_a_feed_behind_a_servers_warning_is_still_read() -> None:
    assert only(b"<br /><b>Warning</b>: x in y.php\n" + rss("<item><title>T</title></item>")).card.title == "T"


def test_a_bare_ampersand_is_itself() -> None:
    item = "<title>R&D, &C; & co&nbsp;&mdash; AT&amp;T</title><link>https://e.org/?a=1&copy=2&lt=3</link>"
    post = only(rss(f"<item>{item}<description><![CDATA[1 &amp; 2 & 3]]></description></item>"))
    assert post.card.title == "R&D, &C; & co — AT&T"
    assert post.link == "https://e.org/?a=1&copy=2&lt=3"
    assert post.text == "1 & 2 & 3"


def test_a_bare_angle_bracket_is_itself() -> None:
    first, second = read(
        rss(
            "<item><title>I <3 beans</title><description>1 < 2, <a href=cut</description></item>"
            "<item><title>a <- b</title></item>"
        )
    ).posts
    assert (first.card.title, second.card.title) == ("I <3 beans", "a <- b")
    assert first.text.startswith("1 < 2,")


def test_numbered_characters_are_read_as_browsers_read_them() -> None:
    assert (
        only(rss("<item><title>It&#146;s &#x93;so&#x94;&#0;&#x1F;&#9999999;</title></item>")).card.title == "It’s “so”"
    )


def test_an_entity_of_the_documents_own_keeps_its_meaning() -> None:
    body = (
        b'<!DOCTYPE x [<!ENTITY copy "Plots"><!ENTITY copy "again">]>' + rss("<item><title>&copy;</title></item>")[21:]
    )
    assert only(body).card.title == "Plots"


def test_a_feeds_id_is_not_taken_for_its_home() -> None:
    feed = read(atom("<entry><title>T</title></entry>", feed="<id>plots</id>"))
    assert feed.home is None


def test_undeclared_prefixes_do_not_lose_posts() -> None:
    body = rss("<item><title>T</title><media:thumbnail url='https://e.org/t.jpg'/><dc:creator>Ann</dc:creator></item>")
    post = only(body)
    assert (post.card.title, post.card.author) == ("T", "Ann")


def test_broken_xml_is_read_as_far_as_it_goes() -> None:
    posts = read(
        rss(
            "<item><title>A & B</title></item><item><title>C<br></title></item><item><title>D</title><description>cut o"
        )
    ).posts
    assert [post.card.title for post in posts] == ["A & B", "C", "D"]


# ── P3, P4: dates ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_published_is_never_taken_from_updated() -> None:
    post = only(atom("<entry><title>T</title><updated>2017-08-11T00:00:00Z</updated></entry>"))
    assert (post.published, post.updated) == (None, datetime(2017, 8, 11, tzinfo=UTC))


def test_updated_is_never_taken_from_published() -> None:
    post = only(rss("<item><title>T</title><pubDate>Fri, 11 Aug 2017 00:00:00 GMT</pubDate></item>"))
    assert (post.published, post.updated) == (datetime(2017, 8, 11, tzinfo=UTC), None)


def test_dublin_cores_date_is_when_an_rdf_item_was_published() -> None:
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>B</title></channel>'
        '<item rdf:about="https://e.org/1"><title>T</title><link>https://e.org/1</link>'
        "<dc:date>2017-08-11T02:00:00+02:00</dc:date></item></rdf:RDF>"
    )
    post = only(body.encode())
    assert (post.published, post.updated) == (datetime(2017, 8, 11, tzinfo=UTC), None)


def test_the_year_one_is_no_date_and_its_text_is_kept() -> None:
    post = only(rss("<item><title>T</title><pubDate>Mon, 01 Jan 0001 00:00:00 +0000</pubDate></item>"))
    assert (post.published, post.date_raw) == (None, "Mon, 01 Jan 0001 00:00:00 +0000")


# ── P5, P6: which entries, and by what they are known ───────────────────────────────────────────────────────────────


def test_an_entry_that_says_nothing_is_dropped() -> None:
    assert [post.card.title for post in read(rss("<item></item><item><title>T</title></item>")).posts] == ["T"]


def test_a_post_is_known_by_its_id_else_its_link_else_what_it_says() -> None:
    items = (
        "<item><guid isPermaLink='false'>g1</guid><link>https://e.org/1</link></item>"
        "<item><link>https://e.org/2</link></item><item><title>Three</title></item>"
    )
    one, two, three = (post.key for post in read(rss(items)).posts)
    assert (one, two) == ("g1", "https://e.org/2")
    assert three.startswith("sha256:")


def test_an_id_stays_as_written_wherever_the_feed_is_read_from() -> None:
    body = rss("<item><title>T</title><guid>posts/1</guid></item>")
    assert {parse_feed(body, url=url).posts[0].key for url in (URL, "http://old.example.org/", "feed.xml")} == {
        "posts/1"
    }


def test_a_move_to_https_keeps_a_key_in_common() -> None:
    old, new = (
        only(rss(f"<item><title>T</title><guid>{scheme}example.org/p/</guid></item>"))
        for scheme in ("http://www.", "https://")
    )
    assert old.key != new.key
    assert set(old.other_keys) & set(new.other_keys)


def test_the_same_id_with_the_same_link_is_one_post_and_with_another_link_another() -> None:
    item = "<item><guid isPermaLink='false'>g</guid><title>{}</title><link>https://e.org/{}</link></item>"
    same = read(rss(item.format("A", 1) + item.format("B", 1))).posts
    other = read(rss(item.format("A", 1) + item.format("B", 2))).posts
    assert [post.card.title for post in same] == ["A"]
    assert len({post.key for post in other}) == 2


def test_posts_without_ids_that_link_to_one_page_are_told_apart_by_their_titles() -> None:
    item = "<item><title>{}</title><link>https://e.org/show</link></item>"
    alone = only(rss(item.format("A")))
    both = read(rss(item.format("B") + item.format("A") + item.format("A"))).posts
    assert [post.card.title for post in both] == ["B", "A"]
    assert set(alone.other_keys) & set(both[1].other_keys)
    assert not {alone.key, *alone.other_keys} & {both[0].key, *both[0].other_keys}


def test_posts_that_share_a_page_or_link_to_the_home_page_are_not_confused() -> None:
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><title>{n}</title><link>{{}}</link></item>" for n in "ab"
    )
    comments = read(rss(items.replace("{}", "https://e.org/p#{}").format("c1", "c2"))).posts
    home = read(rss(items.format("https://e.org/", "https://e.org/"))).posts
    assert not set(comments[0].other_keys) & set(comments[1].other_keys)
    assert home[0].other_keys == home[1].other_keys == ()


# ── P7: links ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_html_page_wins_over_other_alternates_and_other_schemes_are_no_links() -> None:
    links = (
        '<link rel="alternate" type="application/pdf" href="https://e.org/p.pdf"/>'
        '<link rel="alternate" type="application/xhtml+xml" href="https://e.org/p.xhtml"/>'
        '<link rel="alternate" type="text/html" href="https://e.org/p.html"/>'
    )
    assert only(atom(f"<entry><id>tag:e.org:1</id><title>T</title>{links}</entry>")).link == "https://e.org/p.html"
    assert only(atom("<entry><id>tag:e.org:1</id><title>T</title></entry>")).link is None


def test_a_proxys_link_is_kept_as_written_and_the_direct_one_is_shown() -> None:
    item = (
        "<item><title>T</title><link>http://feedproxy.example.com/~r/x/~3/1</link>"
        "<feedburner:origLink>https://e.org/p?utm_source=feed</feedburner:origLink></item>"
    )
    post = only(rss(item, root='xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'))
    assert post.link == "http://feedproxy.example.com/~r/x/~3/1"
    assert post.card.link == "https://e.org/p"


def test_a_permalink_id_stands_in_for_a_missing_link() -> None:
    assert only(rss("<item><title>T</title><guid>https://e.org/p</guid></item>")).link == "https://e.org/p"
    assert only(rss("<item><title>T</title><guid>p-1</guid></item>")).card.link is None


def test_relative_links_are_made_absolute_by_xml_base() -> None:
    entry = '<entry><title>T</title><link href="p.html"/></entry>'
    assert only(atom(entry, root='xml:base="https://e.org/blog/"')).link == "https://e.org/blog/p.html"
    assert only(rss("<item><title>T</title><link>/p.html</link></item>")).link == "https://blog.example.org/p.html"


# ── P9, P10: titles and bodies ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "written", "title"),
    [
        ("text", "Saturday &lt;2 pm&gt;", "Saturday <2 pm>"),
        ("text", "Use &lt;b&gt; sparingly", "Use <b> sparingly"),
        ("html", "Fish &amp;amp; &lt;i&gt;chips&lt;/i&gt;", "Fish & chips"),
        ("html", "It&amp;amp;#8217;s", "It’s"),
        ("xhtml", '<div xmlns="http://www.w3.org/1999/xhtml">A <b>bold</b> one</div>', "A bold one"),
    ],
)
def test_an_atom_title_is_read_by_its_type(kind: str, written: str, title: str) -> None:
    assert only(atom(f'<entry><title type="{kind}">{written}</title><id>1</id></entry>')).card.title == title


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Fish &amp;amp; chips", "Fish & chips"),
        ("A &lt;em&gt;new&lt;/em&gt; start", "A new start"),
        ("<![CDATA[Cats &amp; dogs]]>", "Cats & dogs"),
        (" two\n lines ", "two lines"),
    ],
)
def test_an_rss_title_is_text_whatever_it_holds(written: str, title: str) -> None:
    assert only(rss(f"<item><title>{written}</title></item>")).card.title == title


def test_the_content_wins_over_the_summary_unless_it_is_a_stub() -> None:
    entry = '<entry><title>T</title><summary>{}</summary><content type="html">{}</content></entry>'
    long, short = "A long story about beans. " * 5, "Beans."
    assert only(atom(entry.format(short, long))).text.startswith("A long story")
    assert only(atom(entry.format(long, short))).text.startswith("A long story")


def test_scripts_and_frames_are_gone_and_no_markup_of_a_post_is_kept() -> None:
    body = "&lt;p onclick='x()'>Hi &lt;a href='/a'>a&lt;/a>&lt;a href='javascript:x'>b&lt;/a>&lt;script>evil()&lt;/script>&lt;iframe src='//e'>&lt;/iframe>&lt;/p>"
    post = only(rss(f"<item><title>T</title><description>{body}</description></item>"))
    assert (post.text, post.html) == ("Hi ab", "")
