"""Each issue's page on the web in a real Chromium: widths, schemes, axe, and a policy that its own style passes."""

import pytest
from playwright.sync_api import Browser
from tests.browser.chromium import find_chromium, overflow, shown, violations

from digest.actions.sample_preview import preview_sample
from digest.render.templates import theme_names

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("theme", theme_names())
def test_a_page_fits_every_screen_and_everybody_can_read_it(browser: Browser, theme: str) -> None:
    faults = []
    for language in ("en", "fa"):
        html = preview_sample(theme, language).page
        for scheme in ("light", "dark"):
            with shown(browser, html, scheme=scheme) as page:
                ground = page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius")
                assert ground != "0px" or theme == "plain", "the policy lets the page's own style in"
                faults += [f"{language} {scheme}: {each}" for each in violations(page, only_contrast=scheme == "dark")]
                for width in (320, 375, 600, 1200):
                    page.set_viewport_size({"width": width, "height": 900})
                    if (pixels := overflow(page)) > 0:
                        faults.append(f"{language} {scheme}: {pixels} pixels too wide at {width}")
    assert faults == []
