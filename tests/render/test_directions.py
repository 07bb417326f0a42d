"""Which way an issue runs, and what of it runs the other way."""

from dataclasses import replace

import pytest
from markupsafe import Markup
from selectolax.lexbor import LexborHTMLParser
from tests.render import sample_issue as sample
from tests.render.test_issue import WEB, render

from digest.actions.sample_preview import preview_sample
from digest.render.direction import beside
from digest.render.headline import set_apart


def test_right_to_left_issues_are_mirrored_and_latin_names_isolated() -> None:
    rendered = render(language="fa")
    tree = LexborHTMLParser(rendered.html)
    assert tree.css_first("html").attributes["dir"] == "rtl"
    assert tree.css_first("html").attributes["lang"] == "fa"
    assert "padding-right:24px" in rendered.html
    assert "direction:ltr" not in rendered.html
    assert tree.css("h3[dir=ltr][lang=en]")
    assert tree.css("bdi")
    assert "۷ تا ۱۳ اوت ۲۰۱۷" in rendered.html


def test_no_dot_stands_between_persian_digits_whose_nought_is_one() -> None:
    rendered = render(language="fa", web_url=WEB)
    assert "شمارهٔ ۱ | ۷ تا ۱۳ اوت ۲۰۱۷" in rendered.text
    shown = LexborHTMLParser(rendered.html).body.text() + rendered.text + rendered.preheader
    assert (shown.count("·"), set_apart("a", number=7, language="fa")) == (0, "a | شمارهٔ ۷")
    assert "Issue 1 · 7–13 August 2017" in render(web_url=WEB).text


@pytest.mark.parametrize("theme", ["editorial", "compact", "plain"])
def test_a_blogs_name_is_isolated_in_the_words_that_lead_to_it(theme: str) -> None:
    """Its own marks stay behind it: "Yahoo!", not "!Yahoo"."""
    html = render(
        sample.of(replace(sample.ROOF, source="Yahoo!")), replace(sample.NEWSLETTER, theme=theme), language="fa"
    ).html
    assert "ادامه در <bdi>Yahoo!</bdi>" in html


def test_the_facts_of_a_post_run_as_it_does() -> None:
    """Else they stand at its side, and where they break the first line begins with the stroke that ends it."""
    facts = LexborHTMLParser(preview_sample("compact", "fa").rendered.html).css_first("h3[lang=fr] + p")
    assert facts.attributes["dir"] == "ltr"
    assert facts.text() == "Hélène\u00a0Roux\u00a0| ۸\u00a0اوت\u00a0| ۲\u00a0دقیقه\u00a0خواندن"
    assert len(facts.css("bdi")) == 2, "what runs the other way is by itself"


def test_a_post_without_a_language_runs_as_its_letters_do() -> None:
    hebrew = sample.post(8, sample.ROOF.at, title="48: הפטל הבשיל", lead="קטפנו אותו בבוקר.", language=None)
    unknown = sample.post(9, sample.ROOF.at, title="הגשם חזר", lead="סוף סוף.", language="zxx")
    english = sample.post(7, sample.ROOF.at, title="48 beans", lead="Green ones.", language=None)
    tree = LexborHTMLParser(render(sample.of(hebrew, unknown, english)).html)
    assert [node.attributes.get("dir") for node in tree.css("h3")] == ["rtl", "rtl", None]
    assert [node.attributes.get("lang") for node in tree.css("h3")] == [None, "zxx", None]
    persian = LexborHTMLParser(render(sample.of(english), language="fa").html)  # its heading stays, to run its own way
    assert persian.css_first("h3").attributes["dir"] == "ltr"


RLM, LRM = "\N{RIGHT-TO-LEFT MARK}", "\N{LEFT-TO-RIGHT MARK}"


@pytest.mark.parametrize(("language", "blog", "mark"), [("fa", "Club Blog", RLM), ("en", "باغ ایرانی", LRM)])
def test_digits_after_a_name_that_runs_the_other_way_stay_behind_it(language: str, blog: str, mark: str) -> None:
    """They follow the last letter before them (UAX 9, W2 and W7): "10 posts from 50 | Club Blog in brief"."""
    plain = [sample.post(number, sample.ROOF.at, title=f"{blog[:4]} {blog[::-1]}", lead="") for number in (7, 8, 9)]
    posts = [replace(post, source=blog, card=replace(post.card, author=None)) for post in plain]
    rendered = render(sample.of(*posts, more=tuple(posts[1:])), language=language)
    shown = LexborHTMLParser(rendered.html).css_first(".sum").text()
    dot, two = ("|", "۲") if language == "fa" else ("·", "2")
    assert f"{blog}{mark} {dot} {two}" in shown
    assert f"{blog}{mark} {dot} {two}" in rendered.text
    assert f"{mark} {dot} " in rendered.preheader
    assert f"{blog} {dot}" not in shown + rendered.text + rendered.preheader
    assert f"{blog[::-1]}{mark}{'،' if language == 'fa' else ','} {blog[:4]}" in rendered.subject, (
        "the first title comes first"
    )


def test_a_row_of_a_templates_own_is_escaped_as_by_join() -> None:
    assert beside([Markup("A &amp; B"), "C & D", 7], "ltr", " · ") == "A &amp; B · C &amp; D · 7"
    assert isinstance(beside([Markup("a"), "b"], "ltr", " & "), Markup)
    assert beside(["A & B", "c"], "ltr", " · ") == "A & B · c"
