"""Hostile words through the whole way: feed → posts → issue → HTML. Every theme in turn; seeded.

`python -m tests.fuzz_render --count 200000 --seed 7` is the long form of tests/render/test_hostile.py.
"""

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from selectolax.lexbor import LexborHTMLParser

from digest.core import merge
from digest.core.model import IssueContent, IssuePost, ParsedPost, Rendered
from digest.render.clean import clean_line
from digest.render.issue import render_issue
from digest.render.sample import sample_issue, sample_newsletter
from digest.sources.feed import parse_feed
from tests.render import sample_issue as sample

FIELDS = 5  # body, title, caption, author, URL
POSTS = 12  # in one issue: few enough to be shown in full
THEMES = ("editorial", "compact", "cards", "plain")
_BASE = "https://lowermillplots.blogspot.com/"
_AT = datetime(2017, 8, 11, 12, tzinfo=UTC)
_FORGED = (merge.token(sample.KEY, "address"), merge.token(sample.KEY[:4] + sample.KEY + sample.KEY[4:], "address"))
_PARTS = (
    *("<zz9 onzz9=1>", "</zz9>", "<script>zz9()</script>", "<img src=x onerror=zz9()>", "<svg onload=zz9()>", "<zz9"),
    *(
        "<style>*{zz9:1}</style>",
        "</style>",
        "<iframe srcdoc='<zz9>'>",
        "<a href='javascript:zz9()'>",
        "<base href=//z>",
    ),
    *("</mj-text>", "</mj-column></mj-section>", "<mj-raw><zz9></mj-raw>", "<mj-include path=/etc/passwd />", "<mjml>"),
    *("<mj-style inline=inline>", '" onzz9="1', "' onzz9='1", '"><zz9>', "'/><zz9/>", "`", "\\", '\\"', "\\u{41}", "="),
    *(
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<!--[if mso]><zz9><![endif]-->",
        "<![CDATA[",
        "]]>",
        "<?zz9 ?>",
        "<!DOCTYPE zz9>",
    ),
    *(
        "{{ 7*7 }}",
        "{% raw %}",
        "{% endraw %}",
        "{# #}",
        "${7}",
        "%(x)s",
        "%s",
        "%%",
        "{n}",
        "{address}",
        "{0.__class__}",
    ),
    *(
        "&lt;zz9&gt;",
        "&amp;lt;",
        "&#60;zz9&#62;",
        "&#x0;",
        "&#xD800;",
        "&nosuch;",
        "&",
        "&#",
        "&#x22; onzz9=1",
        "&quot;",
    ),
    *(
        "\u200c",
        "\u200d",
        "\u200b",
        "\ufeff",
        "\u202e",
        "\u2066",
        "\u2028",
        "\x85",
        "\u00a0",
        "\u00ad",
        "\ufe0f",
        "\u0301" * 9,
    ),
    *(
        "👩‍👩‍👧",
        "❤️",
        "می‌خواهم",
        "नमस्ते",
        "ภาษาไทย",
        "தமிழ்",
        "שָׁלוֹם",
        "日本語",
        "é",
        "\U000f0000",
        "\ufffd",
        "\U0001f1e9\U0001f1ea",
    ),
    *(
        "\n",
        "\n\n",
        "\t",
        "\r\n",
        " ",
        "  ",
        "a\nb",
        "From ",
        ".",
        "..",
        "=3D",
        "=\n",
        "x" * 90,
        "<b>" * 70,
        "<div>" * 300,
    ),
    *(
        "http://",
        "//zz9",
        "data:text/html,<zz9>",
        "mailto:a@b.example?bcc=z",
        "https://[::1",
        "https://u:p@h/",
        "../",
        "?a=b&c=d",
    ),
    *_FORGED,
)
_SPANS = (range(32, 256), range(0x300, 0xD7FF, 241))  # Latin, and a sample of everything else


def make_fragment(chance: random.Random) -> str:
    """A few hostile parts, words and odd characters in a row."""
    return "".join(
        chance.choice(_PARTS) if chance.random() < 0.8 else chr(chance.choice(_SPANS)[chance.randrange(224)])
        for _ in range(chance.randint(1, 6))
    )


def run(count: int, seed: int) -> Iterator[tuple[list[ParsedPost], Rendered, str]]:
    """Issues that hold `count` fragments in all, with their posts and the theme's name."""
    chance = random.Random(seed)
    for turn in range(-(-count // (FIELDS * POSTS))):
        posts = parse_feed(_feed(chance), url=_BASE + "feed").posts
        theme = THEMES[turn % len(THEMES)]
        yield list(posts), _render(list(posts), theme), theme


def shapes(html: str) -> set[tuple[str, str]]:
    """Each element of a page with each of its attributes, as an HTML5 parser of its own finds them."""
    tree = LexborHTMLParser(html)
    assert tree.root is not None
    return {(node.tag or "", name) for node in tree.root.traverse() for name in ("", *node.attributes)}


def benign(theme: str) -> set[tuple[str, str]]:
    """The shapes of harmless issues of a theme, in both directions and with posts of the other one."""
    persian = "این یک متن فارسی است که از راست نوشته می‌شود. "
    found: set[tuple[str, str]] = set()
    for words in ("kept words", persian, "kept " * 30, persian * 5):
        found |= shapes(
            _render(list(parse_feed(_feed(random.Random(1), words=words), url=_BASE + "feed").posts), theme).html
        )
    for language in ("en", "fa", "ar", "ja"):
        found |= shapes(render_issue(sample_issue(language), sample_newsletter(theme), language="en").html)
        found |= shapes(render_issue(sample_issue("en"), sample_newsletter(theme), language=language).html)
    return found


def check(posts: list[ParsedPost], rendered: Rendered, allowed: set[tuple[str, str]]) -> None:
    """No shape but the theme's own, no link but safe ones, every title, and no forged merge field.

    Raises:
        AssertionError: says what came through, or what was lost.
    """
    strange = shapes(rendered.html) - allowed
    assert not strange, strange
    tree = LexborHTMLParser(rendered.html)
    for link in (str(node.attributes["href"]) for node in tree.css("[href]")):
        assert link.startswith(("https://", "http://", "mailto:", "%%" + sample.KEY + ":", "#")), link
    page = _shown(tree.body.text() if tree.body else "")
    for post in posts:
        captions = [picture.caption for picture in post.card.pictures]
        for words in (
            post.card.lead,
            "" if post.card.title_made else post.card.title,
            post.card.author or "",
            *captions,
        ):
            assert _shown(clean_line(words, key=sample.KEY))[:100] in page, words
    for part in (rendered.html, rendered.text):
        assert part.count(merge.token(sample.KEY, "address")) == 1
        part.encode()


def _feed(chance: random.Random, *, words: str | None = None) -> bytes:
    items = []
    for number in range(POSTS):
        body, title, caption, author, path = (words or make_fragment(chance) for _ in range(FIELDS))
        figure = f'<figure><img src="{_BASE}{number}.jpg" width="640" height="400"><figcaption>{caption}</figcaption></figure>'
        link = _BASE + escape(path) if chance.random() < 0.8 else escape(path)
        items.append(
            f"<item><guid>{number}</guid><title>{_xml(f'kept {title}')}</title><link>{_xml(link)}</link>"
            f"<dc:creator>{_xml(author)}</dc:creator><category>{_xml(author)}</category>"
            f"<description>{_xml(f'{figure}<p>kept {body}</p><p>Then more.</p>')}</description></item>"
        )
    feed = f'<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>x</title>{"".join(items)}'
    return (feed + "</channel></rss>").encode("utf-8", "replace")


def _xml(text: str) -> str:
    return escape("".join(character for character in text if character >= " " or character in "\t\n\r"))


def _render(posts: list[ParsedPost], theme: str) -> Rendered:
    shown = tuple(
        IssuePost(post_id=number, source_id=number % 2, source=post.card.author or "x", card=post.card, at=_AT)
        for number, post in enumerate(posts, 1)
    )
    content: IssueContent = sample.of(*shown).content or sample.CONTENT
    newsletter = sample_newsletter(theme)
    return render_issue(sample.issue(content), newsletter, language="en", web_url="https://digest.example/1")


def _shown(text: str) -> str:
    return "".join(text.split())


def main() -> None:
    """Run as long a form as one likes, and say how many fragments came through unharmed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="fragments in all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    allowed = {theme: benign(theme) for theme in THEMES}
    for posts, rendered, theme in run(options.count, options.seed):
        check(posts, rendered, allowed[theme])
    print(f"{options.count:,} fragments of seed {options.seed}: no fault")


if __name__ == "__main__":
    main()
