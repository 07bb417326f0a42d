"""Which of a document's posts are known already, and whether a document looks like an accident (docs/semantics.md S8–S10).

document ─▶ by key ─▶ by another key and likeness ─▶ re-keyed as a whole? ─▶ known pairs, new posts, flood?
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.model import ParsedPost

SAME_DATE = timedelta(days=1)
SUSPICIOUS = 10  # so many unknown posts, and more than half of the document, need an explanation
REKEYED_SHARE = 0.8
FLOOD_FACTOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stored post, as far as recognising it needs."""

    id: int
    keys: frozenset[str]  # its key, its other keys, and every key it was ever seen under
    title: str
    published: datetime | None
    body_hash: str
    is_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """A document held against what is stored. Both parts are in document order."""

    known: tuple[tuple[ParsedPost, Known], ...]
    new: tuple[ParsedPost, ...]
    rekeyed: int = 0  # recognised although their keys changed
    suspicious: bool = False  # more than ten new ones, and more than half of the document


def match_posts(document: Sequence[ParsedPost], known: Iterable[Known], *, namesakes: Iterable[Known] = ()) -> Matching:
    """Recognise posts (docs/sources.md P6, docs/semantics.md S8).

    Another key alone proves nothing: items of one feed may share a link. So it counts only together with the same
    title or date, for a post that the document does not hold under its own key. `namesakes` are stored posts with the
    titles of the document; they count where most of the document changed its keys at once.
    """
    by_key = {key: post for post in known for key in post.keys}
    pairs = {place: by_key[post.key] for place, post in enumerate(document) if post.key in by_key}
    unknown = [place for place in range(len(document)) if place not in pairs]
    likely = _by_other_key(document, unknown, by_key, taken=set(pairs.values()))
    if _is_suspicious(len(unknown), len(document)):
        by_title = _by_title(document, unknown, namesakes, taken={*pairs.values(), *likely.values()}, likely=likely)
        if len(likely) + len(by_title) >= REKEYED_SHARE * len(unknown):
            likely |= by_title
    pairs |= likely
    new = tuple(post for place, post in enumerate(document) if place not in pairs)
    return Matching(
        known=tuple((document[place], pairs[place]) for place in sorted(pairs)),
        new=new,
        rekeyed=len(likely),
        suspicious=_is_suspicious(len(new), len(document)),
    )


def is_flood(matching: Matching, *, most_per_poll: int, interval: timedelta, since_last: timedelta) -> bool:
    """Far more new posts than this source ever had in one poll (S8).

    After an outage of ours the posts of many polls come at once: the allowance grows with the time since the last one.
    """
    polls = max(1.0, since_last / interval)
    return matching.suspicious and len(matching.new) > FLOOD_FACTOR * max(most_per_poll, 1) * polls


def taken_down(document: Iterable[ParsedPost], waiting: Mapping[int, datetime]) -> tuple[int, ...]:
    """Ids of waiting posts (id → published) that a document lacks although it holds older ones (S10).

    Falling off the end of the document is no removal.
    """
    dates = [date for post in document if (date := published(post))]
    return tuple(post_id for post_id, date in waiting.items() if dates and date > min(dates))


def published(post: ParsedPost) -> datetime | None:
    """The date that counts: published, else updated (docs/sources.md P4)."""
    return post.published or post.updated


def oldest(document: Sequence[ParsedPost]) -> ParsedPost | None:
    """The oldest post by date; the last one where none has a date."""
    dated = [(date, place) for place, post in enumerate(document) if (date := published(post))]
    if dated:
        return document[min(dated)[1]]
    return document[-1] if document else None


def _is_suspicious(count: int, whole: int) -> bool:
    return count > SUSPICIOUS and count > whole / 2


def _by_other_key(
    document: Sequence[ParsedPost], unknown: Sequence[int], by_key: Mapping[str, Known], *, taken: set[Known]
) -> dict[int, Known]:
    found = {}
    for place in unknown:
        post = document[place]
        for candidate in filter(None, map(by_key.get, post.other_keys)):
            if candidate not in taken and _is_like(post, candidate):
                found[place] = candidate
                break
    return _unambiguous(found)


def _by_title(
    document: Sequence[ParsedPost],
    unknown: Sequence[int],
    namesakes: Iterable[Known],
    *,
    taken: set[Known],
    likely: Mapping[int, Known],
) -> dict[int, Known]:
    titles: dict[str, list[Known]] = {}
    for candidate in namesakes:
        if candidate not in taken:
            titles.setdefault(candidate.title, []).append(candidate)
    found = {}
    for place in unknown:
        post = document[place]
        same = [c for c in titles.get(post.card.title, ()) if _is_near(published(post), c.published)]
        if place not in likely and len(same) == 1:
            found[place] = same[0]
    return _unambiguous(found)


def _unambiguous(found: dict[int, Known]) -> dict[int, Known]:
    """A stored post that two of the document's could be is neither."""
    times = Counter(candidate.id for candidate in found.values())
    return {place: candidate for place, candidate in found.items() if times[candidate.id] == 1}


def _is_like(post: ParsedPost, candidate: Known) -> bool:
    return post.card.title == candidate.title or _is_near(published(post), candidate.published)


def _is_near(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= SAME_DATE
