"""The pages on which readers leave and choose, in a real Chromium: widths, schemes, axe, by keyboard and without scripts."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests import cast
from tests.browser.chromium import OF_COLOURS, faults_of_colours, find_chromium, overflow, violations
from tests.web.served import Served, served

from digest.core.links import Purpose, sign
from digest.store import newsletters
from digest.store.database import Database

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

PICTURES = os.environ.get("DIGEST_TEST_PICTURES")
"""A folder for pictures of every page, to be looked at."""
PAGES = ("leave", "preferences", "erase", "left")


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Served]:
    """Anna reads English, Frida Persian; two cadences, two topics, two newsletters, and Frida pauses."""
    with sqlite_database.write() as session:
        people = cast.assemble(session)
        newsletters.update_newsletter(session, people.newsletter, reader_zones=True)
        cast.add_cadence(session, people.newsletter, "monthly", rule="monthly on day 1 at 09:00")
        cast.add_cadence(session, cast.add_newsletter(session, "other", name="The Other One"))
        for slug in ("food", "travel"):
            cast.add_topic(session, people.newsletter, slug)
        frida = cast.add_subscriber(session, "frida@example.org", name="فریدا", language="fa", zone="Asia/Tehran")
        pause = cast.NOW + timedelta(days=36_500)
        cast.add_subscription(session, people.newsletter, frida, topics=["food"], paused_until=pause)
    with served(sqlite_database, tmp_path) as site:
        yield site


def path_of(name: str, who: int) -> str:
    """The page of one person."""
    if name in {"leave", "left"}:
        return f"/unsubscribe/{sign(cast.KEY, Purpose.UNSUBSCRIBE, who, 1)}"
    return f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, who)}" + ("/erase" if name == "erase" else "")


def faults_of(page: Page, seen: set[str], where: str, *, scheme: str) -> list[str]:
    found = faults_of_colours(page, seen)
    if scheme == "light":  # in dark nothing else is another
        found += violations(page, but=OF_COLOURS)
    faults = [f"{where}: {each}" for each in found]
    for width in (320, 390, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        if (pixels := overflow(page)) > 0:
            faults.append(f"{where}: {pixels} pixels too wide at {width}")
    return faults


def test_every_page_fits_every_screen_and_everybody_can_read_it(browser: Browser, seen: set[str], site: Served) -> None:
    faults = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a script, which the pages forbid
        page = context.new_page()
        for who, language in ((1, "en"), (5, "fa")):
            for name in PAGES:
                page.goto(site.base + path_of(name, who))
                if name == "left":
                    page.locator("button").first.click()
                where = f"{name} {language} {scheme}"
                assert page.locator("html").get_attribute("lang") == language
                assert "<" not in page.locator("main").inner_text(), "markup that is shown as text"
                faults += faults_of(page, seen, where, scheme=scheme)
                if PICTURES:
                    for width, device in ((390, "phone"), (1200, "desktop")):
                        page.set_viewport_size({"width": width, "height": 900})
                        page.screenshot(
                            path=Path(PICTURES) / f"{name}-{language}-{scheme}-{device}.png", full_page=True
                        )
            page.goto(site.base + path_of("leave", who))
            page.locator("button").first.click()  # undo
        context.close()
    assert faults == []


def test_all_of_it_works_by_keyboard_and_without_scripts(browser: Browser, site: Served) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(site.base + path_of("preferences", 1))
    page.locator("input[type=radio]").nth(1).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first topic goes
    page.get_by_label("At what time of day").select_option("21")
    page.get_by_role("button", name="Save").first.focus()
    _enter(page)  # as in every form
    assert page.get_by_role("status").inner_text() == "It is saved."
    assert page.locator("input[type=radio]").nth(1).is_checked()
    assert not page.locator("input[value=food]").is_checked()
    assert page.get_by_label("At what time of day").input_value() == "21"
    page.get_by_role("button", name="Pause").focus()
    _enter(page)
    assert "Paused until" in page.locator("main").inner_text()
    page.get_by_role("link", name="Erase me").focus()
    _enter(page)
    page.get_by_role("button", name="Erase me for good").focus()
    _enter(page)
    assert page.locator("h1").inner_text() == "You are forgotten"
    context.close()


def _enter(page: Page) -> None:
    """The return key, and the page that comes of it."""
    with page.expect_navigation():
        page.keyboard.press("Enter")
