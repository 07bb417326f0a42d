"""What readers have chosen ─▶ the few variants that an issue is rendered in. Pure.

 topics, language ─▶ the posts that they are shown ─▶ equal sets are one ─▶ the cap ─▶ variants ─▶ each reader's

A choice counts only by the posts that it shows: whoever is shown all of them gets the whole issue, however they chose.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from digest.core.cut import Limits, cut_content
from digest.core.model import IssueContent, IssueGroup, IssuePost, Variant
from digest.core.owed import Due

EMPTY = "empty"
"""Why a delivery was skipped whose reader has chosen topics of which the issue has no post."""

SUFFIX = "/B"
"""Ends the key of a variant under the second of two subjects."""

Shown = frozenset[int]
"""Ids of posts."""
NOTHING: Shown = frozenset()


class Choice(NamedTuple):
    """What so many readers have chosen alike."""

    topics: str  # the JSON of the subscription, as it is stored
    readers: int
    language: str = ""  # "": none
    owed: str = ""

    @property
    def slugs(self) -> tuple[str, ...]:
        """The topics; none means all."""
        return tuple(json.loads(self.topics))


class Wish(NamedTuple):
    """The posts that a choice is to be shown."""

    choice: Choice
    shown: Shown | None  # None: the whole issue
    earlier: Shown = NOTHING  # of other issues
    away: Shown = NOTHING  # of other issues, from a pause
    exact: bool = False  # a variant that shows more is none for them

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return self.shown is not None and not (self.shown or self.earlier or self.away)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A variant to render."""

    language: str
    shown: Shown | None
    earlier: Shown = NOTHING
    away: Shown = NOTHING
    readers: int
    second: bool = False  # under the second of two subjects (core/subjects)

    @property
    def key(self) -> str:
        """What tells it from the others of its issue."""
        marks = [_mark(self.shown), *(_mark(some) for some in (self.earlier, self.away) if self.earlier or self.away)]
        return f"{'+'.join(marks)}/{self.language}{SUFFIX if self.second else ''}"


def wish_for(
    content: IssueContent | None,
    choices: Iterable[Choice],
    *,
    dues: Mapping[str, Due | None] = MappingProxyType({}),
    others: Iterable[IssuePost] = (),
) -> tuple[Wish, ...]:
    """What each choice is shown of an issue; nothing of those that it is not for.

    `dues` say what the issue is for who is owed something, by its text; `others` are the posts of other issues that these name.
    """
    shelf, further = _by_topic(_all(content)), _by_topic(others)
    every = frozenset(post.post_id for post in _all(content))
    known: dict[str, Shown] = {}  # readers of four languages choose the same topics
    wishes = []
    for choice in choices:
        if (shown := known.get(choice.topics)) is None:
            shown = known[choice.topics] = _chosen(every, shelf, choice)
        if not choice.owed:
            wishes.append(Wish(choice, None if shown == every else shown))
        elif (due := dues.get(choice.owed)) is not None:
            left = shown & due.own
            earlier, away = (_chosen(some, further, choice) for some in (due.earlier, due.away))
            exact = bool(earlier or away or due.own != every)  # what shows more would tell again what they were told
            left_all = None if left == every else left
            wishes.append(Wish(choice=choice, shown=left_all, earlier=earlier, away=away, exact=exact))
    return tuple(wishes)


def plan_variants(
    wishes: Iterable[Wish], *, languages: Sequence[str], most: int, made: Collection[str] = ()
) -> tuple[Wanted, ...]:
    """The variants to render, the whole issue in the newsletter's own language (the first) before all others.

    The whole in each language that somebody reads is always among them, for all who chose what nobody else did, and what
    somebody is owed exactly. Of the others those with the most readers are, until there are `most` in all. `made` are the keys
    of those that there are already: they stay and count, also where nobody wants them any more.
    """
    readers: dict[_Place, int] = {_Place(languages[0]): 0}
    exact: set[_Place] = set()
    for wish in wishes:
        language = wish.choice.language if wish.choice.language in languages else languages[0]
        readers.setdefault(_Place(language), 0)
        if not wish.is_empty:
            place = _Place(language, wish.shown, wish.earlier, wish.away)
            readers[place] = readers.get(place, 0) + wish.choice.readers
            if wish.exact:
                exact.add(place)
    wholes = sorted((one for one in readers if one.is_whole), key=lambda one: languages.index(one.language))
    parts = sorted(
        (one for one in readers if not one.is_whole),
        key=lambda one: (one not in exact, -readers[one], one.language, *(sorted(posts or ()) for posts in one[1:])),
    )
    there = {one for one in parts if made and Wanted(**one._asdict(), readers=0).key in made}
    coming = [one for one in parts if one not in there]
    room = most - len({Wanted(**one._asdict(), readers=0).key for one in wholes}.union(made))
    kept = {*wholes, *there, *coming[: max(room, sum(one in exact for one in coming))]}
    return tuple(Wanted(**one._asdict(), readers=readers[one]) for one in (*wholes, *parts) if one in kept)


class _Place(NamedTuple):
    """What tells variants of an issue apart."""

    language: str
    shown: Shown | None = None
    earlier: Shown = NOTHING
    away: Shown = NOTHING

    @property
    def is_whole(self) -> bool:
        return self == (self.language, None, NOTHING, NOTHING)


class Finder:
    """Finds readers' variants among those that were rendered, in order of id."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self._own = variants[0].language if variants else ""  # the newsletter's
        self._spoken: dict[str, list[Variant]] = {}
        for one in sorted(variants, key=_size):
            self._spoken.setdefault(one.language, []).append(one)
        self._found: dict[Any, Variant | None] = {}

    def find(self, wish: Wish) -> Variant | None:
        """The variant for these readers; None where none is.

        It shows all that they are to be shown, in their language or else in the newsletter's, and as little else as there is:
        so nobody loses a post where the cap, or a choice made a moment ago, has left theirs out.
        """
        asked = (wish.choice.language, *wish[1:])
        if asked not in self._found:
            languages = (wish.choice.language, self._own)
            fitting = (one for language in languages for one in self._spoken.get(language, ()) if _shows(one, wish))
            self._found[asked] = next(fitting, None)
        return self._found[asked]


def content_for(
    content: IssueContent, variant: Variant, *, others: Iterable[IssuePost] = (), limits: Limits
) -> IssueContent:
    """The issue as a variant shows it: its posts in their places, then those of other issues, which are `others`.

    Of its own lines of "more" so many are shown in full as the limits have room for; then of the others, the newest first.
    """
    left = content if variant.shown is None else cut_content(content, variant.shown, limits=limits)
    newest = sorted(others, key=lambda post: (post.at, post.post_id), reverse=True)
    room = max(0, limits.most - len(left.posts))
    groups = [
        IssueGroup(kind=kind, label="", posts=tuple(post for post in newest[:room] if post.post_id in some))
        for kind, some in (("earlier", variant.earlier), ("away", variant.away))
    ]
    return replace(left, groups=_joined(left.groups, groups), more=(*left.more, *newest[room:]))


def _joined(groups: Sequence[IssueGroup], further: Iterable[IssueGroup]) -> tuple[IssueGroup, ...]:
    """One group "earlier", whether its posts were late or are of other issues; groups without posts go."""
    joined = list(groups)
    for one in further:
        if joined and joined[-1].kind == one.kind:
            joined[-1] = replace(joined[-1], posts=joined[-1].posts + one.posts)
        elif one.posts:
            joined.append(one)
    return tuple(joined)


def _shows(variant: Variant, wish: Wish) -> bool:
    if wish.exact or variant.earlier or variant.away:
        return (variant.shown, variant.earlier, variant.away) == (wish.shown, wish.earlier, wish.away)
    return variant.shown is None or (wish.shown is not None and wish.shown <= variant.shown)


def _size(variant: Variant) -> tuple[bool, int, int]:
    return variant.shown is None, len(variant.shown or ()), variant.id


def _all(content: IssueContent | None) -> tuple[IssuePost, ...]:
    return (*content.posts, *content.more) if content else ()


def _chosen(posts: Shown, shelf: Mapping[str, Shown], choice: Choice) -> Shown:
    slugs = choice.slugs
    return posts & NOTHING.union(*(shelf.get(slug, ()) for slug in slugs)) if slugs else posts


def _by_topic(posts: Iterable[IssuePost]) -> Mapping[str, Shown]:
    found: dict[str, set[int]] = {}
    for post in posts:
        for slug in post.topics:
            found.setdefault(slug, set()).add(post.post_id)
    return {slug: frozenset(posts) for slug, posts in found.items()}


def _mark(shown: Shown | None) -> str:
    if shown is None:
        return "*"
    return hashlib.sha256(",".join(map(str, sorted(shown))).encode()).hexdigest()[:12]
