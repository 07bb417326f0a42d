"""Rules about pictures."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from digest.core.lint.document import Element
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail

_WIDTH = re.compile(r"\d+%?")
_HEIGHT = re.compile(r"\d+%?|auto")


@rule(
    "img-alt", Severity.ERROR, "Every picture has an alt text; an empty one for mere ornament.",
    why="WCAG 2.2, 1.1.1; many clients show no pictures before they are asked.",
    mend='Say what the picture shows, or write alt="".',
)  # fmt: skip
def _img_alt(mail: Mail) -> Iterator[Hit]:
    mute = {id(link) for link in mail.document.all("a") if link.get("href") and not _says_something(link)}
    for image in mail.document.all("img"):
        if image.get("alt") is None:
            yield image.at(f"{_name(image)} has no alt")
        elif not (image.get("alt") or "").strip() and id(image.parent) in mute:
            yield image.at(f"{_name(image)} is all that its link holds, and says nothing")


@rule(
    "img-size", Severity.WARNING, "Every picture has width in whole pixels, and height where it is fixed.",
    why="Outlook shows pictures at their own size otherwise, and text jumps when they load.",
    mend='Write width="600" height="400", without px.',
)  # fmt: skip
def _img_size(mail: Mail) -> Iterator[Hit]:
    for image in mail.document.all("img"):
        width, height = image.get("width"), image.get("height")
        if width is None or not _WIDTH.fullmatch(width.strip()):
            yield image.at(f"{_name(image)} has the width {width!r}" if width else f"{_name(image)} has no width")
        elif height is not None and not _HEIGHT.fullmatch(height.strip()):
            yield image.at(f"{_name(image)} has the height {height!r}")


@rule(
    "img-https", Severity.ERROR, "Pictures come by https.",
    why="Webmail blocks http in its https pages, and everybody on the way sees who reads what.",
    mend="Serve them by https, with an absolute address.",
)  # fmt: skip
def _img_https(mail: Mail) -> Iterator[Hit]:
    for image in mail.document.all("img"):
        source = (image.get("data-mailed") or image.get("src") or "").strip()  # a preview shows copies beside it
        if not source.lower().startswith(("https://", "cid:")):
            yield image.at(f"{source[:80] or 'nothing'} is no https address")


@rule(
    "img-format",
    Severity.ERROR,
    "Pictures are JPEG, PNG or GIF.",
    why="caniemail: Gmail, Outlook and Yahoo show no SVG; hardly anything shows HEIC or TIFF.",
    mend="Convert it.",
)
def _img_format(mail: Mail) -> Iterator[Hit]:
    yield from _ending(mail, (".svg", ".svgz", ".heic", ".heif", ".tif", ".tiff"), "that mail clients do not show")


@rule(
    "img-webp",
    Severity.WARNING,
    "Pictures are in no format that Outlook does not know.",
    why="caniemail: Outlook for Windows shows neither WebP nor AVIF; others do.",
    mend="Offer a JPEG or PNG.",
)
def _img_webp(mail: Mail) -> Iterator[Hit]:
    yield from _ending(mail, (".webp", ".avif"), "that Outlook does not show")


def _ending(mail: Mail, endings: tuple[str, ...], why: str) -> Iterator[Hit]:
    for image in mail.document.all("img"):
        if urlsplit_path(image.get("src") or "").lower().endswith(endings):
            yield image.at(f"{_name(image)} is in a format {why}")


def urlsplit_path(address: str) -> str:
    """The path of an address; empty where it is broken."""
    try:
        return urlsplit(address.strip()).path
    except ValueError:
        return ""


def _says_something(link: Element) -> bool:
    return bool(link.text or link.get("aria-label") or link.get("title"))


def _name(image: Element) -> str:
    return (image.get("src") or "a picture").rpartition("/")[2][:60] or "a picture"
