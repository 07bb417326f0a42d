"""Where posts stand: every claim with its post, source, cadence and issue. For lists, choices and explanations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session

from digest.core.discretion import hide_password
from digest.core.model import Card
from digest.core.states import ClaimState, IssueState
from digest.errors import NotFound, UsageError
from digest.store.codec import decode
from digest.store.tables import CadenceRow, ClaimRow, IssueRow, NewsletterRow, PostRow, SourceRow

_claim = ClaimRow.__table__  # type: ignore[attr-defined]
_post = PostRow.__table__  # type: ignore[attr-defined]
_source = SourceRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A post in one cadence."""

    claim_id: int
    post_id: int
    title: str
    link: str | None
    source: str
    newsletter: str  # slug
    cadence: str
    state: ClaimState
    reason: str | None
    pinned: bool
    seen_at: datetime
    effective_at: datetime
    merged_into: int | None = None
    issue_number: int | None = None
    slot_key: str | None = None
    issue_state: IssueState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPost:
    """A post that some words name, with all that a reader sees of it."""

    id: int
    source_id: int
    source: str
    title: str
    link: str | None
    card: Card
    seen_at: datetime
    effective_at: datetime


def list_places(
    session: Session,
    *,
    newsletter_id: int | None = None,
    post_id: int | None = None,
    states: Sequence[ClaimState] = (),
    limit: int | None = None,
) -> tuple[Place, ...]:
    """Claims of active cadences, newest post first, then by newsletter and cadence."""
    query = _places().where(_cadence.c.state == "active", _newsletter.c.state == "active")
    if newsletter_id is not None:
        query = query.where(_newsletter.c.id == newsletter_id)
    if post_id is not None:
        query = query.where(_post.c.id == post_id)
    if states:
        query = query.where(_claim.c.state.in_([str(state) for state in states]))
    query = query.order_by(_claim.c.effective_at.desc(), _post.c.id.desc(), _newsletter.c.id, _cadence.c.id)
    return tuple(_as_place(dict(row)) for row in session.execute(query.limit(limit)).mappings())


def find_posts(session: Session, words: str, *, limit: int = 20) -> tuple[FoundPost, ...]:
    """The posts that words name: an id, a link or the post's own id, else a part of the title; newest first."""
    query = (
        select(_post.c.id, _post.c.source_id, _source.c.title.label("source"), _source.c.url, _post.c.title,
               _post.c.card, _post.c.seen_at, _post.c.effective_at)
        .join(_source, _source.c.id == _post.c.source_id)
        .order_by(_post.c.effective_at.desc(), _post.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    exact = query.where(or_(_post.c.key == words, _post.c.canonical == words,
                            _post.c.card["link"].as_string() == words))  # fmt: skip
    title = query.where(_post.c.title.icontains(words, autoescape=True))
    if words.isdecimal() and len(words) < 10:
        exact = query.where(_post.c.id == int(words))
    rows = session.execute(exact).mappings().all() or session.execute(title).mappings().all()
    return tuple(_as_found(dict(row)) for row in rows)


def find_post(session: Session, words: str) -> FoundPost:
    """The one post that words name.

    Raises:
        NotFound: there is none.
        UsageError: there are several.
    """
    found = find_posts(session, words, limit=6) if words.strip() else ()
    if not found:
        raise NotFound(f"no post has the id, link or title {words!r}", next_step="digest post list shows them")
    if len(found) > 1:
        some = "; ".join(f"{post.id} {post.title!r}" for post in found[:5])
        more = " and more" if len(found) > 5 else ""
        raise UsageError(f"{words!r} names several posts: {some}{more}", next_step="give the id of one")
    return found[0]


def _places() -> Any:
    return (
        select(
            _claim.c.id.label("claim_id"), _claim.c.post_id, _claim.c.state, _claim.c.reason, _claim.c.pinned,
            _claim.c.effective_at, _claim.c.merged_into, _post.c.title, _post.c.card, _post.c.seen_at,
            _source.c.title.label("source"), _source.c.url, _newsletter.c.slug.label("newsletter"),
            _cadence.c.name.label("cadence"), _issue.c.number.label("issue_number"), _issue.c.slot_key,
            _issue.c.state.label("issue_state"),
        )
        .select_from(_claim)
        .join(_post, _post.c.id == _claim.c.post_id)
        .join(_source, _source.c.id == _post.c.source_id)
        .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
        .join(_newsletter, _newsletter.c.id == _cadence.c.newsletter_id)
        .outerjoin(_issue, _issue.c.id == _claim.c.issue_id)
    )  # fmt: skip


def _as_place(row: dict[str, Any]) -> Place:
    card, url, state = row.pop("card"), row.pop("url"), row.pop("issue_state")
    row.update(link=card.get("link"), source=row["source"] or hide_password(url), state=ClaimState(row["state"]))
    return Place(**row, issue_state=IssueState(state) if state else None)


def _as_found(row: dict[str, Any]) -> FoundPost:
    card, url = decode(Card, row.pop("card")), row.pop("url")
    row.update(link=card.link, source=row["source"] or hide_password(url), card=card)
    return FoundPost(**row)
