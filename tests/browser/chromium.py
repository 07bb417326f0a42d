"""The system's Chromium, driven through playwright: mails are shown in it as a reader would see them, without a network."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.paths import sample

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def find_chromium() -> str | None:
    """Its path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One process for as many pages as are asked of it."""
    with sync_playwright() as driver:
        # In a container root has no sandbox, and /dev/shm may be small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=find_chromium(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def shown(
    browser: Browser, html: str, *, scheme: str = "light", width: int = 600, pictures: bool = True
) -> Iterator[Page]:
    """A page with this HTML. Pictures come from the sample blog's folder; nothing else is loaded."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)

    def answer(route: Route) -> None:
        name = Path(route.request.url.rpartition("/")[2])
        file = sample("images") / name.name
        if pictures and file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    context.route("**/*", answer)
    try:
        page = context.new_page()
        page.set_content(html, wait_until="load")
        yield page
    finally:
        context.close()


def violations(page: Page, *, only_contrast: bool = False) -> list[str]:
    """What axe finds against WCAG 2.2 AA: rule, element, why. Of another colour scheme only contrast can differ."""
    page.evaluate(AXE)
    ask = {
        "runOnly": {"type": "rule", "values": ["color-contrast"]} if only_contrast else {"type": "tag", "values": _WCAG}
    }
    found = page.evaluate(f"axe.run(document, {json.dumps({**ask, 'resultTypes': ['violations']})})")
    return [
        f"{one['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def overflow(page: Page) -> int:
    """Pixels that a reader would have to scroll sideways for."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
