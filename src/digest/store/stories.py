"""Which posts tell the same story: copies that a line merged, each line in its own way (docs/semantics.md S11, S17)."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Table, or_, select
from sqlmodel import Session

from digest.core.model import IssueContent
from digest.core.states import ClaimState
from digest.store.claims import BATCH
from digest.store.tables import CadenceRow, ClaimRow, PostRow

_claim: Table = ClaimRow.__table__  # type: ignore[attr-defined]
_post: Table = PostRow.__table__  # type: ignore[attr-defined]
_cadence: Table = CadenceRow.__table__  # type: ignore[attr-defined]


def stories_of(
    session: Session, newsletter_id: int, post_ids: Collection[int], *, content: IssueContent | None = None
) -> dict[int, frozenset[int]]:
    """The posts with which a line of the newsletter has merged one of these, or it with them; only of those that have any.

    One line may have merged a copy into the first post, another one the first post into the copy. What `content` has merged
    counts, too: of a preview nothing is claimed yet.
    """
    posts = (*content.posts, *content.more) if content else ()
    stories: dict[int, set[int]] = {}  # each post's, one object for all of a story
    for post in posts:
        if copies := {also.post_id for also in post.also_in if also.post_id is not None}:
            story = {post.post_id, *copies}
            stories.update(dict.fromkeys(story, story))
    looked: set[int] = set()
    while new := {*post_ids, *stories} - looked:
        looked |= new
        for copy, head in _merged(session, newsletter_id, new):
            story = stories.get(copy, {copy}) | stories.get(head, {head})
            stories.update(dict.fromkeys(story, story))
    return {post: frozenset(stories[post]) for post in post_ids if post in stories}


def first_seen(session: Session, stories: Mapping[int, frozenset[int]]) -> dict[int, datetime]:
    """Of each post when its story was first seen, by whichever post that was."""
    ordered = sorted(frozenset().union(*stories.values()))
    seen: dict[int, datetime] = {}
    for start in range(0, len(ordered), BATCH):
        query = select(_post.c.id, _post.c.seen_at).where(_post.c.id.in_(ordered[start : start + BATCH]))
        seen.update((row.id, row.seen_at) for row in session.execute(query))
    return {post: min(seen[one] for one in story) for post, story in stories.items()}


def _merged(session: Session, newsletter_id: int, post_ids: Collection[int]) -> Iterator[tuple[int, int]]:
    ordered = sorted(post_ids)
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        query = (
            select(_claim.c.post_id, _claim.c.merged_into)
            .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
            .where(
                _cadence.c.newsletter_id == newsletter_id,
                _claim.c.state == str(ClaimState.MERGED),
                or_(_claim.c.post_id.in_(batch), _claim.c.merged_into.in_(batch)),
            )
        )
        for row in session.execute(query):
            yield row.post_id, row.merged_into
