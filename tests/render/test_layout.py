"""Pieces are laid out once a kind; what comes of it is what mrml makes of the whole."""

import re
from dataclasses import replace

import pytest
from tests.bench.rendering import twenty_posts
from tests.render import sample_issue as sample

from digest.render import harden as hardening
from digest.render.convert import _laid_out, convert
from digest.render.harden import harden
from digest.render.issue import render_issue
from digest.render.layout import Kinds

MANY = "".join(
    f'<mj-section padding="{pad}px"><mj-column width="{width}%"><mj-text>{word}</mj-text><mj-divider border-width="2px"/>'
    f'<mj-text align="right">{word}</mj-text></mj-column><mj-column><mj-button href="/{word}">{word}</mj-button>'
    f'<mj-image src="/{word}.png"/><mj-social><mj-social-element name="x" href="/y">z</mj-social-element></mj-social>'
    "</mj-column></mj-section>"
    for pad, width, word in ((1, 30, "a"), (2, 30, "b"), (1, 30, "c"), (1, 45, "a"), (1, 30, "a"))
)
DOCUMENTS = {
    "columns": MANY,
    "between sections": MANY + "<mj-raw><p>raw</p></mj-raw><!-- remark -->" + MANY,
    "wrapper": f'<mj-wrapper padding="9px">{MANY}</mj-wrapper><mj-wrapper>{MANY}</mj-wrapper>{MANY}',
    "hero": '<mj-hero height="90px"><mj-text>h</mj-text></mj-hero>' * 2,
    "group": f"<mj-section><mj-group>{'<mj-column><mj-text>g</mj-text></mj-column>' * 3}</mj-group></mj-section>",
    "in columns": "<mj-section><mj-column><mj-text>a</mj-text><!-- b --><mj-raw><tr><td>c</td></tr></mj-raw><mj-text>d"
    "</mj-text><mj-spacer/><mj-text></mj-text><mj-text>e <!-- f --></mj-text ></mj-column></mj-section>",
    "empty": "<mj-section><mj-column></mj-column></mj-section>",
    "nothing": "",
}


def joined(html: str) -> str:
    """Without the newlines that keep lines short."""
    return re.sub(r"\n(?= ?style=)", " ", html).replace("  style", " style")


def uncut(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a document is one piece."""
    monkeypatch.setattr(hardening, "SECTIONS", frozenset())
    monkeypatch.setattr(hardening, "LINES", frozenset())


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS)
def test_pieces_make_the_same_page_as_the_whole(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mjml = f"<mjml><mj-head><mj-title>t</mj-title></mj-head><mj-body>{body}</mj-body></mjml>"
    pieces = convert(mjml, file="x")
    uncut(monkeypatch)
    assert Kinds(harden(mjml)).sheet().count("<mj-section") == body.count("<mj-section")  # it is uncut now
    assert joined(pieces) == joined(convert(mjml, file="x"))


@pytest.mark.parametrize(
    ("theme", "language"), [("editorial", "en"), ("cards", "fa"), ("compact", "ja"), ("plain", "ar")]
)
def test_every_theme_is_the_same_in_pieces(theme: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newsletter, issue = replace(sample.NEWSLETTER, theme=theme), twenty_posts()
    pieces = render_issue(issue, newsletter, language=language, web_url="https://x.example/1").html
    uncut(monkeypatch)
    assert joined(render_issue(issue, newsletter, language=language, web_url="https://x.example/1").html) == joined(
        pieces
    )


def test_a_kind_is_laid_out_once() -> None:
    sheet = Kinds(harden(f"<mjml><mj-body>{MANY * 5}</mj-body></mjml>")).sheet()
    assert (sheet.count("<mj-section"), sheet.count("<mj-button"), sheet.count("<mj-text")) == (3, 3, 6)


def test_a_variant_with_other_posts_is_not_laid_out_anew() -> None:
    """Of posts that look alike, whichever they are and in whatever order."""
    one, two = '<mj-text color="red">a</mj-text>', '<mj-text color="blue">b</mj-text>'
    _laid_out.cache_clear()
    pages = [
        convert(f"<mjml><mj-body><mj-section><mj-column>{lines}</mj-column></mj-section></mj-body></mjml>", file="x")
        for lines in (one + two + one, two + one)
    ]
    assert (_laid_out.cache_info().misses, _laid_out.cache_info().hits) == (1, 1)
    assert pages[1].index(">b<") < pages[1].index(">a<")
