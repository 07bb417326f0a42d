"""Clicks: counts per link, made of visits that are kept for minutes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, delete, exists, func, select
from sqlmodel import Session

from digest.core.clicks import CANARY, Place
from digest.errors import NotFound
from digest.store.statements import insert_if_new, upsert
from digest.store.tables import IssueRow
from digest.store.web_tables import ClickRow, VisitRow

_click: Table = ClickRow.__table__  # type: ignore[attr-defined]
_visit: Table = VisitRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]

CANARY_KEPT = timedelta(minutes=50)
"""How much longer it is known that a client is a scanner: it may come back for more links."""


@dataclass(frozen=True, slots=True)
class IssueInShort:
    """An issue without its content."""

    newsletter_id: int
    number: int | None


def issue_in_short(session: Session, issue_id: int) -> IssueInShort:
    """Whose issue it is.

    Raises:
        NotFound: there is none.
    """
    query = select(_issue.c.newsletter_id, _issue.c.number).where(_issue.c.id == issue_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no issue with id {issue_id}")
    return IssueInShort(*row)


def add_visit(session: Session, *, client: str, issue_id: int, place: Place, at: datetime) -> bool:
    """A client followed a link; False where that is known."""
    values = {"client": client, "issue_id": issue_id, "post_id": place[0], "link": place[1], "at": at}
    return insert_if_new(session, _visit, values)


def settle(session: Session, *, before: datetime) -> int:
    """Count visits older than this and delete them; those of scanners are deleted alone. How many links were counted.

    What is deleted is what is counted, in one statement: two processes that settle at once count nothing twice.
    """
    scanner = _visit.alias()
    is_scanned = exists().where(
        scanner.c.client == _visit.c.client, scanner.c.issue_id == _visit.c.issue_id, scanner.c.post_id == CANARY[0]
    )
    old = (_visit.c.at < before, _visit.c.post_id != CANARY[0])
    session.execute(delete(_visit).where(*old, is_scanned))
    taken: Any = session.execute(
        delete(_visit).where(*old).returning(_visit.c.issue_id, _visit.c.post_id, _visit.c.link)
    ).all()
    counts: dict[tuple[int, int, int], int] = {}
    for row in taken:
        counts[tuple(row)] = counts.get(tuple(row), 0) + 1
    for (issue_id, post_id, link), number in sorted(counts.items()):
        values = {"issue_id": issue_id, "post_id": post_id, "link": link, "clicks": number}
        adding = upsert(session, _click).values(values)
        keys = [_click.c.issue_id, _click.c.post_id, _click.c.link]
        session.execute(adding.on_conflict_do_update(index_elements=keys, set_={"clicks": _click.c.clicks + number}))
    session.execute(delete(_visit).where(_visit.c.at < before - CANARY_KEPT))
    return len(counts)


def clicks_of_posts(session: Session, newsletter_id: int, post_ids: Iterable[int]) -> Mapping[int, int]:
    """Clicks of these posts in all issues of a newsletter; posts without any are left out."""
    query = (
        select(_click.c.post_id, func.sum(_click.c.clicks))
        .join(_issue, _issue.c.id == _click.c.issue_id)
        .where(_issue.c.newsletter_id == newsletter_id, _click.c.post_id.in_(sorted(post_ids)))
        .group_by(_click.c.post_id)
    )
    return {int(post): int(number) for post, number in session.execute(query)}


def count_clicks(session: Session, issue_id: int) -> Mapping[Place, int]:
    """Clicks of an issue by link, those of the last minutes too, as far as no scanner is known to have made them."""
    settled = select(_click.c.post_id, _click.c.link, _click.c.clicks).where(_click.c.issue_id == issue_id)
    found: dict[Place, int] = {(post, link): number for post, link, number in session.execute(settled)}
    scanners = select(_visit.c.client).where(_visit.c.issue_id == issue_id, _visit.c.post_id == CANARY[0])
    fresh = (
        select(_visit.c.post_id, _visit.c.link, func.count())
        .where(_visit.c.issue_id == issue_id, _visit.c.client.not_in(scanners))
        .group_by(_visit.c.post_id, _visit.c.link)
    )
    for post, link, number in session.execute(fresh):
        found[post, link] = found.get((post, link), 0) + number
    return found
