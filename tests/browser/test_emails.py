"""Every theme in a real Chromium: five languages, light and dark, four widths; without pictures, without styles."""

import re

import pytest
from playwright.sync_api import Browser
from tests.browser.chromium import find_chromium, overflow, shown, violations

from digest.actions.sample_preview import preview_sample
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.sample import sample_newsletter
from digest.render.templates import theme_names

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.timeout(300),
]
LANGUAGES = ("en", "de", "fa", "ar", "ja")
WIDTHS = (320, 375, 600, 1200)
_CONDITION = re.compile(r"<!--\[if (?:mso|gte mso|\(mso\))[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_TABLE = re.compile(r"<(/?)(table|tr|td|tbody)\b[^>]*>")


def mail_of(theme: str, language: str) -> str:
    """The sample issue with its fields filled."""
    return re.sub(r"%%\w+:(\w+)%%", r"\1", preview_sample(theme, language).rendered.html)


def notice_of(theme: str, language: str, kind: NoticeKind) -> str:
    notice = Notice(
        kind=kind, address="a.rather.long.address@of-a-long-domain.example", action_url="https://news.example/x"
    )
    return render_notice(notice, sample_newsletter(theme, language=language), language=language).html


@pytest.mark.parametrize("theme", theme_names())
def test_nothing_overflows_and_everybody_can_read_it(browser: Browser, theme: str) -> None:
    faults = []
    for language in LANGUAGES:
        html = mail_of(theme, language)
        for scheme in ("light", "dark"):
            with shown(browser, html, scheme=scheme) as page:
                found = violations(page, only_contrast=scheme == "dark")
                faults += [f"{language} {scheme}: {each}" for each in found]
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    if (pixels := overflow(page)) > 0:
                        faults.append(f"{language} {scheme}: {pixels} pixels too wide at {width}")
    assert faults == []


@pytest.mark.parametrize("theme", theme_names())
def test_notices_are_as_readable(browser: Browser, theme: str) -> None:
    faults = []
    for language, kind in zip(("en", "fa", "ja"), NoticeKind, strict=True):
        for scheme in ("light", "dark"):
            with shown(browser, notice_of(theme, language, kind), scheme=scheme, width=320) as page:
                found = violations(page, only_contrast=scheme == "dark")
                faults += [f"{kind} {language} {scheme}: {each}" for each in found]
                if (pixels := overflow(page)) > 0:
                    faults.append(f"{kind} {language} {scheme}: {pixels} pixels too wide")
    assert faults == []


@pytest.mark.parametrize("theme", theme_names())
def test_it_reads_in_order_without_pictures_and_without_styles(browser: Browser, theme: str) -> None:
    html = mail_of(theme, "en")
    bare = re.sub(r' style="[^"]*"', "", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL))
    for each in (html, bare):
        with shown(browser, each, pictures=False, width=375) as page:
            words = page.evaluate("document.body.innerText")
            assert overflow(page) <= 0
        order = ("Editor’s note", "Pinned", "Friday, 11 August", "Wednesday, 9 August", "paillage", "Earlier", "More posts",
                 "You get this email", "Lower Mill Lane")  # fmt: skip
        places = [words.index(part) for part in order]
        assert places == sorted(places)
    with shown(browser, html, pictures=False) as page:
        alts = page.evaluate("[...document.images].filter(i => i.alt && i.getBoundingClientRect().height < 10).length")
        assert alts == 0, "alt texts are seen where pictures are blocked"


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("language", ["en", "fa"])
def test_what_outlook_sees_is_balanced_and_narrow(theme: str, language: str) -> None:
    html = mail_of(theme, language)
    assert _CONDITION.search(html)
    expanded = _CONDITION.sub(lambda found: found[1], html)
    expanded = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", expanded, flags=re.DOTALL)
    stack: list[str] = []
    for closing, name in _TABLE.findall(expanded):
        if closing:
            assert stack.pop() == name
        else:
            stack.append(name)
    assert stack == []
    widths = [int(width) for width in re.findall(r'<table[^>]*\bwidth="(\d+)"', expanded)]
    assert max(widths) <= 600
