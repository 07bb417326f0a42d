"""Our templates through mrml and our pipeline beside npm's mjml: `python -m tests.parity --npm FOLDER [--out FOLDER]`.

Each theme's issue and its notices, in English and Persian, in the system's Chromium, at 375 pixels (light and dark) and at
600: the same pixels, or a difference that `EXPLAINED` has a reason for. Needs Node, npm's mjml and Chromium, and says so.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops

from digest.actions.sample_preview import WEB, sample_notice
from digest.render import issue as rendering
from digest.render import notice as notices
from digest.render.compose_view import compose_view
from digest.render.convert import convert
from digest.render.look import look_of
from digest.render.sample import sample_issue, sample_newsletter
from digest.render.templates import theme_names
from digest.render.words import words_for
from tests.browser.chromium import Browser, chromium, find_chromium, open_page, show
from tests.npm_mjml import NoMjml, NpmMjml, find_mjml

SIGHTS = {375: ("light", "dark"), 600: ("light",)}
LANGUAGES = ("en", "fa")
# Where an underline makes room for a letter, Chromium rounds by where the letter was drawn before: not in the same page twice.
_STEADY = "*{text-decoration-skip-ink:none!important}"


@dataclass(frozen=True)
class Explained:
    """A difference that is meant to be, and how their HTML looks without it."""

    name: str
    reason: str
    theirs: re.Pattern[str]
    ours: str


EXPLAINED = (
    Explained(
        "picture-height",
        "npm's mjml gives a picture of known size a fixed height beside width:100%, which stretches it where it is narrower, "
        "on a phone; put_right.py leaves the attribute and lets the height follow the width",
        re.compile(r";height:\d+px;width:100%"),
        ";height:auto;width:100%",
    ),
    Explained(
        "body-class",
        "npm's mjml puts the css-class of mj-body on <body>, mrml on the element in it that has the ground; the dark style paints "
        "both",
        re.compile(r'<body\s+class="bg"([^>]*>.*?<div)(?=\s+aria-label)', re.DOTALL),
        r'<body\1 class="bg"',
    ),
)


@dataclass(frozen=True)
class Compared:
    """One document at one sight: how many pixels differ as it is, how many without what is explained, and ours beside theirs."""

    name: str
    raw: int
    left: int
    pictures: tuple[Image.Image, Image.Image]


def documents() -> Iterator[tuple[str, str]]:
    """Name and MJML of the issue and the notices of every theme, in both directions."""
    for theme in theme_names():
        for language in LANGUAGES:
            yield f"{theme}-{language}-issue", _issue(theme, language)
            kinds = notices.NoticeKind if language == "en" else (notices.NoticeKind.CONFIRM,)
            for kind in kinds:
                yield f"{theme}-{language}-{kind}", _notice(theme, language, kind)


def compare(browser: Browser, npm: NpmMjml, name: str, mjml: str) -> tuple[list[Compared], set[str]]:
    """The document by both, at every sight; and the names of the explained differences that it has."""
    theirs = npm.compile(mjml).html
    mended, found = theirs, set()
    for one in EXPLAINED:
        mended, number = one.theirs.subn(one.ours, mended)
        found |= {one.name} if number else set()
    sights = [f"{width}-{scheme}" for width, schemes in SIGHTS.items() for scheme in schemes]
    versions = [_pictures(browser, html) for html in (convert(mjml, file=name), theirs, mended)]
    return [
        Compared(f"{name}-{sight}", _differing(ours, raw), _differing(ours, left), (ours, left))
        for sight, ours, raw, left in zip(sights, *versions, strict=True)
    ], found


def keep(folder: Path, compared: Compared) -> Path:
    """Ours, theirs without what is explained, and what differs, in white, side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    ours, theirs = compared.pictures
    marks = _difference(ours, theirs).point([0] + [255] * 255).convert("RGB")
    sheet = Image.new("RGB", (3 * marks.width + 20, marks.height), (90, 90, 90))
    for place, picture in enumerate((ours, theirs, marks)):
        sheet.paste(picture, (place * (marks.width + 10), 0))
    file = folder / f"{compared.name}.png"
    sheet.save(file)
    return file


def _issue(theme: str, language: str) -> str:
    issue, newsletter, look = sample_issue(language), sample_newsletter(theme, language=language), look_of(theme, {})
    assert issue.content is not None
    view = compose_view(
        issue.content, newsletter, key=issue.merge_key, language=language,
        width=look.theme.picture_width or look.theme.inner, tallest=look.theme.image_ratio, web_url=f"{WEB}/12",
        archive_url=WEB,
    )  # fmt: skip
    return look.fill(rendering.HTML_TEMPLATE, rendering._values(view))


def _notice(theme: str, language: str, kind: notices.NoticeKind) -> str:
    words = words_for(language)
    view = notices._compose(sample_notice(kind), sample_newsletter(theme, language=language), words)
    return look_of(theme, {}).fill(notices.HTML_TEMPLATE, {"issue": view, **words.names})


def _pictures(browser: Browser, html: str) -> list[Image.Image]:
    taken = []
    for width, schemes in SIGHTS.items():  # a page for each: how a picture is scaled down depends on what it was before
        with open_page(browser, width=width) as page:
            show(page, html, width=width)
            page.add_style_tag(content=_STEADY)
            for scheme in schemes:
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                taken.append(Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB"))
    return taken


def _differing(one: Image.Image, other: Image.Image) -> int:
    return sum(_difference(one, other).histogram()[1:])


def _difference(one: Image.Image, other: Image.Image) -> Image.Image:
    """On a ground that no theme has, so that what one lacks is a difference."""
    size = max(one.width, other.width), max(one.height, other.height)
    grounds = [Image.new("RGB", size, (255, 0, 255)) for _ in "12"]
    for ground, picture in zip(grounds, (one, other), strict=True):
        ground.paste(picture)
    return ImageChops.difference(*grounds).convert("L")


def main() -> int:
    """Compare all; 1 where a difference has no reason, 2 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--npm", type=Path, metavar="FOLDER", help="where npm's mjml is installed")
    parser.add_argument("--out", type=Path, default=Path("parity"), help="for pictures of what has no reason")
    parser.add_argument("--only", default="", help="documents whose name has this in it, such as cards-fa")
    options = parser.parse_args()
    try:
        npm = find_mjml(options.npm)
    except NoMjml as missing:
        print(f"not compared: {missing}", file=sys.stderr)
        return 2
    if not find_chromium():
        print("not compared: Chromium is not installed: Debian's chromium", file=sys.stderr)
        return 2
    made, used = list[Compared](), set[str]()
    with chromium() as browser:
        for name, mjml in documents():
            if options.only in name:
                compared, found = compare(browser, npm, name, mjml)
                made, used = made + compared, used | found
                for each in compared:
                    if each.left:
                        print(
                            f"{each.name}: {each.left:,} pixels differ without a reason, see {keep(options.out, each)}"
                        )
    strange = sum(each.left > 0 for each in made)
    same = sum(each.raw == 0 for each in made)
    print(
        f"{npm.version}: {same} the same, {len(made) - same - strange} that differ for a reason, {strange} without one"
    )
    for one in EXPLAINED:
        if one.name in used:
            print(f"  {one.name}: {one.reason}")
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main())
