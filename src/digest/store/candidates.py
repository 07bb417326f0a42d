"""What a period's end has to choose from, and what becomes of it. Within one transaction: read, decide, settle."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlmodel import Session

from digest.core.discretion import hide_password
from digest.core.model import Card, Post
from digest.core.selection import Candidate, Selection
from digest.core.states import ClaimState
from digest.store.claims import BATCH
from digest.store.codec import decode
from digest.store.statements import changed_rows
from digest.store.tables import ClaimRow, NewsletterSourceRow, PostRow, SourceRow

_claim = ClaimRow.__table__  # type: ignore[attr-defined]
_post = PostRow.__table__  # type: ignore[attr-defined]
_source = SourceRow.__table__  # type: ignore[attr-defined]
_reads = NewsletterSourceRow.__table__  # type: ignore[attr-defined]

_POST = [_post.c[name] for name in ("id", "source_id", "key", "card", "canonical", "published", "updated", "seen_at",
                                    "effective_at", "text", "html", "body_hash", "note", "position")]  # fmt: skip
RECENT = 12
"""So many posts of a source show what is its furniture."""


def pending_candidates(
    session: Session, *, newsletter_id: int, cadence_id: int, before: datetime, lock: bool
) -> tuple[Candidate, ...]:
    """The posts that wait in a cadence and count from before this instant; held by `lock` to the transaction's end."""
    waiting = select(_claim.c.post_id, _claim.c.pinned).where(
        _claim.c.cadence_id == cadence_id,
        _claim.c.state == str(ClaimState.PENDING),
        _claim.c.effective_at < before,
    )
    rows = session.execute(waiting.with_for_update() if lock else waiting)
    pinned = {row.post_id: row.pinned for row in rows}
    sources = _read_sources(session, newsletter_id)
    return tuple(
        Candidate(post=post, pinned=pinned[post.id], **_source_facts(post, sources))
        for post in _posts(session, select(*_POST), ids=sorted(pinned))
    )


def posts_repeated(
    session: Session, *, cadence_id: int, posts: Collection[Post], window: timedelta
) -> tuple[Post, ...]:
    """Posts issued before in this cadence that one of these might repeat: of the same canonical link, or recent."""
    if not posts:
        return ()
    since = min(post.effective_at for post in posts) - window
    links = sorted({post.canonical for post in posts if post.canonical})[:BATCH]
    query = (
        select(*_POST)
        .join(_claim, _claim.c.post_id == _post.c.id)
        .where(
            _claim.c.cadence_id == cadence_id,
            _claim.c.state == str(ClaimState.ISSUED),
            or_(_post.c.canonical.in_(links), _claim.c.effective_at >= since),
            _post.c.note.is_(False),
        )
        .order_by(_post.c.effective_at, _post.c.id)
    )
    return tuple(_as_post(row) for row in session.execute(query).mappings())


def recent_posts(session: Session, source_ids: Collection[int]) -> dict[int, tuple[Post, ...]]:
    """The newest posts of each source, by which likeness knows its furniture."""
    found = {}
    for source_id in sorted(source_ids):
        newest = (
            select(*_POST).where(_post.c.source_id == source_id).order_by(_post.c.seen_at.desc(), _post.c.id.desc())
        )
        found[source_id] = tuple(_as_post(row) for row in session.execute(newest.limit(RECENT)).mappings())
    return found


def settle_claims(session: Session, *, cadence_id: int, issue_id: int, selection: Selection) -> int:
    """Move the candidates to issued or merged. Returns how many rows that changed."""
    still = (_claim.c.cadence_id == cadence_id, _claim.c.state == str(ClaimState.PENDING))
    done = 0
    for start in range(0, len(selection.issued), BATCH):
        batch = selection.issued[start : start + BATCH]
        issued = update(_claim).where(*still, _claim.c.post_id.in_(batch))
        done += changed_rows(session, issued.values(state=str(ClaimState.ISSUED), issue_id=issue_id, reason=None))
    for copy, head in selection.merged.items():
        merged = update(_claim).where(*still, _claim.c.post_id == copy)
        values = {"state": str(ClaimState.MERGED), "issue_id": issue_id, "merged_into": head}
        done += changed_rows(session, merged.values(values))
    return done


def quotas_of(session: Session, newsletter_id: int) -> dict[int, int | None]:
    """The newsletter's sources in their order, each with its own quota, if it has one."""
    rows = select(_reads.c.source_id, _reads.c.quota).where(_reads.c.newsletter_id == newsletter_id)
    return {row.source_id: row.quota for row in session.execute(rows.order_by(_reads.c.id))}


def _read_sources(session: Session, newsletter_id: int) -> dict[int, dict[str, Any]]:
    query = (
        select(_source.c.id, _source.c.title, _source.c.url, _reads.c.id.label("rank"), _reads.c.quota, _reads.c.weight)
        .select_from(_source)
        .outerjoin(_reads, (_reads.c.source_id == _source.c.id) & (_reads.c.newsletter_id == newsletter_id))
    )
    return {row["id"]: dict(row) for row in session.execute(query).mappings()}


def _source_facts(post: Post, sources: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    source = sources[post.source_id]
    # A source that the newsletter no longer reads may have a post that the admin released: it comes last.
    rank = source["rank"] if source["rank"] is not None else 2**31 + post.source_id
    url = hide_password(source["url"])
    facts = {"quota": source["quota"], "weight": source["weight"]}
    return {"source": source["title"] or url, "url": url, "rank": rank, **facts}


def _posts(session: Session, query: Select[Any], *, ids: Sequence[int]) -> list[Post]:
    found: list[Post] = []
    for start in range(0, len(ids), BATCH):
        rows = session.execute(query.where(_post.c.id.in_(ids[start : start + BATCH])).order_by(_post.c.id))
        found += [_as_post(row) for row in rows.mappings()]
    return found


def _as_post(row: Any) -> Post:
    return Post(**{**row, "card": decode(Card, row["card"])})
