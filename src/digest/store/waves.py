"""The waves of an issue: one small row for each zone and hour among its readers, joined in where deliveries are made.

 readers ─▶ their distinct clocks (some dozens) ─▶ core/waves: when? ─▶ rows ─▶ joined in the INSERT … SELECT

So 50,000 readers cost as many computations as they have different clocks, and their rows one statement.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import FromClause, Select, Table, and_, func, insert, literal, or_, select, update
from sqlmodel import Session

from digest.core.model import Issue
from digest.core.states import DeliveryState, IssueState
from digest.core.waves import Waves
from digest.store.conditions import is_in
from digest.store.newsletters import get_cadence, newsletter_of_id
from digest.store.people_tables import DeliveryRow, SubscriberRow, WaveRow
from digest.store.readers import NO_HOUR, ZONE
from digest.store.tables import IssueRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue: Table = IssueRow.__table__  # type: ignore[attr-defined]
_subscriber: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_wave: Table = WaveRow.__table__  # type: ignore[attr-defined]


class ReaderClock(NamedTuple):
    """A zone and an hour that readers have, and how many of them; of those who have paused, until when."""

    zone: str | None
    hour: int | None
    readers: int
    paused_until: datetime | None = None

    def gets_at(self, at: datetime) -> bool:
        """Whether they are back at this moment."""
        return self.paused_until is None or self.paused_until <= at


class Wave(NamedTuple):
    """Everybody whose delivery of an issue is due at one instant."""

    at: datetime
    readers: int
    zones: tuple[str, ...]  # as readers have them; those of nobody who named one are the newsletter's


@dataclass(frozen=True, slots=True)
class JoinedWaves:
    """The rows of `wave` beside the readers of an issue. `at` is when a reader's delivery is due."""

    issue_id: int
    otherwise: datetime  # whose clock came up since the waves were made: the newsletter's own time

    @property
    def at(self) -> Any:
        """A column of the joined select."""
        return func.coalesce(_wave.c.at, literal(self.otherwise, _wave.c.at.type))

    def beside(self, query: Select[Any], readers: FromClause) -> Select[Any]:
        """Joined in."""
        mine = and_(_wave.c.issue_id == self.issue_id, _wave.c.zone == readers.c.zone, _wave.c.hour == readers.c.hour)
        return query.outerjoin(_wave, mine)

    def join(self, query: Select[Any], readers: FromClause) -> Select[Any]:
        """Joined in; the earlier wave first, so that whoever claims by id finds what is due at the front."""
        return self.beside(query, readers).order_by(None).order_by(_wave.c.at, readers.c.subscriber_id)


def waves_of(session: Session, issue: Issue) -> Waves:
    """How an issue spreads over its readers' clocks, by its newsletter as it is now."""
    newsletter = newsletter_of_id(session, issue.newsletter_id)
    return Waves.of(newsletter, get_cadence(session, issue.cadence_id).rule)


def make_waves(session: Session, issue: Issue, readers: FromClause, *, now: datetime) -> JoinedWaves | None:
    """Keep when the readers of each clock get this issue; None where everybody gets it at once."""
    waves, slot = waves_of(session, issue), datetime.fromisoformat(issue.slot_key)
    if waves.is_one:
        return None
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for clock in list_clocks(session, readers):
        key = (clock.zone or "", NO_HOUR if clock.hour is None else clock.hour)
        if key not in rows:
            at = waves.due_at(slot, ready=now, zone=clock.zone, hour=clock.hour)
            rows[key] = {"issue_id": issue.id, "zone": key[0], "hour": key[1], "at": at, "readers": 0}
        if clock.gets_at(rows[key]["at"]):
            rows[key]["readers"] += clock.readers
    if rows:
        session.execute(insert(_wave), list(rows.values()))
    return JoinedWaves(issue.id, waves.due_at(slot, ready=now))


def list_clocks(session: Session, readers: FromClause) -> tuple[ReaderClock, ...]:
    """The distinct zones, hours and pauses of these readers (store/readers)."""
    clock = readers.c.zone, readers.c.hour, readers.c.paused_until
    rows = session.execute(select(*clock, func.count()).group_by(*clock).order_by(*clock)).all()
    return tuple(
        ReaderClock(zone or None, None if hour == NO_HOUR else hour, count, until) for zone, hour, until, count in rows
    )


def list_waves(session: Session, issue_id: int) -> tuple[Wave, ...]:
    """An issue's waves, the first to go out first; empty where everybody gets it at once."""
    query = select(_wave.c.at, _wave.c.zone, _wave.c.readers).where(_wave.c.issue_id == issue_id, _wave.c.readers > 0)
    found: dict[datetime, tuple[int, dict[str, None]]] = {}
    for row in session.execute(query.order_by(_wave.c.at, _wave.c.zone)):
        readers, zones = found.get(row.at, (0, {}))
        found[row.at] = (readers + row.readers, zones | ({row.zone: None} if row.zone else {}))
    return tuple(Wave(at, readers, tuple(zones)) for at, (readers, zones) in found.items())


def next_wave(session: Session, *, now: datetime, issue_id: int | None = None) -> datetime | None:
    """When the next wave of an issue that goes out, or of this one, is due; None where none is to come."""
    query = select(func.min(_wave.c.at)).where(_wave.c.at > now, _wave.c.readers > 0)
    if issue_id is not None:
        query = query.where(_wave.c.issue_id == issue_id)
    else:
        going = select(_issue.c.id).where(_issue.c.state == str(IssueState.SENDING))
        query = query.where(_wave.c.issue_id.in_(going))
    found: datetime | None = session.execute(query).scalar()
    return found


def count_waiting(session: Session, issue_id: int, *, now: datetime) -> int:
    """For how many readers of an issue their wave is to come, as it was planned."""
    query = select(func.coalesce(func.sum(_wave.c.readers), 0))
    return int(session.execute(query.where(_wave.c.issue_id == issue_id, _wave.c.at > now)).scalar_one())


def keep_quiet(session: Session, issue_id: int, waves: Waves, *, now: datetime) -> None:
    """What is due although its reader's quiet hours have begun waits for their end: a wave that went out too slowly."""
    if waves.quiet is None:
        return
    due = and_(
        _delivery.c.issue_id == issue_id,
        is_in(DeliveryState.QUEUED),
        or_(_delivery.c.not_before.is_(None), _delivery.c.not_before <= now),
    )
    zones = select(ZONE).select_from(_delivery.join(_subscriber, _subscriber.c.id == _delivery.c.subscriber_id))
    for zone in session.execute(zones.where(due).distinct()).scalars().all():
        until = waves.permitted(now, waves.place_of(zone))
        if until > now:
            theirs = select(_subscriber.c.id).where(zone == ZONE)
            session.execute(
                update(_delivery).where(due, _delivery.c.subscriber_id.in_(theirs)).values(not_before=until)
            )
