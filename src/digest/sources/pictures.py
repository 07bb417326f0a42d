"""Pictures of a post: which count, how large they are, which leads (docs/sources.md, Cards)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from digest.core.model import Picture
from digest.sources.clean import collapse
from digest.sources.links import host_of, resolve

LARGE = "w1200"
_SIZE = r"(?:[swh]\d{1,5}|w\d{1,5}-h\d{1,5}|s\d{1,5}-w\d{1,5}-h\d{1,5})(?:-[a-z]{1,3}\d{0,3})*"
_SIZE_SEGMENT = re.compile(rf"/{_SIZE}/(?=[^/]*$)")
_SIZE_SUFFIX = re.compile(rf"={_SIZE}$")
_BLOGGER_HOST = re.compile(r"(?:^|\.)(?:bp\.blogspot\.com|googleusercontent\.com|ggpht\.com)$")
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp|tiff?)$", re.IGNORECASE)
_NOT_CONTENT = re.compile(
    r"emoji|smiley|smilies|avatar|gravatar|icon18|feedburner\.com/~|/~r/|/~ff/|pixel\.wp\.com|stats\.wordpress\.com"
    r"|feeds\.wordpress\.com|/_/stat|doubleclick|b16-rounded|AAAAAAAAAAI/|blank\.gif|spacer\.gif|pixel\.gif",
    re.IGNORECASE,
)
_NOT_CONTENT_CLASS = frozenset({"emoji", "wp-smiley", "avatar", "smiley", "icon-action"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture and what tells its weight."""

    picture: Picture
    original_width: int | None = None
    position: int = 0


def see_picture(
    attributes: dict[str, str | None], *, bases: tuple[str | None, ...], position: int, around: str | None = None
) -> Found | None:
    """The picture of an img element, or None where it is no content: pixels, emoji, avatars, statistics.

    `around` is the address of the link around it, which in most blogs leads to the full size.
    """
    src = resolve(_source(attributes), *bases)
    if src is None or not _is_content(src, attributes):
        return None
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    picture = Picture(
        src=src,
        full=_full(src, attributes, bases, resolve(around, *bases)),
        width=width,
        height=height,
        alt=_written_alt(attributes.get("alt"), src),
    )
    return Found(
        picture=picture, original_width=_pixels(attributes.get("data-original-width")) or width, position=position
    )


def thumbnail(
    url: str | None, *bases: str | None, width: int | None = None, height: int | None = None
) -> Picture | None:
    """The picture that a feed gives beside the body; Blogger's 72 pixels are enlarged."""
    src = resolve(url, *bases)
    if src is None or not _is_content(src, {}) or (_too_small(width, height) and not is_resizable(src)):
        return None
    if is_resizable(src):
        return Picture(src=resize(src, LARGE), full=resize(src, "s1600"))
    return Picture(src=src, width=width, height=height)


def is_resizable(url: str) -> bool:
    """Whether the address carries its size, as Blogger's do."""
    path = url.partition("?")[0]
    return bool(_BLOGGER_HOST.search(host_of(url)) and (_SIZE_SEGMENT.search(path) or _SIZE_SUFFIX.search(path)))


def resize(url: str, size: str) -> str:
    """The same picture in another size: `/s72-c/`, `/s320/`, `/w400-h300/`, `=s72-c` and their kin."""
    path, mark, query = url.partition("?")
    path = _SIZE_SUFFIX.sub(f"={size}", path) if _SIZE_SUFFIX.search(path) else _SIZE_SEGMENT.sub(f"/{size}/", path)
    return path + mark + query


def rank(found: Iterable[Found]) -> tuple[Picture, ...]:
    """The lead picture first, then those with a caption in their order; each address once."""
    unique = list({one.picture.src: one for one in reversed(list(found))}.values())[::-1]
    if not unique:
        return ()
    lead = max(unique, key=lambda one: (_score(one), -one.position))
    return (lead.picture, *(one.picture for one in unique if one is not lead and one.picture.caption))


def _score(one: Found) -> int:
    picture = one.picture
    score = -2 * one.position + 12 * bool(picture.caption) + 4 * bool(picture.alt and not picture.alt_made)
    if one.original_width:
        score += 10 if one.original_width >= 400 else -10 if one.original_width < 200 else 0
    if picture.width and picture.height:
        ratio = picture.width / picture.height
        score += 4 if 1.2 <= ratio <= 2.2 else -6 if ratio > 4 or ratio < 0.4 else 0
    return score


def _is_content(src: str, attributes: dict[str, str | None]) -> bool:
    classes = set((attributes.get("class") or "").lower().split())
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    path = src.partition("?")[0].lower()
    return not (
        path.endswith((".svg", ".svgz"))
        or _NOT_CONTENT.search(src)
        or classes & _NOT_CONTENT_CLASS
        or _too_small(width, height)
    )


def _too_small(width: int | None, height: int | None) -> bool:
    return (width is not None and width < 64) or (height is not None and height < 48)


def _source(attributes: dict[str, str | None]) -> str | None:
    """The address, also where a script would load it later."""
    src = attributes.get("src")
    if src and not src.startswith("data:"):
        return src
    for name in ("data-src", "data-lazy-src", "data-original", "data-orig-file"):
        if attributes.get(name):
            return attributes[name]
    return _largest(attributes.get("srcset") or attributes.get("data-srcset"))


def _full(src: str, attributes: dict[str, str | None], bases: tuple[str | None, ...], around: str | None) -> str | None:
    if around and (_IMAGE_FILE.search(urlsplit(around).path) or is_resizable(around)):
        return around
    if is_resizable(src):
        return resize(src, "s1600")
    larger = attributes.get("data-orig-file") or attributes.get("data-large-file") or _largest(attributes.get("srcset"))
    full = resolve(larger, *bases)
    return full if full != src else None


def _largest(srcset: str | None) -> str | None:
    """The widest candidate of a srcset (HTML, section 4.8.4.2)."""
    best, most = None, 0.0
    for address, size in re.findall(r"([^\s,]\S*[^\s,])(?:\s+([\d.]+)[wx])?\s*(?:,|$)", srcset or ""):
        try:
            weight = float(size or 1)
        except ValueError:
            continue
        if weight > most:
            best, most = address, weight
    return best


def _written_alt(alt: str | None, src: str) -> str:
    """What the post says the picture shows; a file's name says nothing."""
    text = collapse(alt or "")
    name = PurePosixPath(unquote(urlsplit(src).path)).name
    is_name = bool(_IMAGE_FILE.search(text)) or text in {name, name.rpartition(".")[0]}
    return "" if is_name and " " not in text else text


def _pixels(value: str | None) -> int | None:
    match = re.fullmatch(r"\s*(\d{1,5})(?:\.\d+)?(?:px)?\s*", value or "")
    return int(match[1]) if match else None
