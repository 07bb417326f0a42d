"""The system's Chromium, driven through playwright: mails are shown in it as a reader would see them, without a network."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.paths import sample

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
WIDTHS = (320, 375, 600, 1200)
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def find_chromium() -> str | None:
    """Its path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium(*, clicked: bool = True) -> Iterator[Browser]:
    """One process for as many pages as are asked of it; one whose pages nobody clicks needs a fifth less CPU."""
    with sync_playwright() as driver:
        # In a container root has no sandbox, and /dev/shm may be small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        if not clicked:  # what is laid out anew is painted fewer times; but a click waits for ever
            arguments.append("--disable-threaded-compositing")
        browser = driver.chromium.launch(executable_path=find_chromium(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, *, width: int = 600) -> Iterator[Page]:
    """A page to show mails in, one after the other. Pictures come from the sample blog's folder; nothing else is loaded."""
    context = browser.new_context(viewport={"width": width, "height": 900})

    def answer(route: Route) -> None:
        file = sample("images") / Path(route.request.url.rpartition("/")[2]).name
        if file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    context.route("**/*", answer)
    try:
        yield context.new_page()
    finally:
        context.close()


def show(page: Page, html: str, *, width: int = 600, scheme: Literal["light", "dark", "null"] = "light") -> None:
    """Show a mail instead of the one before it."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.set_content(html, wait_until="load")


def block_pictures(page: Page) -> None:
    """As a client does that asks before it loads any."""
    page.evaluate(
        """() => Promise.all([...document.images].map(one => new Promise(done => {
             one.onerror = done; one.src = "data:,"; })))"""
    )


def take_styles(page: Page) -> None:
    """As a client does that knows none."""
    page.evaluate(
        """() => { document.querySelectorAll("style").forEach(one => one.remove());
                   document.querySelectorAll("[style]").forEach(one => one.removeAttribute("style")); }"""
    )


def violations(page: Page, *, only: Sequence[str] = (), but: Sequence[str] = ()) -> list[str]:
    """What axe finds against WCAG 2.2 AA, by these rules alone or without some: rule, element, why."""
    if page.evaluate("typeof axe") == "undefined":  # it outlives the mail that it came with
        page.evaluate(AXE)
    rules = {"type": "rule", "values": only} if only else {"type": "tag", "values": _WCAG}
    off = {rule: {"enabled": False} for rule in but}
    ask = {"runOnly": rules, "rules": off, "resultTypes": ["violations"], "reporter": "no-passes", "preload": False}
    found = page.evaluate(f"axe.run(document, {json.dumps(ask)}).then(found => found.violations)")
    return [
        f"{one['id']}: {node['html'][:160]}: {[check['message'] for check in (*node['any'], *node['all'], *node['none'])]}"
        for one in found
        for node in one["nodes"]
    ]


OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe that a change of colours alone can break."""
_COLOURS = """() => {
  const ground = one => {
    for (; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.backgroundImage !== "none") return style.backgroundImage;
      if (!/, 0\\)$|transparent/.test(style.backgroundColor)) return style.backgroundColor;
    }
    return "";
  };
  const found = new Set();
  for (const one of document.body.querySelectorAll("*")) {
    if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(one), link = one.closest("a[href]");
    const round = link ? [getComputedStyle(link).textDecorationLine, getComputedStyle(link.parentElement).color] : [];
    found.add([style.color, ground(one), style.fontSize, style.fontWeight, style.opacity, ...round].join(" "));
  }
  return [...found];
}"""
_BOXES = """() => {
  let sum = 0;
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    for (const each of [box.x, box.y, box.width, box.height]) sum = (Math.imul(sum, 31) + Math.round(each)) | 0;
  }
  return [document.documentElement.scrollWidth - window.innerWidth, sum];
}"""


def faults_of_colours(page: Page, seen: set[str]) -> list[str]:
    """What axe finds by the rules of colours, where words stand in colours on a ground, in a size and a weight, not seen before.

    Nothing else goes into contrast, and looking at it is half of axe's work.
    """
    colours = set(page.evaluate(_COLOURS))
    if colours <= seen:
        return []
    seen |= colours
    return violations(page, only=OF_COLOURS)


def faults_of_layout(page: Page) -> list[str]:
    """At each width, light and dark: whether a reader must scroll sideways; and whether dark differs in more than colours."""
    faults, schemes = [], _SCHEMES
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found = {}
        schemes = schemes[::-1]  # it begins as the width before it ended: every change is painted
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            pixels, found[scheme] = page.evaluate(_BOXES)
            if pixels > 0:
                faults.append(f"{scheme}: {pixels} pixels too wide at {width}")
        if found["dark"] != found["light"]:
            faults.append(f"dark and light are laid out differently at {width}: look at both with all rules")
    return faults


def overflow(page: Page) -> int:
    """Pixels that a reader would have to scroll sideways for."""
    return int(page.evaluate(_BOXES)[0])
