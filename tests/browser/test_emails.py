"""Every theme in a real Chromium: every language, light and dark, four widths; without pictures, without styles."""

import re
from functools import cache

import pytest
from playwright.sync_api import Page
from tests.browser.chromium import (
    OF_COLOURS,
    block_pictures,
    faults_of_colours,
    faults_of_layout,
    find_chromium,
    overflow,
    show,
    take_styles,
    violations,
)

from digest.actions.sample_preview import preview_sample
from digest.render.catalogues import catalogue_of, languages
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.sample import sample_issue, sample_newsletter
from digest.render.schema import VOID
from digest.render.templates import theme_names

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
WITH_AXE = ("en", "de", "fa", "ar", "ja")
_CONDITION = re.compile(r"<!--\[if (?:[gl]te )?\(?mso[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_ELEMENT = re.compile(r"<(/?)([a-z][\w:]*)\b[^>]*(?<!/)>")


@cache
def mail_of(theme: str, language: str) -> str:
    """The sample issue with its fields filled."""
    return re.sub(r"%%\w+:(\w+)%%", r"\1", preview_sample(theme, language).rendered.html)


def notice_of(theme: str, language: str, kind: NoticeKind) -> str:
    notice = Notice(
        kind=kind, address="a.rather.long.address@of-a-long-domain.example", action_url="https://news.example/x"
    )
    return render_notice(notice, sample_newsletter(theme, language=language), language=language).html


@pytest.mark.parametrize("theme", theme_names())
def test_nothing_overflows_and_everybody_can_read_it(page: Page, seen: set[str], theme: str) -> None:
    """Every language at every width, light and dark; axe on a phone, and its rules of colours in both schemes."""
    faults = []
    for language in languages():
        show(page, mail_of(theme, language))
        found = faults_of_layout(page)
        page.set_viewport_size({"width": 320, "height": 900})
        if page.evaluate("document.querySelector('.web a').getClientRects().length") != 1:
            found.append("the link to the web is broken in two on the smallest phone")
        if language in WITH_AXE:
            page.set_viewport_size({"width": 375, "height": 900})
            found += violations(page, but=OF_COLOURS)
        page.set_viewport_size({"width": 600, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {each}" for each in faults_of_colours(page, seen)]
        faults += [f"{language}: {each}" for each in found]
    assert faults == []


@pytest.mark.parametrize("theme", theme_names())
def test_notices_are_as_readable(page: Page, seen: set[str], theme: str) -> None:
    faults = []
    for number, kind in enumerate(NoticeKind):
        for place, language in enumerate(languages()):
            show(page, notice_of(theme, language, kind), width=320)
            found = [f"{pixels} pixels too wide"] if (pixels := overflow(page)) > 0 else []
            if place % len(NoticeKind) == number:  # all rules: each kind in a language of its own, the first in two
                found += violations(page, but=OF_COLOURS)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{scheme}: {each}" for each in faults_of_colours(page, seen)]
            faults += [f"{kind} {language}: {each}" for each in found]
    assert faults == []


@pytest.mark.parametrize("theme", theme_names())
def test_it_reads_in_order_without_pictures_and_without_styles(page: Page, theme: str) -> None:
    for language in languages():
        show(page, mail_of(theme, language), width=375)
        block_pictures(page)
        small = "[...document.images].filter(one => one.alt && one.getBoundingClientRect().height < 10).length"
        assert page.evaluate(small) == 0, "alt texts are seen where pictures are blocked"
        for take in (lambda _: None, take_styles):
            take(page)
            assert overflow(page) <= 0
            words, place = page.evaluate("document.body.innerText"), 0
            for part in order_of(language):
                assert part in words[place:], f"{language}: {part!r} is missing, or too early"
                place = words.index(part, place)


def order_of(language: str) -> list[str]:
    """What a reader comes to, one after the other: the note, what each post begins with, one in a line, the way out."""
    content = sample_issue(language).content
    assert content is not None
    posts = [post.card.lead[:40] for group in content.groups for post in group.posts]
    pinned = catalogue_of(language).gettext("Pinned")
    return ["Saturday", pinned, *posts, content.more[0].card.title, "Lower Mill Lane"]


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("language", languages())
def test_what_outlook_sees_is_balanced_and_narrow(theme: str, language: str) -> None:
    for html in (mail_of(theme, language), notice_of(theme, language, NoticeKind.CONFIRM)):
        assert _CONDITION.search(html)
        expanded = _CONDITION.sub(lambda found: found[1], html)
        expanded = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", expanded, flags=re.DOTALL)
        assert "<![" not in expanded.replace("<!doctype", "")
        stack: list[str] = []
        for closing, name in _ELEMENT.findall(expanded):
            if closing:
                assert stack.pop() == name
            elif name not in VOID:
                stack.append(name)
        assert stack == []
        cells = re.findall(r'<(?:table|td)\b[^>]*\bwidth="(\d+)"', expanded)
        styled = (width for part in _CONDITION.findall(html) for width in re.findall(r"\bwidth:(\d+)px", part))
        assert 300 < max(map(int, (*cells, *styled))) <= 600
