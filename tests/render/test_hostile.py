"""Strangers' markup stays words, and every script comes out byte for byte."""

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser
from tests import fuzz_render
from tests.render import sample_issue as sample

from digest.core.model import Card, Picture
from digest.render.issue import render_issue

SCRIPTS = {
    "Persian, ZWNJ": "می‌خواهم کتاب‌ها",
    "Hindi": "नमस्ते क्‍ष दुनिया",
    "Thai": "ภาษาไทยที่นี่",
    "Tamil": "தமிழ் மொழி",
    "Hebrew, pointed": "שָׁלוֹם עֲלֵיכֶם",
    "emoji, VS16": "❤️ ☀️",
    "emoji, ZWJ": "👩‍👩‍👧 🏳️‍🌈",
    "NBSP": "48\u00a0°C\u00a0exactly",
    "backslash": "C:\\new\\table",
}


def test_20_000_hostile_fragments_stay_words() -> None:
    allowed = {theme: fuzz_render.benign(theme) for theme in fuzz_render.THEMES}
    seen = 0
    for posts, rendered, theme in fuzz_render.run(20_000, seed=1):
        fuzz_render.check(posts, rendered, allowed[theme])
        seen += len(posts) * fuzz_render.FIELDS
    assert seen >= 20_000


@pytest.mark.parametrize("words", SCRIPTS.values(), ids=SCRIPTS.keys())
@pytest.mark.parametrize("theme", ["editorial", "cards"])
def test_a_script_comes_out_byte_for_byte(words: str, theme: str) -> None:
    picture = Picture(src="https://a.example/1.png", width=640, height=400, alt=f"alt {words}", caption=f"cap {words}")
    card = Card(title=f"title {words}", link="https://a.example/?q=1", lead=f"lead {words}.", pictures=(picture,))
    post = replace(sample.ROOF, card=card, source=f"source {words}")
    rendered = render_issue(
        sample.of(post, sample.SWAP),
        replace(sample.NEWSLETTER, theme=theme),
        language="en",
        web_url="https://d.example/1",
    )
    tree = LexborHTMLParser(rendered.html)
    assert f"alt {words}" in [node.attributes["alt"] for node in tree.css("img")]
    assert f"title {words}" in rendered.preheader + rendered.subject
    assert tree.head is not None
    assert tree.body is not None
    assert f"title {words}" in (tree.css_first("title").text() if tree.css_first("title") else "")
    for part in ("title", "cap", "lead", "source"):
        assert f"{part} {words}" in tree.body.text()
        assert f"{part} {words}".encode() in rendered.html.encode(), part
    assert "\\u{" not in rendered.html
