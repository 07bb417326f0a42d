"""Each issue's page on the web in a real Chromium: widths, schemes, axe, and a policy that its own style passes."""

import pytest
from playwright.sync_api import Page
from tests.browser.chromium import OF_COLOURS, faults_of_colours, faults_of_layout, find_chromium, show, violations

from digest.actions.sample_preview import preview_sample
from digest.render.site import render_site_page
from digest.render.templates import theme_names

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("theme", theme_names())
def test_a_page_fits_every_screen_and_everybody_can_read_it(page: Page, seen: set[str], theme: str) -> None:
    faults = []
    for language in ("en", "fa"):
        page.goto("about:blank")  # the policy of a page stays with its document
        show(page, preview_sample(theme, language).page)
        ground = page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius")
        assert ground != "0px" or theme == "plain", "the policy lets the page's own style in"
        found = [*violations(page, but=OF_COLOURS), *faults_of_layout(page), *faults_of_colours(page, seen)]
        page.emulate_media(color_scheme="dark")
        found += faults_of_colours(page, seen)
        faults += [f"{language}: {each}" for each in found]
    assert faults == []


LINES = """() => {
  const text = document.querySelector('h1').firstChild, range = document.createRange(), lines = new Map()
  for (let at = 0; at < text.length; at++) {
    range.setStart(text, at), range.setEnd(text, at + 1)
    const top = Math.round(range.getClientRects()[0].top)
    lines.set(top, (lines.get(top) ?? '') + text.data[at])
  }
  return [...lines.values()]
}"""


@pytest.mark.parametrize("heading", ["アドレスを変更しますか？", "ここではその操作はできません"])
def test_a_japanese_heading_breaks_between_phrases(page: Page, heading: str) -> None:
    said = render_site_page(
        "said", newsletter=None, language="ja", values={"heading": heading, "paragraphs": (), "link": None}
    )
    page.goto("about:blank")
    show(page, said.html, width=320)
    lines = page.evaluate(LINES)
    assert (len(lines) > 1, "".join(lines)) == (True, heading)
    assert not [line for line in lines if line[-1] in "変操" or line[0] in "更作"], lines
