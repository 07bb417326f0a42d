"""An issue's page on the web: what the mail says, for everybody, and nothing about one reader."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.render.catalogues import languages
from digest.render.page import Neighbour, render_page
from digest.render.sample import MERGE_KEY, sample_issue, sample_newsletter
from digest.render.words import words_for

URL = "https://news.example/archive/lower-mill/12"
BEFORE = Neighbour(number=11, url="https://news.example/archive/lower-mill/11")
AFTER = Neighbour(number=13, url="https://news.example/archive/lower-mill/13")


def page(language: str = "en", theme: str = "editorial", issue=None, **more) -> str:
    given = {"url": URL, "archive_url": URL.rpartition("/")[0], "previous": BEFORE, "following": AFTER, **more}
    return render_page(
        issue or sample_issue(language), sample_newsletter(theme, language=language), language=language, **given
    ).html


@pytest.mark.parametrize("language", languages())
def test_a_page_has_every_post_with_an_anchor_and_leads_on(language: str) -> None:
    tree, words = LexborHTMLParser(page(language)), words_for(language)
    content = sample_issue(language).content
    assert tree.css_first("html").attributes == {"lang": language, "dir": words.direction}
    assert [one.attributes["id"] for one in tree.css("article")] == [
        f"post-{number}" for number in range(1, len(content.posts) + 1)
    ]
    hrefs = {one.attributes["href"] for one in tree.css("a")}
    assert {post.card.link for post in (*content.posts, *content.more)} <= hrefs
    assert {"#post-1", "#post-9", BEFORE.url, AFTER.url, URL.rpartition("/")[0]} <= hrefs
    assert words._("Next issue") in tree.css_first("footer").text()
    assert "Plot 14, Lower Mill Lane, Millbrook" in tree.css_first("footer").text()
    assert len(tree.css("h1")) == 1


def test_the_head_tells_machines_what_it_is() -> None:
    tree = LexborHTMLParser(page())
    meta = {
        one.attributes.get("property") or one.attributes.get("name"): one.attributes["content"]
        for one in tree.css("meta[content]")
    }
    assert meta["og:url"] == URL
    assert meta["og:type"] == "article"
    assert meta["og:title"] == tree.css_first("h1").text()
    assert meta["og:image"] == "https://images.lowermill.example/heap-thermometer.jpg"
    assert meta["og:image:alt"] == "A thermometer in a compost heap"
    assert 40 <= len(meta["description"]) <= 160
    links = {(one.attributes["rel"], one.attributes["href"]) for one in tree.css("link")}
    feeds = {("alternate", f"{URL.rpartition('/')[0]}/feed.{kind}") for kind in ("xml", "json")}
    assert links == {("canonical", URL), ("prev", BEFORE.url), ("next", AFTER.url), *feeds}
    listed = json.loads(tree.css_first('script[type="application/ld+json"]').text())
    content = sample_issue().content
    assert listed["@type"] == "ItemList"
    assert listed["numberOfItems"] == len(content.posts) + len(content.more) == len(listed["itemListElement"])
    assert [one["position"] for one in listed["itemListElement"]] == list(range(1, 13))
    assert listed["itemListElement"][0]["url"] == content.posts[0].card.link
    assert listed["itemListElement"][0]["name"] == content.posts[0].card.title


def test_nothing_in_it_is_about_a_reader() -> None:
    for theme in ("editorial", "plain"):
        html = page(theme=theme)
        assert "%%" not in html
        assert MERGE_KEY not in html
        for word in ("Unsubscribe", "Change preferences", "You get this email"):
            assert word not in html


def test_no_script_runs_and_its_one_style_is_allowed_by_its_hash() -> None:
    html = page()
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    allowed = f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    tree = LexborHTMLParser(html)
    policy = tree.css_first('meta[http-equiv="Content-Security-Policy"]').attributes["content"]
    assert policy.startswith("default-src 'none';")
    assert allowed in policy
    assert html.count("<style") == 1
    assert 'style="' not in html
    assert [one.attributes["type"] for one in tree.css("script")] == ["application/ld+json"]
    assert re.search(r"\son\w+=", html) is None


def test_what_a_post_says_stays_text() -> None:
    issue = sample_issue()
    first, *rest = issue.content.groups
    hostile = '</script></style><script>alert(1)</script>"><img src=x onerror=alert(1)> %%sample0key:address%%'
    post = first.posts[0]
    card = replace(post.card, title=hostile, lead=hostile, quote=hostile, author=hostile, topics=(hostile,))
    groups = (replace(first, posts=(replace(post, card=card, source=hostile),)), *rest)
    html = page(issue=replace(issue, content=replace(issue.content, groups=groups)))
    tree = LexborHTMLParser(html)
    assert len(tree.css("script")) == 1
    assert tree.css("img[onerror]") == []
    assert "sample0key" not in html
    listed = json.loads(tree.css_first("script").text())
    assert listed["itemListElement"][0]["name"].startswith("</script></style><script>alert(1)</script>")


def test_a_page_without_an_address_names_none_and_a_first_issue_leads_nowhere_back() -> None:
    tree = LexborHTMLParser(page(url=None, archive_url=None, previous=None, following=None))
    assert tree.css("link") == []
    assert tree.css('meta[property="og:url"]') == []
    assert tree.css(".turn") == []


def test_our_words_run_our_way_beside_a_post_that_runs_the_other() -> None:
    tree = LexborHTMLParser(page("fa"))
    article = next(one for one in tree.css("article[dir=ltr]") if one.css_first("a.read"))
    assert article.css_first("a.read").attributes["dir"] == "rtl"
