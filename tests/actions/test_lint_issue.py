"""No post can hold an issue: whatever a feed has in it, the linter finds no error in the mail that is made of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.render import sample_issue as sample

from digest.actions.lint_issue import find_errors
from digest.core.model import Picture, Variant
from digest.render.issue import render_issue
from digest.render.templates import theme_names

NOW = datetime(2017, 8, 14, 15, 5, tzinfo=UTC)
HOSTILE = (
    {"title": "How {{ mustache }} and {% block %} work", "lead": "Write *|FNAME|* or %%name%%, and \\u{1F600}."},
    {"link": "http://intranet/a page", "title": "Spaces"},
    {"link": "https://bücher.example/ä?ö=ü#ß"},
    {"link": None, "title": ""},
    {"pictures": (Picture(src="http://old.example/a.jpg", width=800, height=600),)},
    {"pictures": (Picture(src="http://old.example:8080/a.jpg", width=800, height=600),)},
    {"pictures": (Picture(src="https://new.example/a.webp", width=800, height=600),)},
    {"pictures": (Picture(src="https://new.example/a.svg", width=800, height=600),)},
    {"pictures": (Picture(src="https://new.example/a.heic", width=None, height=None),)},
    {"pictures": (Picture(src="https://x.example/1.png", width=9000, height=1), Picture(src="https://x.example/2.png", caption="c"))},
    {"lead": "<script>alert(1)</script><form><h1>", "topics": ("a" * 500, "<b>")},
    {"title": "click here", "lead": "From me to you\nFrom you to me"},
)  # fmt: skip


@pytest.mark.parametrize("theme", theme_names())
def test_posts_of_any_kind_pass(theme: str) -> None:
    posts = [sample.post(number, sample.ROOF.at, **({"title": f"Post {number}", "link": f"https://x.example/{number}"} | card))
             for number, card in enumerate(HOSTILE, start=1)]  # fmt: skip
    issue = sample.of(*posts)
    newsletter = replace(sample.NEWSLETTER, theme=theme)
    variant = Variant(
        id=1, issue_id=1, key="*/en", language="en", rendered=render_issue(issue, newsletter, language="en")
    )
    for web_base in (None, "https://news.example"):
        assert find_errors(issue, newsletter, (variant,), now=NOW, web_base=web_base) == ()


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (lambda html: html.replace("</body>", '<a href="/here">x</a></body>'), "link-address"),
        (lambda html: re.sub(r"<a\b[^>]*unsubscribe_url.*?</a>", "", html, flags=re.DOTALL), "unsubscribe"),
        (lambda html: html.replace(' lang="de"', "", 1), "lang"),
    ],
)
def test_an_error_in_one_of_many_variants_is_found(broken: Callable[[str], str], rule: str) -> None:
    """All but the first are read in short, whatever their language."""
    issue = sample.issue()
    made = {language: render_issue(issue, sample.NEWSLETTER, language=language) for language in ("en", "de", "fr")}
    variants = [Variant(id=1, issue_id=1, key=f"*/{name}", language=name, rendered=each) for name, each in made.items()]
    assert find_errors(issue, sample.NEWSLETTER, tuple(variants), now=NOW, web_base="https://news.example") == ()
    variants[1] = replace(variants[1], rendered=replace(made["de"], html=broken(made["de"].html)))
    assert find_errors(issue, sample.NEWSLETTER, tuple(variants), now=NOW, web_base="https://news.example") == (rule,)
