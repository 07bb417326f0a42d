"""What polite fetching remembers: per source, per host, and the last two bodies (docs/fetching.md)."""

import gzip
from collections.abc import Collection
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlmodel import Session

from digest.core.model import Source
from digest.core.polling import LONGEST_RETRY_AFTER, Memory
from digest.core.states import SourceKind, SourceState, SubscriptionState
from digest.store.people_tables import SubscriptionRow
from digest.store.sources import as_source
from digest.store.statements import changed_rows
from digest.store.tables import HostRow, NewsletterRow, NewsletterSourceRow, SourceBodyRow, SourceRow

_source = SourceRow.__table__  # type: ignore[attr-defined]
_body = SourceBodyRow.__table__  # type: ignore[attr-defined]
_host = HostRow.__table__  # type: ignore[attr-defined]
_reads = NewsletterSourceRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]

AHEAD = timedelta(hours=1)
"""What was done so much later than now was done by a clock that was wrong: it holds up nothing."""
LEASE = timedelta(minutes=10)
"""A process that died while polling keeps others from the source for so long."""
BODIES_KEPT = 2
_OWN = tuple(field.name for field in fields(Memory) if field.name != "source")
_SHARED = ("url", "title", "home", "language", "state", "next_check", "last_success", "failing_since", "failures",
           "problem")  # fmt: skip


def due_sources(
    session: Session, *, now: datetime, force: bool = False, only: Collection[int] | None = None
) -> tuple[Memory, ...]:
    """What is to be polled now, the longest waiting first; each source once, whoever reads it (F17).

    `force` looks before the interval is over, but not a second time in one turn, and never against a server's wish.
    """
    read = exists().where(
        _reads.c.source_id == _source.c.id,
        _newsletter.c.id == _reads.c.newsletter_id,
        _newsletter.c.state == "active",
    )
    mistaken = _source.c.last_check > now + AHEAD
    unseen = or_(_source.c.last_check.is_(None), _source.c.last_check < now, mistaken)
    due = or_(_source.c.next_check.is_(None), _source.c.next_check <= now, mistaken)
    on_disk = _source.c.kind != str(SourceKind.FEED)  # costs nobody anything: looked at in every turn
    query = select(_source).where(
        read,
        _source.c.state.in_([str(SourceState.ACTIVE), str(SourceState.DEAD)]),
        or_(_source.c.not_before.is_(None), _source.c.not_before <= now, mistaken),
        unseen if force else or_(due, on_disk & unseen),
    )
    if only is not None:
        query = query.where(_source.c.id.in_(sorted(only)))
    rows = session.execute(query.order_by(_source.c.next_check.nulls_first(), _source.c.id)).mappings()
    return tuple(_as_memory(row) for row in rows)


def get_memory(session: Session, source_id: int) -> Memory:
    """What is remembered of one source."""
    return _as_memory(session.execute(select(_source).where(_source.c.id == source_id)).mappings().one())


def take_lease(session: Session, memory: Memory, *, at: datetime) -> bool:
    """Compare-and-set: this process polls the source now. False where another does, or has just done so."""
    taken = update(_source).where(
        _source.c.id == memory.source.id,
        or_(
            _source.c.polling_until.is_(None),
            _source.c.polling_until <= at,
            _source.c.polling_until > at + LEASE + AHEAD,
        ),
        _source.c.last_check.is_(None) if memory.last_check is None else _source.c.last_check == memory.last_check,
    )
    return changed_rows(session, taken.values(polling_until=at + LEASE)) == 1


def release_leases(session: Session, source_ids: Collection[int]) -> None:
    """Polls that were broken off."""
    session.execute(update(_source).where(_source.c.id.in_(sorted(source_ids))).values(polling_until=None))


def save_memory(session: Session, before: Memory, after: Memory) -> bool:
    """Record a poll: only what it changed, so that an edit made meanwhile stays.

    False where the address was changed by hand meanwhile: what was polled is not this source any more.
    """
    changes = _changes(before.source, after.source, _SHARED) | _changes(before, after, _OWN)
    if "url_history" in changes:
        changes["url_history"] = list(after.url_history)
    own = update(_source).where(_source.c.id == before.source.id)
    if changed_rows(session, own.where(_source.c.url == before.source.url).values(polling_until=None, **changes)):
        return True
    session.execute(own.values(polling_until=None))
    return False


def keep_body(session: Session, source_id: int, body: bytes, *, content_type: str | None, now: datetime) -> None:
    """Keep a body for replay and debugging; older ones than the last two go (F16)."""
    packed = gzip.compress(body, mtime=0)
    session.execute(insert(_body).values(source_id=source_id, fetched_at=now, content_type=content_type, body=packed))
    kept = select(_body.c.id).where(_body.c.source_id == source_id).order_by(_body.c.id.desc()).limit(BODIES_KEPT)
    newest = session.execute(kept).scalars().all()
    session.execute(delete(_body).where(_body.c.source_id == source_id, _body.c.id.not_in(newest)))


def last_bodies(session: Session, source_id: int) -> tuple[bytes, ...]:
    """The kept bodies of a source, oldest first."""
    rows = session.execute(select(_body.c.body).where(_body.c.source_id == source_id).order_by(_body.c.id))
    return tuple(gzip.decompress(body) for body in rows.scalars())


def count_readers(session: Session, source_id: int) -> int:
    """People with an active subscription to a newsletter that reads the source: the User-Agent tells (F13)."""
    query = (
        select(_subscription.c.subscriber_id)
        .join(_reads, _reads.c.newsletter_id == _subscription.c.newsletter_id)
        .where(_reads.c.source_id == source_id, _subscription.c.state == str(SubscriptionState.ACTIVE))
        .distinct()
    )
    return len(session.execute(query).all())


def last_checks(session: Session, *, since: datetime) -> tuple[tuple[str, datetime], ...]:
    """URLs and times of what was polled lately, by any process: pacing outlives a restart (F12)."""
    query = select(_source.c.url, _source.c.last_check).where(_source.c.last_check >= since)
    return tuple((url, at) for url, at in session.execute(query))


# ── hosts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def resting_hosts(session: Session, *, now: datetime) -> dict[str, datetime]:
    """Hosts that asked to be left alone, and until when (F11)."""
    latest = now + LONGEST_RETRY_AFTER + AHEAD
    asked = select(_host.c.name, _host.c.not_before).where(_host.c.not_before > now, _host.c.not_before < latest)
    rows = session.execute(asked)
    return {row.name: row.not_before for row in rows}


def note_refusal(session: Session, host: str, *, url: str, until: datetime, now: datetime) -> bool:
    """A URL answered 429. True where that is the host's second one: then the whole host rests (F11)."""
    row = session.execute(select(_host).where(_host.c.name == host)).mappings().first()
    urls = {one: at for one, at in (row["refused_urls"] if row else ()) if datetime.fromisoformat(at) > now}
    urls[url] = until.isoformat()
    rests = len(urls) > 1
    values = {"refused_urls": sorted(map(list, urls.items())), "not_before": until if rests else None}
    if row:
        session.execute(update(_host).where(_host.c.name == host).values(**values))
    else:
        session.execute(insert(_host).values(name=host, **values))
    return rests


def forget_refusal(session: Session, host: str, *, url: str) -> None:
    """A URL answered well again."""
    row = session.execute(select(_host.c.refused_urls).where(_host.c.name == host)).first()
    if row and any(one == url for one, _ in row[0]):
        left = [[one, at] for one, at in row[0] if one != url]
        session.execute(update(_host).where(_host.c.name == host).values(refused_urls=left))


def _as_memory(row: Any) -> Memory:
    own = {name: row[name] for name in _OWN}
    return Memory(source=as_source(row), **{**own, "url_history": tuple(row["url_history"])})


def _changes(before: Source | Memory, after: Source | Memory, names: tuple[str, ...]) -> dict[str, Any]:
    changed = {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}
    return {name: str(value) if isinstance(value, StrEnum) else value for name, value in changed.items()}
