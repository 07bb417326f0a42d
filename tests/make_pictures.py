"""`python -m tests.make_pictures`: takes the pictures of README and docs anew, from the sample issue in the system's Chromium."""

import base64
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from playwright.sync_api import Browser

from digest.actions.sample_preview import preview_sample
from digest.render.templates import theme_names
from digest.store.database import Database
from tests.browser.chromium import chromium, open_page, show
from tests.two_readers import two_mails

FOLDER = Path(__file__).parents[1] / "docs" / "images"
_GAP = 24
_STYLE = (
    "body{{margin:0;padding:{gap}px;width:{across}px;display:grid;grid-template-columns:repeat({columns},{width}px);gap:{gap}px;"
    "background:#8A8F98}}div{{width:{width}px;height:{height}px;overflow:hidden;border-radius:10px}}"
    "iframe{{border:0;width:{inner}px;height:{tall}px;transform:scale({scale});transform-origin:0 0}}"
)

Frame = tuple[str, str, str]
"""Theme, language, colour scheme."""


def picture(
    browser: Browser, name: str, mails: Sequence[tuple[str, str]], *, columns: int, inner: int, width: int, height: int
) -> Path:
    """The top of each mail (HTML, colour scheme), `inner` pixels wide and shown in `width` times `height`, in rows of `columns`."""
    across, scale = columns * (width + _GAP) - _GAP, width / inner
    style = _STYLE.format(
        gap=_GAP,
        across=across,
        columns=columns,
        width=width,
        height=height,
        inner=inner,
        scale=scale,
        tall=height / scale,
    )
    shots = "".join(
        f'<div><iframe style="color-scheme:{scheme}" srcdoc="{escape(html)}"></iframe></div>' for html, scheme in mails
    )
    rows = -(-len(mails) // columns)
    # "null": each frame says its own scheme.
    with open_page(browser) as page:
        show(page, f"<!doctype html><style>{style}</style>{shots}", scheme="null", width=across + 2 * _GAP)
        page.wait_for_load_state("networkidle")
        size = {"x": 0, "y": 0, "width": across + 2 * _GAP, "height": rows * (height + _GAP) + _GAP, "scale": 1.5}
        asked = {"format": "webp", "quality": 82, "clip": size, "captureBeyondViewport": True}
        data = page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)["data"]
    file = FOLDER / f"{name}.webp"
    file.write_bytes(base64.b64decode(data))
    return file


def samples(frames: Sequence[Frame]) -> list[tuple[str, str]]:
    """The sample issue in each."""
    return [(preview_sample(theme, language).rendered.html, scheme) for theme, language, scheme in frames]


def readers() -> list[tuple[str, str]]:
    """Two readers' mails of the same week (tests/two_readers.py)."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/digest.db")
        mails = two_mails(database)
        database.close()
    return [(html, "light") for html in mails.values()]


def main() -> None:
    """Each into docs/images."""
    themes = [(theme, "en", scheme) for scheme in ("light", "dark") for theme in theme_names()]
    tongues = [
        ("cards", "fa", "light"),
        ("editorial", "ja", "dark"),
        ("compact", "de", "light"),
        ("plain", "ar", "dark"),
    ]
    with chromium() as browser:
        files = [
            picture(
                browser, "sample-issue", samples([("editorial", "en", "light"), ("editorial", "en", "dark")]),
                columns=2, inner=375, width=375, height=1180,
            ),
            picture(browser, "themes", samples(themes), columns=4, inner=640, width=288, height=620),
            picture(browser, "languages", samples(tongues), columns=4, inner=375, width=288, height=520),
            picture(browser, "two-readers", readers(), columns=2, inner=375, width=375, height=972),
        ]  # fmt: skip
    for file in files:
        print(f"{file.name}: {file.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
