"""Claims under a pace: no more than what rates, destinations' connections, warm-up and window leave.

    allowance ─▶ candidates ─▶ each destination's allowance ─▶ claimed by id, in the same transaction

Everything is decided where deliveries are claimed, so a message on its way waits for no limit, and what one process takes
every other one sees. Without a pace none of this is called.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, bindparam, case, func, literal_column, select
from sqlmodel import Session

from digest.core.pace import Pace
from digest.core.people import Claimed
from digest.core.zones import find_zone
from digest.store import allowances
from digest.store.claiming import CLAIM_CHOSEN
from digest.store.conditions import is_held, is_welcome
from digest.store.people_tables import DeliveryRow

_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]

EVERYTHING = "*"
"""The allowance that all messages share; others are called by their domain."""
_CONNECTION_SECONDS = 0.1
"""When to look again for a destination whose connections are all in use."""
_PAGE = 200
"""Candidates looked at together, at least: a claim may be small, and a destination that is full skips many."""


class PacedClaims:
    """Claims for one issue. `again_in`: seconds after which a claim that gave nothing may give something."""

    def __init__(self, pace: Pace, *, issue_id: int, zone: str) -> None:
        self.pace, self.issue_id, self.zone = pace, issue_id, zone
        self.again_in: float | None = None
        self._ours: frozenset[str] = frozenset()  # destinations that this sender's own messages are on their way to

    def begin(self, now: datetime) -> bool:
        """Before each claim: whether the sending window is open."""
        self.again_in = None
        return self.pace.closed_until(self.zone, now) is None

    def take(self, session: Session, limit: int, given: dict[str, Any]) -> Iterable[Claimed]:
        """Claim up to `limit` due deliveries; `given` as for `claiming.CLAIM`."""
        now, pace = given["now"], self.pace
        ramp = allowances.read_ramp(session, self._day(now)) if pace.warm_up else None
        if ramp and pace.warm_up:
            limit = min(limit, allowances.room(ramp, pace.warm_up))
        most = limit
        if pace.per_second and limit:
            granted = allowances.take(session, EVERYTHING, limit, per_second=pace.per_second, now=now)
            most = self._heed(granted)
        chosen = self._choose(session, most, now, owner=given["new_owner"]) if most else []
        if pace.per_second:
            allowances.put_back(session, EVERYTHING, most - len(chosen), per_second=pace.per_second)
        if not chosen:
            return ()
        if ramp:
            allowances.write_ramp(session, ramp, len(chosen), now=now)
        rows = session.execute(CLAIM_CHOSEN, {**given, "chosen": chosen})
        return [Claimed._make(row) for row in rows]

    def give_back(self, session: Session, number: int, now: datetime) -> None:
        """Claims that were not used, to the day of a warm-up; a rate's seconds are gone by then."""
        if self.pace.warm_up and number:
            allowances.write_ramp(session, allowances.read_ramp(session, self._day(now)), -number, now=now)

    def _choose(self, session: Session, most: int, now: datetime, *, owner: str) -> list[int]:
        """Due deliveries, oldest first, without those whose destination has had its share."""
        chosen: list[int] = []
        full: set[str] = set()
        in_use: Counter[str] = Counter()
        if self.pace.counts_connections:
            in_use, self._ours = _connections_in_use(session, now, owner=owner)
        while len(chosen) < most:
            taken = set(chosen)
            found = self._candidates(session, full, max(_PAGE, most) + len(taken), now)
            left = most - len(chosen)
            by_domain: dict[str, list[int]] = {}
            for number, domain in found:
                if number not in taken and left > 0:
                    by_domain.setdefault(domain, []).append(number)
                    left -= 1
            before = len(full)
            for domain, numbers in by_domain.items():
                allowed = self._allow(session, domain, len(numbers), in_use, now)
                chosen += numbers[:allowed]
                if allowed < len(numbers):
                    full.add(domain)
            if len(full) == before or not by_domain:
                break
        return sorted(chosen)

    def _candidates(self, session: Session, full: set[str], limit: int, now: datetime) -> list[tuple[int, str]]:
        query = (
            select(_delivery.c.id, _delivery.c.domain)
            .where(
                _delivery.c.issue_id == self.issue_id,
                _delivery.c.state == literal_column("'queued'"),
                (_delivery.c.not_before.is_(None)) | (_delivery.c.not_before <= now),
                is_welcome(),
                _delivery.c.domain.not_in(bindparam("full", sorted(full), expanding=True)),
            )
            .order_by(_delivery.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [(int(number), str(domain)) for number, domain in session.execute(query)]

    def _allow(self, session: Session, domain: str, wanted: int, in_use: Counter[str], now: datetime) -> int:
        limit = self.pace.limit_of(domain)
        if limit.connections is not None:
            wanted = min(wanted, max(0, limit.connections - in_use[domain]))
            # What only others hold, they go on with themselves; or they are dead, and a later turn goes on.
            if not wanted and domain in self._ours:
                self._wait(_CONNECTION_SECONDS)
        if wanted and limit.per_second:
            wanted = self._heed(allowances.take(session, domain, wanted, per_second=limit.per_second, now=now))
        in_use[domain] += wanted
        return wanted

    def _heed(self, granted: allowances.Granted) -> int:
        if granted.again_in is not None:
            self._wait(granted.again_in)
        return granted.number

    def _wait(self, seconds: float) -> None:
        self.again_in = seconds if self.again_in is None else min(self.again_in, seconds)

    def _day(self, now: datetime) -> date:
        return now.astimezone(find_zone(self.pace.zone or "UTC")).date()


def _connections_in_use(session: Session, now: datetime, *, owner: str) -> tuple[Counter[str], frozenset[str]]:
    """Deliveries in any process's hands, by destination, and where this one has some.

    Not those of the dead whose lease is over: nobody reaps while a run goes on.
    """
    held = (is_held(), _delivery.c.lease_until >= now)
    ours = func.sum(case((_delivery.c.owner == owner, 1), else_=0))
    rows = session.execute(
        select(_delivery.c.domain, func.count(), ours).where(*held).group_by(_delivery.c.domain)
    ).all()
    in_use = Counter({str(domain): int(number) for domain, number, _ in rows})
    return in_use, frozenset(str(domain) for domain, _, own in rows if own)
