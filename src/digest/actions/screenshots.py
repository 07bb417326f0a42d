"""Pictures of a preview: the mail on a phone and on a desktop, light and dark, side by side on one sheet.

sheet.html holds the mail four times, each in a frame that says its width and its colour scheme; Chromium is started
once to ask how tall that is, and once to take its picture.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from digest.errors import DigestError, UsageError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
"""Seconds for one start of the browser; slow pictures of a real blog are waited for within them."""
TALLEST = 16_000
"""Pixels; Chromium paints nothing beyond 16,384."""

_FRAMES = ((375, "light"), (375, "dark"), (700, "light"), (700, "dark"))
_GAP = 24
_WIDTH = sum(width for width, _ in _FRAMES) + _GAP * (len(_FRAMES) + 1)
_STYLE = (
    f"body{{margin:0;padding:{_GAP}px;box-sizing:border-box;width:{_WIDTH}px;display:flex;gap:{_GAP}px;"
    "align-items:flex-start;background:#8A8F98}iframe{border:0;display:block}"
)
_MEASURE = (
    "addEventListener('load',()=>{for(const one of document.querySelectorAll('iframe'))"
    "one.height=one.contentDocument.documentElement.scrollHeight;"
    "document.documentElement.dataset.height=document.documentElement.scrollHeight})"
)
_HEIGHT = re.compile(r'data-height="(\d+)"')


def find_browser() -> str | None:
    """Chromium, or a browser of its family; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def require_browser() -> str:
    """Chromium's path.

    Raises:
        UsageError: there is none.
    """
    found = find_browser()
    if found is None:
        step = "install Chromium (Debian: apt install chromium), or open issue.html in the browser that you have"
        raise UsageError(f"no browser to take pictures with: looked for {', '.join(NAMES)}", next_step=step)
    return found


def take_pictures(html: Path, *, browser: str | None = None) -> Path:
    """Write `sheet.html` and `sheet.png` beside a mail's HTML file; returns where the picture is.

    Raises:
        UsageError: there is no browser, or it takes no picture.
        DigestError: the folder cannot be written.
    """
    browser = browser or require_browser()
    sheet, picture = html.with_name("sheet.html"), html.with_name("sheet.png")
    try:
        sheet.write_text(_sheet(html.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    except OSError as error:
        step = "choose another folder"
        raise DigestError(f"{sheet} cannot be written: {error.strerror}", next_step=step) from error
    address = sheet.absolute().as_uri()
    told = _HEIGHT.search(_run(browser, f"--window-size={_WIDTH},1000", "--dump-dom", address))
    if told is None:
        raise _no_picture("it did not say how tall the page is")
    size = f"--window-size={_WIDTH},{min(int(told[1]), TALLEST)}"
    _run(browser, size, f"--screenshot={picture.absolute()}", address)
    if not picture.is_file():
        raise _no_picture("it wrote none")
    return picture


def _sheet(html: str) -> str:
    # A frame's scheme is what its document is asked for (CSS Color Adjustment 1, "prefers-color-scheme"); no script of the
    # mail runs in it.
    frames = "".join(
        f'<iframe sandbox="allow-same-origin" title="{width} pixels, {scheme}" width="{width}" '
        f'style="color-scheme:{scheme}" srcdoc="{escape(html)}"></iframe>\n'
        for width, scheme in _FRAMES
    )
    head = f'<meta charset="utf-8"><title>Phone and desktop, light and dark</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{frames}<script>{_MEASURE}</script></body></html>\n'


def _run(browser: str, *words: str) -> str:
    with _profile() as folder:
        fixed = ["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={folder}"]
        if os.name == "posix" and os.geteuid() == 0:  # Chromium's sandbox refuses root
            fixed.append("--no-sandbox")
        process = subprocess.Popen(  # noqa: S603 - our own words and two paths, no shell
            [browser, *fixed, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return process.communicate(timeout=PATIENCE)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            raise _no_picture(f"it was not done within {PATIENCE:g} seconds") from None
        finally:
            _end(process)


@contextmanager
def _profile() -> Iterator[str]:
    """A profile that nobody else has: a running browser of the user's is left alone."""
    with tempfile.TemporaryDirectory(prefix="digest-browser-", ignore_cleanup_errors=True) as folder:
        yield folder


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _no_picture(why: str) -> UsageError:
    return UsageError(f"the browser took no picture: {why}", next_step="open sheet.html in it to see the same page")
