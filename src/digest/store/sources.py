"""Sources and who reads them: rows in, frozen values out. What polling remembers stands in `store.polls`."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session

from digest.core.digits import number_of
from digest.core.discretion import hide_password
from digest.core.model import Source
from digest.core.states import SourceKind, SourceState
from digest.errors import Conflict, NotFound
from digest.store.statements import changed_rows, insert_if_new
from digest.store.tables import NewsletterRow, NewsletterSourceRow, SourceRow

_source = SourceRow.__table__  # type: ignore[attr-defined]
_reads = NewsletterSourceRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]

EDITABLE = frozenset(
    {
        "url",
        "title",
        "home",
        "zone",
        "language",
        "interval_minutes",
        "state",
        "next_check",
        "failing_since",
        "failures",
        "problem",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A newsletter reads a source."""

    newsletter_id: int
    slug: str
    source_id: int
    quota: int | None  # overrides the newsletter's posts per source and issue


def add_source(
    session: Session,
    *,
    url: str,
    now: datetime,
    kind: SourceKind = SourceKind.FEED,
    title: str = "",
    home: str | None = None,
    zone: str = "UTC",
    language: str | None = None,
    interval_minutes: int = 60,
) -> Source:
    """A new source; it is due at once.

    Raises:
        Conflict: there is one with this URL.
    """
    values: dict[str, Any] = {
        "url": url, "kind": str(kind), "title": title, "home": home, "zone": zone, "language": language,
        "interval_minutes": interval_minutes, "state": str(SourceState.ACTIVE), "created_at": now, "failures": 0,
        "url_history": [], "most_per_poll": 0,
    }  # fmt: skip
    if not insert_if_new(session, _source, values):
        raise Conflict(f"there is a source {hide_password(url)} already", next_step="digest source list shows it")
    added = source_at(session, url)
    assert added is not None
    return added


def source_at(session: Session, url: str) -> Source | None:
    """The source of this URL, or None."""
    row = session.execute(select(_source).where(_source.c.url == url)).mappings().first()
    return as_source(row) if row else None


def get_source(session: Session, name: str) -> Source:
    """The source of this number, URL or title.

    Raises:
        NotFound: there is none.
        Conflict: several have this title.
    """
    every = list_sources(session, read_only=False)
    for found in (
        [s for s in every if s.id == number_of(name, most=2**63)],
        [s for s in every if name in {s.url, s.shown}],
        [s for s in every if s.title.casefold() == name.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise Conflict(f"{len(found)} sources are called {name!r}", next_step="name it by its number or URL")
    near = difflib.get_close_matches(name, [n for s in every for n in (s.title, s.shown)], n=1)
    raise NotFound(
        f"there is no source {hide_password(name)!r}",
        next_step=f"did you mean {near[0]!r}?" if near else "digest source list shows them",
    )


def list_sources(session: Session, *, newsletter_id: int | None = None, read_only: bool = True) -> tuple[Source, ...]:
    """The sources that a newsletter reads, or any does; with read_only off, removed ones too. Oldest first."""
    query = select(_source).order_by(_source.c.id)
    if newsletter_id is not None:
        query = query.where(_source.c.id.in_(select(_reads.c.source_id).where(_reads.c.newsletter_id == newsletter_id)))
    elif read_only:
        query = query.where(_source.c.id.in_(select(_reads.c.source_id)))
    return tuple(as_source(row) for row in session.execute(query).mappings())


def update_source(session: Session, source_id: int, **changes: Any) -> Source:
    """Change fields of a source. A new URL forgets what the old one's server said (F1).

    Raises:
        Conflict: there is one with this URL.
    """
    if unknown := set(changes) - EDITABLE:
        raise ValueError(f"a source has no {', '.join(sorted(unknown))}")
    row = session.execute(select(_source).where(_source.c.id == source_id)).mappings().one()
    if "url" in changes and changes["url"] != row["url"]:
        if source_at(session, changes["url"]):
            raise Conflict(
                f"there is a source {hide_password(changes['url'])} already", next_step="digest source list shows it"
            )
        changes |= dict.fromkeys(
            ("etag", "last_modified", "body_hash", "next_check", "not_before", "moved_to", "moved_seen_at",
             "failing_since", "problem"))  # fmt: skip
        changes |= {"failures": 0, "url_history": [*row["url_history"], row["url"]]}
    if changes:
        session.execute(update(_source).where(_source.c.id == source_id).values(**changes))
    return as_source(session.execute(select(_source).where(_source.c.id == source_id)).mappings().one())


# ── who reads what ──────────────────────────────────────────────────────────────────────────────────────────────────


def add_reading(
    session: Session, *, newsletter_id: int, source_id: int, now: datetime, quota: int | None = None
) -> bool:
    """A newsletter begins to read a source; False where it does already."""
    values = {"newsletter_id": newsletter_id, "source_id": source_id, "quota": quota, "added_at": now}
    return insert_if_new(session, _reads, values)


def update_reading(session: Session, *, newsletter_id: int, source_id: int, **changes: int | None) -> bool:
    """Change quota or weight of one reading; False where the newsletter does not read the source."""
    one = update(_reads).where(_reads.c.newsletter_id == newsletter_id, _reads.c.source_id == source_id)
    return changed_rows(session, one.values(**changes)) == 1


def remove_reading(session: Session, *, newsletter_id: int, source_id: int) -> bool:
    """A newsletter stops reading a source; False where it did not. The source's posts and keys stay for ever (S1)."""
    one = delete(_reads).where(_reads.c.newsletter_id == newsletter_id, _reads.c.source_id == source_id)
    return changed_rows(session, one) == 1


def list_readings(session: Session, *, source_ids: Iterable[int] | None = None) -> tuple[Reading, ...]:
    """Who reads what, in the order it was added."""
    query = (
        select(_reads.c.newsletter_id, _newsletter.c.slug, _reads.c.source_id, _reads.c.quota)
        .join(_newsletter, _newsletter.c.id == _reads.c.newsletter_id)
        .order_by(_reads.c.id)
    )
    if source_ids is not None:
        query = query.where(_reads.c.source_id.in_(sorted(source_ids)))
    return tuple(Reading(**row) for row in session.execute(query).mappings())


def as_source(row: Any) -> Source:
    """A row as the value."""
    values = {field.name: row[field.name] for field in fields(Source)}
    return Source(**{**values, "kind": SourceKind(row["kind"]), "state": SourceState(row["state"])})
