"""What anybody may read: the issues that went out of newsletters that are not private. Numbers and times, no content."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from digest.core.model import Newsletter
from digest.core.states import PUBLIC
from digest.errors import NotFound
from digest.store.newsletters import get_newsletter
from digest.store.tables import IssueRow, NewsletterRow

_issue = IssueRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_is_public = _issue.c.state.in_([str(state) for state in PUBLIC])
_sent_at = func.coalesce(_issue.c.sending_at, _issue.c.due_at, type_=_issue.c.due_at.type)

MOST_ADDRESSES = 50_000
"""Of one sitemap (sitemaps.org)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicIssue:
    """An issue that anybody may read."""

    id: int
    number: int
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An issue among its neighbours."""

    issue: PublicIssue
    previous: int | None
    following: int | None


def find_public(session: Session, slug: str) -> Newsletter | None:
    """A newsletter with an archive: a removed one too, whose mails lead there; no private one."""
    try:
        found = get_newsletter(session, slug)
    except NotFound:
        return None
    return None if found.private else found


def list_public(
    session: Session, newsletter_id: int, *, limit: int, offset: int = 0
) -> tuple[tuple[PublicIssue, ...], int]:
    """Some issues of a newsletter, newest first, and how many there are in all."""
    mine = (_issue.c.newsletter_id == newsletter_id, _is_public)
    rows = session.execute(_columns().where(*mine).order_by(_issue.c.number.desc()).limit(limit).offset(offset))
    total = session.execute(select(func.count()).select_from(_issue).where(*mine)).scalar_one()
    return tuple(PublicIssue(**row) for row in rows.mappings()), int(total)


def find_place(session: Session, newsletter_id: int, number: int) -> Place | None:
    """The issue of this number among those before and after it; None where it is not public."""
    mine = _columns().where(_issue.c.newsletter_id == newsletter_id, _is_public)
    own = session.execute(mine.where(_issue.c.number == number)).mappings().one_or_none()
    if own is None:
        return None
    before = mine.where(_issue.c.number < number).order_by(_issue.c.number.desc()).limit(1)
    after = mine.where(_issue.c.number > number).order_by(_issue.c.number).limit(1)
    previous, following = (session.execute(query).mappings().one_or_none() for query in (before, after))
    return Place(
        issue=PublicIssue(**own), previous=previous["number"] if previous else None,
        following=following["number"] if following else None,
    )  # fmt: skip


def list_places(session: Session, *, limit: int = MOST_ADDRESSES) -> tuple[tuple[str, PublicIssue], ...]:
    """Slugs and issues of all public newsletters, newest first."""
    query = (
        _columns()
        .add_columns(_newsletter.c.slug)
        .join(_newsletter, _newsletter.c.id == _issue.c.newsletter_id)
        .where(_is_public, _newsletter.c.private.is_(False))
        .order_by(_sent_at.desc(), _issue.c.id.desc())
        .limit(limit)
    )
    rows = session.execute(query).mappings()
    return tuple((row["slug"], PublicIssue(id=row["id"], number=row["number"], sent_at=row["sent_at"])) for row in rows)


def next_sent_at(session: Session, newsletter_id: int, *, after: datetime) -> datetime | None:
    """When the newsletter's next issue after that time began to go out; None where none has."""
    query = select(func.min(_issue.c.sending_at)).where(
        _issue.c.newsletter_id == newsletter_id, _issue.c.sending_at > after
    )
    found: datetime | None = session.execute(query).scalar()
    return found


def _columns() -> Any:
    return select(_issue.c.id, _issue.c.number, _sent_at.label("sent_at"))
