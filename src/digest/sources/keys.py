"""By what a post is known again (docs/sources.md P6): its id, else its link, else what it says."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from digest.core.model import ParsedPost
from digest.sources.card import RawPost, make_post
from digest.sources.links import canonical_link, is_web, without_scheme


def make_posts(raws: Iterable[RawPost], *, home: str | None, zone: str) -> tuple[ParsedPost, ...]:
    """Posts in document order: empty ones and repetitions dropped, each with its keys."""
    kept = _distinct([raw for raw in raws if not raw.is_empty])
    shared = Counter(_link_key(raw, home) for _, raw in kept)
    return tuple(
        make_post(
            raw,
            key=key,
            other_keys=_other_keys(key, raw, home=home, is_shared=shared[_link_key(raw, home)] > 1),
            home=home,
            zone=zone,
        )
        for key, raw in kept
    )


def _distinct(raws: list[RawPost]) -> list[tuple[str, RawPost]]:
    """The same id with the same link is one post, the first; with another link it is another (P6).

    Where a link serves as the id, the title tells posts apart as the link does else: some feeds link to one page only.
    """
    seconds: dict[str, set[str | None]] = {}
    for raw in raws:
        seconds.setdefault(_key(raw), set()).add(_second(raw))
    kept: dict[str, RawPost] = {}
    for raw in raws:
        key = _key(raw)
        kept.setdefault(f"{key} {_second(raw)}" if len(seconds[key]) > 1 else key, raw)
    return list(kept.items())


def _key(raw: RawPost) -> str:
    if raw.guid or raw.link:
        return raw.guid or raw.link or ""
    return "sha256:" + _digest(raw.title, raw.date_raw or "", raw.markup)


def _second(raw: RawPost) -> str | None:
    """What tells posts under the same key apart."""
    return raw.link if raw.guid else raw.title


def _other_keys(key: str, raw: RawPost, *, home: str | None, is_shared: bool) -> tuple[str, ...]:
    others = [] if is_shared else [_link_key(raw, home)]
    if raw.guid and is_web(raw.guid) and key == raw.guid:
        others.append("id:" + without_scheme(raw.guid))
    if not raw.guid and raw.link:
        others.append("said:" + _digest(raw.link, raw.title))  # stays when a second post takes the same link
    return tuple(sorted(filter(None, others)))


def _link_key(raw: RawPost, home: str | None) -> str:
    """The link as a key, with its fragment: comments on a page differ by nothing else. A home page is no key."""
    link = raw.shown
    if link is None:
        return ""
    parts = urlsplit(link)
    is_own = bool(parts.path.strip("/") or parts.query or parts.fragment)
    return "link:" + without_scheme(canonical_link(link, home=home, keep_fragment=True)) if is_own else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
