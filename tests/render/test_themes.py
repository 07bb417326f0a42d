"""The four themes, each in every language: everything that an issue has is there, and nothing that mail cannot show."""

import re
from functools import cache
from html import unescape
from itertools import pairwise

import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.actions.sample_preview import preview_sample
from digest.actions.themes import check_theme
from digest.core.lint.finding import Severity
from digest.render.catalogues import languages
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.sample import sample_issue, sample_newsletter
from digest.render.templates import theme_names
from digest.render.words import words_for

THEMES = theme_names()
sample_of = cache(preview_sample)  # several tests look at the same mail


def test_there_are_four() -> None:
    assert THEMES == ("cards", "compact", "editorial", "plain")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("theme", THEMES)
def test_an_issue_has_all_its_parts(theme: str, language: str) -> None:
    made = sample_of(theme, language)
    html, text, words = made.rendered.html, made.rendered.text, words_for(language)
    content = sample_issue(language).content
    assert f'<html lang="{language}" dir="{words.direction}"' in html
    for post in content.posts:
        assert unescape(html).count(post.card.title.rstrip("…")[:40]) >= 1
        assert post.card.link in html
        assert post.card.link in text
    for label in (
        "View in browser",
        "Editor’s note",
        "In this issue",
        "Pinned",
        "Earlier",
        "More posts",
        "Unsubscribe",
        "Archive",
        "Also in",
    ):
        assert words._(label) in unescape(html), label
        assert words._(label) in text, label
    assert "Plot 14, Lower Mill Lane, Millbrook" in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("theme", THEMES)
def test_an_issue_is_in_order_for_who_listens_to_it(theme: str, language: str) -> None:
    page = LexborHTMLParser(sample_of(theme, language).rendered.html)
    levels = [int(str(node.tag)[1]) for node in page.css("h1, h2, h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert {node.attributes.get("role") for node in page.css("table")} == {"presentation"}
    assert all("alt" in node.attributes and node.attributes["width"] for node in page.css("img"))
    assert [node.attributes["href"] for node in page.css('a[href^="#"]')] == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_linter_has_nothing_to_say(theme: str) -> None:
    checked = check_theme(theme, None)
    assert [(one.rule, one.said) for one in checked.findings if one.severity is not Severity.NOTE] == []
    assert checked.is_usable


@pytest.mark.parametrize("theme", THEMES)
def test_a_post_stands_on_the_side_where_its_language_begins(theme: str) -> None:
    sides = {"en": "left", "fa": "right", "ar": "right", "de": "left", "ja": "left"}
    for language in ("en", "fa"):
        page = LexborHTMLParser(sample_of(theme, language).rendered.html)
        for post in sample_issue(language).content.posts:
            heading = next(node for node in page.css("h3") if post.card.title.rstrip("…")[:40] in node.text())
            cell = heading.parent
            while cell.tag != "td" or "align" not in cell.attributes:
                cell = cell.parent
            assert cell.attributes["align"] == sides.get(post.card.language, "left"), post.card.title
            assert heading.attributes.get("lang", language) == post.card.language


@pytest.mark.parametrize("theme", THEMES)
def test_styles_are_few_with_small_screens_first_and_dark_last(theme: str) -> None:
    html = sample_of(theme, "en").rendered.html
    styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    assert len(styles) <= 16_384
    assert styles.index("max-width:480px") < styles.index("prefers-color-scheme:dark")
    found = (size for pair in re.findall(r"font-size:(\d+)px|font:[^;]*?(\d+)px/", html) for size in pair)
    sizes = [int(size) for size in found if size not in {"", "0", "1"}]  # 0 and 1: gaps, and the hidden preheader
    assert min(sizes) >= 13
    assert 'name="color-scheme"' in html
    assert 'name="supported-color-schemes"' in html


def test_a_heading_begins_with_a_capital() -> None:
    for language, heading in (("fr", "Vendredi 11 août"), ("es", "Viernes, 11 de agosto"), ("en", "Friday, 11 August")):
        rendered = sample_of("plain", language).rendered
        assert heading in rendered.html
        assert heading.upper() in rendered.text.upper()


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("theme", THEMES)
def test_a_notice_says_one_thing_and_has_one_button(theme: str, kind: NoticeKind) -> None:
    for language in languages():
        link = f"https://news.example/{kind}/T0k_en-1"
        notice = Notice(kind=kind, address="anna+1@example.org", action_url=link)
        rendered = render_notice(notice, sample_newsletter(theme, language=language), language=language)
        assert rendered.html.count(f'href="{link}"') == 1
        assert f"\n{link}\n" in rendered.text
        assert "Lower Mill Weekly" in rendered.subject + rendered.html
        is_move = kind in {NoticeKind.MOVE_FROM, NoticeKind.MOVE_TO}  # neither end is told the other's address
        assert ("anna+1@example.org" in rendered.html) is not is_move
        assert "%%" not in rendered.html + rendered.text
        assert 40 <= len(rendered.preheader) <= 130 or language == "ja"


def test_what_a_stranger_typed_stays_text_in_a_notice() -> None:
    notice = Notice(kind=NoticeKind.CONFIRM, address='"<b>x</b>"@example.org', action_url="javascript:alert(1)")
    rendered = render_notice(notice, sample_newsletter("cards"), language="en")
    assert "<b>x</b>" not in rendered.html
    assert "&lt;b&gt;x&lt;/b&gt;" in rendered.html
    assert "javascript" not in rendered.html + rendered.text


@pytest.mark.parametrize("theme", THEMES)
def test_no_line_begins_with_a_dot_and_links_read_in_the_issues_direction(theme: str) -> None:
    """A line breaks after what stands between two facts; and a blog's name begins a sentence without turning it round."""
    html = sample_of(theme, "ja").rendered.html
    lines = [node.text() for node in LexborHTMLParser(html).css("p")]
    assert any("\u00a0·" in line for line in lines)
    assert [line for line in lines if " ·" in line] == []
    assert "><bdi>باغچهٔ پشت‌بام</bdi>で読む" in html
