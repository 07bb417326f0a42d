"""What readers have chosen ─▶ the few variants that an issue is rendered in. Pure.

 topics, language ─▶ the posts that they are shown ─▶ equal sets are one ─▶ the cap ─▶ variants ─▶ each reader's

A choice counts only by the posts that it shows: whoever is shown all of them gets the whole issue, however they chose.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.core.model import IssueContent, IssueGroup, IssuePost, Variant

EMPTY = "empty"
"""Why a delivery was skipped whose reader has chosen topics of which the issue has no post."""

Shown = frozenset[int]
"""Ids of posts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What so many readers have chosen alike."""

    topics: str  # the JSON of the subscription, as it is stored
    language: str = ""  # "": none
    owed: str = ""
    readers: int

    @property
    def slugs(self) -> tuple[str, ...]:
        """The topics; none means all."""
        return tuple(json.loads(self.topics))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The posts that a choice is to be shown."""

    choice: Choice
    shown: Shown | None  # None: the whole issue
    exact: bool = False  # a variant that shows more is none for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A variant to render."""

    language: str
    shown: Shown | None
    readers: int

    @property
    def key(self) -> str:
        """What tells it from the others of its issue."""
        return f"{_mark(self.shown)}/{self.language}"


def wish_for(content: IssueContent | None, choices: Iterable[Choice]) -> tuple[Wish, ...]:
    """What each choice is shown of an issue."""
    shelf = _by_topic(content)
    every = frozenset(post.post_id for post in _all(content)) if content else frozenset()
    wishes = []
    for choice in choices:
        slugs = choice.slugs
        shown = frozenset().union(*(shelf.get(slug, ()) for slug in slugs)) if slugs and content else every
        wishes.append(Wish(choice=choice, shown=None if shown == every else shown))
    return tuple(wishes)


def plan_variants(wishes: Iterable[Wish], *, languages: Sequence[str], most: int) -> tuple[Wanted, ...]:
    """The variants to render, the whole issue in the newsletter's own language (the first) before all others.

    The whole in each language that somebody reads is always among them, for all who chose what nobody else did. Of the others
    those with the most readers are, until there are `most` in all.
    """
    readers: dict[tuple[Shown | None, str], int] = {(None, languages[0]): 0}
    exact: set[tuple[Shown | None, str]] = set()
    for wish in wishes:
        language = wish.choice.language if wish.choice.language in languages else languages[0]
        readers.setdefault((None, language), 0)
        if wish.shown is None or wish.shown:
            place = (wish.shown, language)
            readers[place] = readers.get(place, 0) + wish.choice.readers
            exact |= {place} if wish.exact else set()
    wanted = [Wanted(shown=shown, language=language, readers=count) for (shown, language), count in readers.items()]
    whole = sorted((one for one in wanted if one.shown is None), key=lambda one: languages.index(one.language))
    parts = sorted(
        (one for one in wanted if one.shown is not None),
        key=lambda one: ((one.shown, one.language) not in exact, -one.readers, one.key),
    )
    return (*whole, *parts[: max(most - len(whole), 0)])


def find_variant(wish: Wish, variants: Sequence[Variant]) -> Variant | None:
    """Of the variants that were rendered, in order of id, the one for these readers; None where none is.

    It shows all that they are to be shown, in their language or else in the newsletter's, and as little else as there is: so
    nobody loses a post where the cap, or a choice made a moment ago, has left theirs out.
    """
    spoken = wish.choice.language
    ours = [one for one in variants if one.language == spoken]
    own = [one for one in variants if one.language == variants[0].language]
    for some in (ours, own):
        fitting = [one for one in some if _shows(one, wish)]
        if fitting:
            return min(fitting, key=_size)
    return None


def content_for(content: IssueContent, shown: Collection[int] | None) -> IssueContent:
    """The issue with these posts alone, in their places."""
    if shown is None:
        return content
    keep = frozenset(shown)

    def left(posts: Iterable[IssuePost]) -> tuple[IssuePost, ...]:
        return tuple(post for post in posts if post.post_id in keep)

    groups = (IssueGroup(kind=group.kind, label=group.label, posts=left(group.posts)) for group in content.groups)
    return replace(content, groups=tuple(group for group in groups if group.posts), more=left(content.more))


def _shows(variant: Variant, wish: Wish) -> bool:
    if variant.shown is None or wish.shown is None:
        return variant.shown is wish.shown or not (wish.exact or wish.shown is None)
    return wish.shown == variant.shown if wish.exact else wish.shown <= variant.shown


def _size(variant: Variant) -> tuple[bool, int, int]:
    return variant.shown is None, len(variant.shown or ()), variant.id


def _all(content: IssueContent) -> tuple[IssuePost, ...]:
    return (*content.posts, *content.more)


def _by_topic(content: IssueContent | None) -> Mapping[str, Shown]:
    found: dict[str, set[int]] = {}
    for post in _all(content) if content else ():
        for slug in post.topics:
            found.setdefault(slug, set()).add(post.post_id)
    return {slug: frozenset(posts) for slug, posts in found.items()}


def _mark(shown: Shown | None) -> str:
    if shown is None:
        return "*"
    return hashlib.sha256(",".join(map(str, sorted(shown))).encode()).hexdigest()[:12]
