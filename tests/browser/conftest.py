"""One Chromium for the tests of a file: `browser` for pages that are used, `page` for mails that are looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from tests.browser.chromium import chromium, open_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer than a file: playwright's loop runs in the thread as long as the browser does, and other tests want theirs."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One for all mails of a file: the pictures and axe are loaded once."""
    with chromium(clicked=False) as started, open_page(started) as opened:
        yield opened


@pytest.fixture(scope="session")
def seen() -> set[str]:
    """Colours that axe has judged in this process."""
    return set()
