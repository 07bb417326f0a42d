"""The state in which a new post enters one cadence: docs/semantics.md S3 and S5–S8.

 new post ─▶ baseline   older than our first look: taken as seen, never mailed
          ─▶ pending    waits for the next issue, also when it is late (S5) or dated ahead (S3)
          ─▶ held       dated far back, or one of a flood: waits for the admin

A note of the editor enters like a post; the issue that takes it shows it above the posts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.model import Post
from digest.core.states import ClaimState

CLOCK_SKEW = timedelta(minutes=5)
"""A date so little ahead of ours is a clock that is off, not an embargo."""
EMBARGO = timedelta(days=14)
"""A date further ahead than this is a mistake: the post counts as undated."""
FIRST_LOOK_MOST = 10
"""So many posts of a new source enter the issue in the making (S7)."""
OLDEST = timedelta(days=7)
"""A post dated further back than this, and than two periods, is held (S6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Where one post starts in one cadence, and why."""

    post_id: int
    effective_at: datetime
    state: ClaimState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A cadence at the moment of arrival: when its oldest period not yet closed began, and how long periods are."""

    since: datetime
    length: timedelta


def effective_at(published: datetime | None, *, seen_at: datetime) -> datetime:
    """When a post counts as published, fixed at first sight (S3): its date, else the moment we first saw it.

    Up to 14 days ahead is an embargo: the post waits for that date. Further ahead counts as undated.
    """
    if not is_dated(published, seen_at=seen_at) or published is None:
        return seen_at
    return published if published <= seen_at or published > seen_at + CLOCK_SKEW else seen_at


def is_dated(published: datetime | None, *, seen_at: datetime) -> bool:
    """Whether the source's date can be believed at all."""
    return published is not None and published <= seen_at + EMBARGO


def admit_new(posts: Iterable[Post], *, opening: Opening, flood: bool, now: datetime) -> tuple[Admission, ...]:
    """Posts first seen now in a source that this cadence already reads (S5, S6, S8).

    A post that falls into a period not yet closed is never too old: an outage of ours holds nothing back.
    """
    oldest = min(opening.since, now - max(2 * opening.length, OLDEST))
    return tuple(_admit_one(post, oldest=oldest, flood=flood, now=now) for post in posts)


def admit_backlog(posts: Sequence[Post], *, opening: Opening, include_last: int | None = None) -> tuple[Admission, ...]:
    """Posts of a source that this cadence has not read before (S7).

    The newest ten of the period in the making wait for its issue, everything else is baseline; a post without a
    believable date is baseline, since it may be of any age. `include_last` takes the newest so many instead,
    whatever their dates.
    """
    newest = sorted(posts, key=lambda post: (-post.effective_at.timestamp(), post.position, post.key))
    if include_last is not None:
        taken = {post.id for post in newest[:include_last]}
        return tuple(_first_look(post, taken=taken, why="not among the last that were asked for") for post in posts)
    current = [p for p in newest if p.effective_at >= opening.since and is_dated(p.published, seen_at=p.seen_at)]
    taken = {post.id for post in current[:FIRST_LOOK_MOST]}
    return tuple(_first_look(post, taken=taken, why=_why_baseline(post, opening)) for post in posts)


def _admit_one(post: Post, *, oldest: datetime, flood: bool, now: datetime) -> Admission:
    if flood:
        return _admission(post, ClaimState.HELD, "a flood: far more new posts at once than this source ever had")
    if post.effective_at < oldest:
        days = (now - post.effective_at).days
        return _admission(post, ClaimState.HELD, f"back-dated: {days} days old when first seen")
    return _admission(post, ClaimState.PENDING, None)


def _first_look(post: Post, *, taken: set[int], why: str) -> Admission:
    if post.id in taken:
        return _admission(post, ClaimState.PENDING, None)
    return _admission(post, ClaimState.BASELINE, f"there before the source was added: {why}")


def _why_baseline(post: Post, opening: Opening) -> str:
    if not is_dated(post.published, seen_at=post.seen_at):
        return "no believable date"
    if post.effective_at < opening.since:
        return "older than the period in the making"
    return f"beyond the newest {FIRST_LOOK_MOST}"


def _admission(post: Post, state: ClaimState, reason: str | None) -> Admission:
    return Admission(post_id=post.id, effective_at=post.effective_at, state=state, reason=reason)
