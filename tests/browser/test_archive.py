"""Reading on the web as it is served, in a real Chromium: index, archive and issue, in English and Persian."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route
from tests import cast
from tests.browser.chromium import OF_COLOURS, faults_of_colours, faults_of_layout, find_chromium, violations
from tests.web.served import Served, served

from digest.render.sample import sample_issue
from digest.store.codec import encode
from digest.store.database import Database

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Served]:
    """Two newsletters, in two themes and languages, of 23 issues each."""
    with sqlite_database.write() as session:
        weekly = cast.assemble(session)
        persian = cast.add_newsletter(session, "hafteh", name="هفته‌نامهٔ نمونه", language="fa", theme="cards")
        cadence = cast.add_cadence(session, persian)
        hafteh = replace(weekly, newsletter=persian, cadence=cadence)
        for people, language in ((weekly, "en"), (hafteh, "fa")):
            content = encode(sample_issue(language).content)
            for number in range(1, 24):
                sent = cast.NOW + timedelta(days=number)
                cast.add_issue(
                    session, people, number, state="done", content=content | {"number": number}, sending_at=sent,
                    due_at=sent, slot_key=f"slot {number}",
                )  # fmt: skip
    with served(sqlite_database, tmp_path) as site:
        yield site


def opened(browser: Browser, site: Served, language: str, refused: list[str]) -> Page:
    """A page of somebody with this language, for whom nothing but the site answers."""
    page = browser.new_context(locale=language, viewport={"width": 390, "height": 900}).new_page()

    def answer(route: Route) -> None:
        if route.request.url.startswith(site.base):
            route.continue_()
        else:
            assert route.request.resource_type == "image", route.request.url
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    return page


def test_everybody_can_read_the_archive_and_walk_through_it(browser: Browser, seen: set[str], site: Served) -> None:
    faults: list[str] = []
    for language, slug in (("en", "weekly"), ("fa", "hafteh")):
        page = opened(browser, site, language, faults)
        for path in ("/", f"/archive/{slug}", f"/archive/{slug}/12"):
            page.goto(site.base + path)
            found = [*violations(page, but=OF_COLOURS), *faults_of_layout(page), *faults_of_colours(page, seen)]
            page.emulate_media(color_scheme="dark")
            found += faults_of_colours(page, seen)
            page.emulate_media(color_scheme="light")
            faults += [f"{path} {language}: {each}" for each in found]
            assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "fa" else "ltr")
            assert page.evaluate("getComputedStyle(document.querySelector('main')).paddingTop") != "0px"
        page.goto(f"{site.base}/")
        page.click(f"a[href$='/archive/{slug}']")
        page.click("a[rel=next]")
        page.click("a[href$='/2']")
        page.click("a[rel=next]")
        assert page.url == f"{site.base}/archive/{slug}/3"
        page.context.close()
    assert faults == []
