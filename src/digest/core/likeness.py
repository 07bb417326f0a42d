"""The same story in several sources: equal links, then texts that largely hold each other.

Measured on real feeds: this finds an excerpt of a text, an edited copy and a copy with boilerplate added almost
always, and a story that only quotes another (a quarter of it or less) almost never. Similarity hashes of the whole
text found next to none of these.

Never within one source: its posts resemble each other by their boilerplate, and items of one feed may share a link.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from digest.core.model import Post

WINDOW = timedelta(days=7)
"""Copies of a story appear within a week of each other."""
WORDS = 60
"""Shorter texts resemble each other by chance."""
SHINGLE = 4
CONTAINED = 0.6
"""So much of the smaller text stands in the larger."""
ALIKE = 0.2
"""Jaccard: below it, only similar titles tell an excerpt from a quotation."""
TITLES_ALIKE = 0.5
BOILERPLATE = 3
"""A run of words in so many posts of one source is its furniture."""
OWN_SHINGLES = 20
"""With less left after the furniture is gone, nothing can be said."""

# A CJK character counts as a word: those scripts put no spaces between theirs.
_word = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Story:
    """A post as comparing sees it."""

    post: Post
    links: frozenset[str]
    title: frozenset[str]
    shingles: frozenset[int]  # hashes: a quarter of the memory, and a collision in 2**61 changes nothing


def read_stories(posts: Iterable[Post], *, others: Mapping[int, Sequence[Post]] | None = None) -> dict[int, Story]:
    """What is to be compared of each post, by its id.

    `others` are further posts by source, which show what is that source's furniture; a link that two posts of one
    source share names no story.
    """
    posts = list(posts)
    by_source: dict[int, list[Post]] = {}
    for post in posts:
        by_source.setdefault(post.source_id, []).append(post)
    stories: dict[int, Story] = {}
    for source_id, own in by_source.items():
        known = {post.id for post in own}
        more = [post for post in (others or {}).get(source_id, ()) if post.id not in known]
        stories.update(_read_source(own, more))
    return stories


def group_stories(stories: Iterable[Story]) -> tuple[tuple[Story, ...], ...]:
    """Stories told together, in the order given: a group's first is the one that was given first.

    A story joins the earliest group that holds a copy of it and nothing of its own source.
    """
    groups: list[list[Story]] = []
    home: list[list[Story]] = []  # the group of each story placed so far
    placed: list[Story] = []
    index: dict[str | int, list[int]] = {}  # a link or a shingle → who has it: comparing all pairs is not needed
    for story in stories:
        marks: frozenset[str | int] = story.links | story.shingles
        near = sorted({other for mark in marks for other in index.get(mark, ())})
        group = next((home[i] for i in near if _may_join(story, home[i]) and is_same_story(story, placed[i])), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(story)
        home.append(group)
        placed.append(story)
        for mark in marks:
            index.setdefault(mark, []).append(len(placed) - 1)
    return tuple(tuple(group) for group in groups)


def is_same_story(one: Story, other: Story) -> bool:
    """Whether two posts of different sources tell the same story."""
    if one.post.source_id == other.post.source_id:
        return False
    return bool(one.links & other.links) or _is_copy(one, other)


def words_of(text: str) -> list[str]:
    """The words of a text, case folded."""
    return _word.findall(text.casefold())


def _read_source(own: Sequence[Post], more: Sequence[Post]) -> dict[int, Story]:
    texts = {post.id: _shingles(post.text) for post in (*own, *more)}
    seen = Counter(shingle for shingles in texts.values() for shingle in shingles)
    links = Counter(link for post in (*own, *more) for link in _links(post))
    furniture = {shingle for shingle, times in seen.items() if times >= BOILERPLATE}
    return {
        post.id: Story(
            post=post,
            links=frozenset(link for link in _links(post) if links[link] == 1),
            title=frozenset(words_of(post.card.title)),
            shingles=texts[post.id] - furniture,
        )
        for post in own
    }


def _may_join(story: Story, group: Iterable[Story]) -> bool:
    return all(story.post.source_id != other.post.source_id for other in group)


def _links(post: Post) -> frozenset[str]:
    return frozenset({post.canonical} if post.canonical else ())


def _shingles(text: str) -> frozenset[int]:
    words = words_of(text)
    if len(words) < WORDS:
        return frozenset()
    return frozenset(map(hash, zip(*(words[start:] for start in range(SHINGLE)), strict=False)))


def _is_copy(one: Story, other: Story) -> bool:
    smaller = min(len(one.shingles), len(other.shingles))
    if smaller < OWN_SHINGLES or abs(one.post.effective_at - other.post.effective_at) > WINDOW:
        return False
    common = len(one.shingles & other.shingles)
    if common < CONTAINED * smaller:
        return False
    jaccard = common / (len(one.shingles) + len(other.shingles) - common)
    return jaccard >= ALIKE or _titles_alike(one.title, other.title)


def _titles_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other) and len(one & other) >= TITLES_ALIKE * len(one | other)
