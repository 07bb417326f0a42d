"""One Chromium for the tests of a file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.browser.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer than a file: playwright's loop runs in the thread as long as the browser does, and other tests want theirs."""
    with chromium() as started:
        yield started
