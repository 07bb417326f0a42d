"""Pictures of a post as the mail shows them: which address, which size."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from digest.core.model import Picture
from digest.render.clean import clean_line, clean_link

THUMBNAIL_WIDTH = 128
TALLEST = (
    1.2  # height by width, unless a theme says otherwise; taller pictures are narrowed, so that a post fits a screen
)
SOFTEST = 0.75  # a picture of three quarters of the width may be enlarged to it; a smaller one stays small
CRISP = 2  # screens with two pixels to the point

_UNSHOWN = (".svg", ".svgz", ".heic", ".heif", ".tif", ".tiff")
"""Endings of pictures that most mail clients show nothing of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """A picture with its size in the mail; `height` is None where nobody knows the shape."""

    src: str
    alt: str
    caption: str
    width: int
    height: int | None
    wide: bool  # fills the column, and follows it on a phone


def fit_picture(picture: Picture, *, width: int, key: str = "", tallest: float = TALLEST) -> PictureView | None:
    """The picture fitted into `width` pixels, at most `tallest` times as high; None where its address is nothing a mail may load."""
    src = _source(picture, width=width, key=key)
    if src is None:
        return None
    shown = _width(picture, width, tallest)
    height = round(shown * picture.height / picture.width) if picture.width and picture.height else None
    return PictureView(
        src=src,
        alt=clean_line(picture.alt, key=key),
        caption=clean_line(picture.caption, key=key),
        width=shown,
        height=max(1, height) if height else None,
        wide=shown == width,
    )


def _width(picture: Picture, width: int, tallest: float) -> int:
    known = picture.width or 0
    if known and not picture.full and known < width * SOFTEST:
        width = known
    if known and picture.height and picture.height > known * tallest:
        width = max(1, round(width * tallest * known / picture.height))
    return width


def _source(picture: Picture, *, width: int, key: str) -> str | None:
    """The form that the post shows where that is large enough, else the full one."""
    enough = not picture.full or (picture.width or 0) >= width * CRISP
    for url in (picture.src, picture.full) if enough else (picture.full, picture.src):
        link = clean_link(url, key=key)
        if link and link.startswith("http") and not urlsplit(link).path.lower().endswith(_UNSHOWN):
            return _by_https(link)
    return None


def _by_https(link: str) -> str | None:
    """Old posts name their pictures by http, which webmail does not load; nearly every host serves the same by https.

    None where it names a port, which cannot be the one for https.
    """
    if link.startswith("https://"):
        return link
    return None if urlsplit(link).port else link.replace("http://", "https://", 1)
