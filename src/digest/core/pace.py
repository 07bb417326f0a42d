"""The pace of delivery: how much may go out, where to, and when. Values and arithmetic; what is used up is in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from digest.core.windows import Window, day_began_at, is_open, opened_at, opens_at

_MOST_STEPS = 20
"""Two sets of windows that are never open together would be waited for without end."""
_STEP = timedelta(minutes=30)
MOST_A_DAY = 10**9
"""Where a warm-up has long ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLimit:
    """What one destination is given."""

    per_second: float | None = None
    connections: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """So many messages on the first day, and on each further day of sending so many times more."""

    first_day: int
    growth: float

    def most(self, step: int) -> int:
        """How many on the day after `step` days of sending."""
        limit = float(self.first_day)
        for _ in range(step):
            limit *= self.growth
            if limit >= MOST_A_DAY:
                return MOST_A_DAY
        return int(limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """How far a warm-up is: the day of the last message, the days of sending before it, and the messages of that day."""

    day: date
    step: int = 0
    taken: int = 0

    def on(self, today: date) -> "Ramp":
        """The same on this day. A clock that went back, or had jumped ahead, is no day of sending."""
        if today == self.day:
            return self
        return Ramp(day=today, step=self.step + (1 if today > self.day else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """All limits; None or empty: none."""

    per_second: float | None = None
    each_domain: DomainLimit = DomainLimit()
    domains: Mapping[str, DomainLimit] = field(default_factory=dict)
    warm_up: WarmUp | None = None
    windows: tuple[Window, ...] = ()
    zone: str | None = None  # None: each newsletter's own
    own_windows: tuple[Window, ...] = ()  # of one newsletter, in its zone: then both must be open

    def limit_of(self, domain: str) -> DomainLimit:
        """What this destination is given; where its own entry is silent, what each is."""
        own = self.domains.get(domain)
        if own is None:
            return self.each_domain
        return DomainLimit(
            per_second=own.per_second or self.each_domain.per_second,
            connections=own.connections or self.each_domain.connections,
        )

    @property
    def counts_connections(self) -> bool:
        """Whether any destination has a limit of connections."""
        return any(one.connections for one in (self.each_domain, *self.domains.values()))

    def closed_until(self, zone: str, now: datetime) -> datetime | None:
        """When the sending window opens, None where it is open. `zone` is the newsletter's."""
        later = now
        for _ in range(_MOST_STEPS):
            opening = opens_at(self.own_windows, zone, opens_at(self.windows, self.zone or zone, later))
            if opening == later:
                break
            later = opening
        return None if later <= now and self._is_open(zone, now) else later

    def window_missed(self, zone: str, since: datetime, now: datetime) -> datetime | None:
        """When a window opened that has come and gone after `since`; None where none has, or one is open."""
        if self.closed_until(zone, now) is None:
            return None
        at = since
        while at < now and self._is_open(zone, at):  # the window of `since` itself
            at += _STEP
        opened = self.closed_until(zone, at)
        return opened if opened and opened < now else None

    def began_at(self, zone: str, now: datetime) -> datetime | None:
        """Since when these limits let mail go out: the window's opening, the day's beginning in a warm-up."""
        opened = opened_at(self.windows, self.zone or zone, now)
        own = opened_at(self.own_windows, zone, now)
        day = day_began_at(self.zone or "UTC", now) if self.warm_up else None
        return max((at for at in (opened, own, day) if at), default=None)

    def _is_open(self, zone: str, now: datetime) -> bool:
        return is_open(self.windows, self.zone or zone, now) and is_open(self.own_windows, zone, now)


def pace_for(pace: Pace | None, windows: tuple[Window, ...]) -> Pace | None:
    """The deployment's pace for a newsletter that has sending windows of its own; None: nothing limits it."""
    return replace(pace or Pace(), own_windows=windows) if windows else pace
