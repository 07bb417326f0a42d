"""Joining in a real Chromium, from the form to the welcome: by the links of the mails that were really sent.

With and without scripts, on a phone and on a desktop, light and dark, from left to right and from right to left. `DIGEST_TEST_PICTURES`
names a folder for screenshots.
"""

import asyncio
import email
import email.policy
import mailbox
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text
from tests import cast
from tests.browser.chromium import OF_COLOURS, faults_of_colours, find_chromium, violations
from tests.web.served import Served, served

from digest.app import notify_due
from digest.mail.maildir import MaildirTransport
from digest.store.database import Database
from digest.store.subscribers import find_subscriber
from digest.store.subscriptions import list_subscriptions
from digest.store.topics import add_topic

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]


@contextmanager
def newsletter(database: Database, folder: Path, *, language: str) -> Iterator[Served]:
    """A site whose every look at the clock is three seconds later: nobody is too quick for its forms."""
    steps = count()

    def clock() -> datetime:
        return cast.NOW + timedelta(seconds=3 * next(steps))

    with database.write() as session:
        people = cast.assemble(session)
        names = {"name": "هفته‌نامهٔ آسیاب", "sender_name": "هفته‌نامهٔ آسیاب"} if language == "fa" else {}
        for name, value in {"language": language, **names}.items():
            session.execute(text(f"UPDATE newsletter SET {name} = :value"), {"value": value})
        session.execute(text("UPDATE newsletter SET languages = '[\"de\"]', reader_zones = TRUE"))
        cast.add_cadence(session, people.newsletter, "daily", rule="daily at 07:00")
        for slug, name in (("beans", "Beans"), ("mills", "Mills and weirs")):
            add_topic(session, people.newsletter, slug=slug, name=name, now=cast.NOW)
    with served(database, folder, clock=clock) as site:
        yield site


def deliver(site: Served, folder: Path) -> list[str]:
    """What the notices' loop does when it is woken; the text parts of the mails that there are now, oldest first."""
    sending = threading.Thread(  # playwright's loop runs in ours
        target=lambda: asyncio.run(notify_due(site.app, transport=MaildirTransport(folder), stop=asyncio.Event()))
    )
    sending.start()
    sending.join()
    mails = [email.message_from_bytes(one.as_bytes(), policy=email.policy.default) for one in mailbox.Maildir(folder)]
    return [mail.get_body(("plain",)).get_content() for mail in sorted(mails, key=lambda mail: mail["Date"].datetime)]


def press(page: Page, key: str) -> None:
    """A key that posts a form."""
    with page.expect_navigation():
        page.keyboard.press(key)


def looked_at(page: Page, seen: set[str], name: str, *, scripts: bool) -> list[str]:
    """What is wrong with the page that is open; its picture, where somebody wants to look. axe is a script itself."""
    if folder := os.environ.get("DIGEST_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert "<bdi>" not in page.locator("body").inner_text()
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found = [f"{width} pixels too wide"] if width > 0 else []
    if scripts:
        found += [*violations(page, but=OF_COLOURS), *faults_of_colours(page, seen)]
    return [f"{name}: {one}" for one in found]


@pytest.mark.parametrize(
    ("language", "width", "scheme", "scripts"),
    [("en", 1200, "light", True), ("fa", 360, "dark", True), ("en", 360, "light", False)],
)
def test_a_stranger_joins(
    browser: Browser, seen: set[str], sqlite_database: Database, tmp_path: Path, language: str, width: int, scheme,
    scripts: bool,
) -> None:  # fmt: skip
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts,
        timezone_id="Asia/Tokyo",
    )  # fmt: skip
    context.set_default_timeout(20_000)
    page, place, faults = context.new_page(), f"{language}-{width}-{scheme}", list[str]()
    said: list[str] = []

    def look(name: str) -> list[str]:
        return looked_at(page, seen, name, scripts=scripts)

    page.on("console", lambda message: said.append(message.text))
    with newsletter(sqlite_database, tmp_path, language=language) as site:
        page.goto(f"{site.base}/subscribe/weekly")
        assert page.locator("#zone").input_value() == ("Asia/Tokyo" if scripts else "")
        faults += look(f"{place}-1-form")
        page.locator("#address").fill("eve")
        press(page, "Enter")
        faults += look(f"{place}-2-wrong")
        page.locator("#address").fill("eve@gmial.com")
        page.locator("input[name=topic][value=mills]").check()
        press(page, "Enter")
        faults += look(f"{place}-3-slip")
        with page.expect_navigation():
            page.locator("button[value='eve@gmail.com']").click()
        faults += look(f"{place}-4-sent")
        assert "eve@gmail.com" in page.content()
        (asked,) = deliver(site, tmp_path / "mails")
        page.goto(re.search(r"http://\S+/confirm/\S+", asked)[0])
        faults += look(f"{place}-5-confirm")
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.tagName") != "BUTTON":
            page.keyboard.press("Tab")
        press(page, "Enter")
        faults += look(f"{place}-6-subscribed")
        (welcome,) = [mail for mail in deliver(site, tmp_path / "mails") if mail != asked]
        assert "/preferences/" in welcome
        with sqlite_database.read() as session:
            eve = find_subscriber(session, "eve@gmail.com")
            (tie,) = list_subscriptions(session, eve.id)
        assert (str(tie.state), tie.topics, eve.zone) == ("active", ("mills",), "Asia/Tokyo" if scripts else None)
    context.close()
    assert faults == []
    assert [one for one in said if "Content Security Policy" in one] == []


def test_a_form_on_another_site_guesses_the_zone_and_leads_to_ours(
    browser: Browser, sqlite_database: Database, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 900}, timezone_id="Europe/Vaduz")
    page = context.new_page()
    with newsletter(sqlite_database, tmp_path, language="en") as site:
        form = site.get("/subscribe/weekly/embed").body
        page.route("http://blog.example/**", lambda route: route.fulfill(body=form, content_type="text/html"))
        page.goto("http://blog.example/about")
        assert page.locator("[name=zone]").input_value() == "Europe/Vaduz"
        page.locator("[name=address]").fill("eve@example.org")
        page.locator("[name=language]").select_option("de")
        faults = violations(page, only=["label", "select-name"])
        press(page, "Enter")
        assert page.url == f"{site.base}/subscribe/weekly"
        shown = [page.locator(f"#{name}").input_value() for name in ("address", "language", "zone")]
    context.close()
    assert (shown, faults) == (["eve@example.org", "de", "Europe/Vaduz"], [])
