"""The sample blog gives every expected field, from its feed and from its saved page alike."""

import io
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import feedparser
import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.core.model import Feed, ParsedPost
from digest.paths import sample
from digest.sources.body import read_body
from digest.sources.feed import parse_feed

EXPECTED = json.loads((Path(__file__).parents[1] / "data" / "blogger-sample.expected.json").read_text("utf-8"))
HOME = EXPECTED["blog"]["url"]
FORMS = ("blogger-sample.atom", "blogger-sample.html")


def read(name: str) -> Feed:
    return parse_feed(sample(name).read_bytes(), url=name)


def pairs(name: str) -> list[tuple[ParsedPost, dict]]:
    return list(zip(read(name).posts, EXPECTED["entries"], strict=True))


def markups(name: str) -> list[str]:
    """The posts' bodies as written."""
    if name.endswith(".html"):
        return [node.inner_html for node in LexborHTMLParser(sample(name).read_bytes()).css(".post-body")]
    found = feedparser.parse(io.BytesIO(sample(name).read_bytes()), sanitize_html=False, resolve_relative_uris=False)
    return [entry.content[0].value for entry in found.entries]


@pytest.mark.parametrize("name", FORMS)
def test_the_blog_is_known_by_title_and_home(name: str) -> None:
    feed = read(name)
    assert (feed.title, feed.home) == (EXPECTED["blog"]["title"], HOME)


@pytest.mark.parametrize("name", FORMS)
def test_ids_links_titles_and_labels_are_the_expected_ones(name: str) -> None:
    for post, expected in pairs(name):
        assert post.guid == post.key == expected["id"]
        assert post.link == post.card.link == expected["link"]
        assert (None if post.card.title_made else post.card.title) == expected["title"]
        assert list(post.card.topics) == expected["labels"]
        assert post.card.author == "Wren Ashdown"
        assert post.card.language == "en"


@pytest.mark.parametrize("name", FORMS)
def test_dates_and_days_are_the_expected_ones(name: str) -> None:
    for post, expected in pairs(name):
        stated = datetime.fromisoformat(expected["published"])
        assert post.published is not None
        assert abs((post.published - stated).total_seconds()) < 1  # the page gives no fractions
        assert post.published.astimezone(ZoneInfo("America/Los_Angeles")).date().isoformat() == expected["day"]


def test_the_feed_states_updates_and_the_page_states_none() -> None:
    for post, expected in pairs("blogger-sample.atom"):
        assert post.updated == datetime.fromisoformat(expected["updated"])
    assert {post.updated for post in read("blogger-sample.html").posts} == {None}


@pytest.mark.parametrize("name", FORMS)
def test_lead_and_paragraphs_are_the_expected_ones(name: str) -> None:
    for post, expected, markup in zip(read(name).posts, EXPECTED["entries"], markups(name), strict=True):
        assert post.card.lead == expected["lead"]
        assert list(read_body(markup, HOME).paragraphs) == expected["paragraphs"]


@pytest.mark.parametrize("name", FORMS)
def test_every_picture_comes_with_its_sizes_alt_text_and_caption(name: str) -> None:
    for post, expected in pairs(name):
        ours = [
            {
                "src": one.src,
                "full": one.full,
                "width": one.width,
                "height": one.height,
                "alt": "" if one.alt_made else one.alt,
                "caption": one.caption,
            }
            for one in post.card.pictures
        ]
        assert ours == [{**one, "alt": one["alt"] or ""} for one in expected["images"]]


def test_page_and_feed_say_the_same() -> None:
    feed, page = read("blogger-sample.atom"), read("blogger-sample.html")
    assert [post.body_hash for post in feed.posts] == [post.body_hash for post in page.posts]
    assert [post.other_keys for post in feed.posts] == [post.other_keys for post in page.posts]


def test_the_untitled_post_gets_its_first_sentence_clipped_at_a_word() -> None:
    card = read("blogger-sample.atom").posts[0].card
    assert card.title == "The beans have finally climbed past the top of the canes, and the…"
    assert len(card.title) <= 70


def test_the_quote_is_kept_apart_from_the_text() -> None:
    card = read("blogger-sample.atom").posts[1].card
    assert card.quote is not None
    assert card.quote.startswith("“Turn it, wet it")
