"""Rules: on which local days a cadence falls, at which wall times; each prints itself in its canonical words.

daily at 07:00                                     Daily
weekly on mon,thu at 08:00                         Weekly
every 2 weeks on mon at 08:00 from 2026-01-05      EveryWeeks
monthly on day 1 at 09:00                          MonthDay     days 1-28, which every month has
monthly on the last day at 09:00                   LastDay
monthly on the 2nd tue at 09:00                    NthWeekday   1st-4th and last
cron 0 8 * * mon-fri                               digest.core.cron
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, time, timedelta

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", -1: "last"}


@dataclass(frozen=True, slots=True)
class Cadence(ABC):
    """How often something happens, in local wall time; a zone turns it into slots. `str()` is canonical."""

    times: tuple[time, ...]  # of each day it falls on: to the minute, ascending, at least one

    @abstractmethod
    def falls_on(self, day: date) -> bool:
        """Whether it falls on this local day."""

    @abstractmethod
    def __str__(self) -> str:
        """The canonical rule, which `digest.core.cadence.parse` reads back to an equal value."""

    @property
    def name(self) -> str:
        """One word for it: daily, weekly, monthly, cron."""
        return str(self).split()[0]

    @property
    def begins(self) -> date | None:
        """The local day before which it does not happen, where the rule names one."""
        return None

    def _at(self) -> str:
        return "at " + ",".join(f"{moment:%H:%M}" for moment in self.times)


@dataclass(frozen=True, slots=True)
class Daily(Cadence):
    """Every day."""

    def falls_on(self, day: date) -> bool:  # noqa: ARG002 - every day is alike
        """Always."""
        return True

    def __str__(self) -> str:
        return f"daily {self._at()}"


@dataclass(frozen=True, slots=True)
class Weekly(Cadence):
    """Named days of every week; 0 is Monday, as in `date.weekday`."""

    weekdays: tuple[int, ...]

    def falls_on(self, day: date) -> bool:
        """On its weekdays."""
        return day.weekday() in self.weekdays

    def __str__(self) -> str:
        return f"weekly on {day_names(self.weekdays)} {self._at()}"


@dataclass(frozen=True, slots=True)
class EveryWeeks(Cadence):
    """Named days of every nth week, counted in weeks from Monday to Sunday from the one that holds `start`."""

    weekdays: tuple[int, ...]
    weeks: int
    start: date

    @property
    def name(self) -> str:
        """Its own word, because "every" names nothing."""
        return f"{self.weeks}-weekly"

    @property
    def begins(self) -> date | None:
        """The day after `from`; the rule itself runs both ways, so that the first period has a beginning."""
        return self.start

    def falls_on(self, day: date) -> bool:
        """On its weekdays, in its weeks."""
        return day.weekday() in self.weekdays and (_monday(day) - _monday(self.start)).days // 7 % self.weeks == 0

    def __str__(self) -> str:
        return f"every {self.weeks} weeks on {day_names(self.weekdays)} {self._at()} from {self.start}"


@dataclass(frozen=True, slots=True)
class MonthDay(Cadence):
    """Days of every month, by number: 1-28, because every month has them."""

    days: tuple[int, ...]

    def falls_on(self, day: date) -> bool:
        """On its days of the month."""
        return day.day in self.days

    def __str__(self) -> str:
        return f"monthly on day {','.join(map(str, self.days))} {self._at()}"


@dataclass(frozen=True, slots=True)
class LastDay(Cadence):
    """The last day of every month."""

    def falls_on(self, day: date) -> bool:
        """Where tomorrow is the first."""
        return day == date.max or (day + timedelta(days=1)).day == 1

    def __str__(self) -> str:
        return f"monthly on the last day {self._at()}"


@dataclass(frozen=True, slots=True)
class NthWeekday(Cadence):
    """The 1st to 4th, or the last, of a weekday in every month."""

    nth: int  # 1-4; -1 is the last
    weekday: int

    def falls_on(self, day: date) -> bool:
        """On that weekday's nth occurrence."""
        if day.weekday() != self.weekday:
            return False
        if self.nth < 0:
            return day.toordinal() + 7 > date.max.toordinal() or (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == self.nth

    def __str__(self) -> str:
        return f"monthly on the {ORDINALS[self.nth]} {WEEKDAYS[self.weekday]} {self._at()}"


def day_names(weekdays: tuple[int, ...]) -> str:
    """Weekdays as a rule writes them: "mon,thu"."""
    return ",".join(WEEKDAYS[weekday] for weekday in weekdays)


def weekday_number(word: str) -> int | None:
    """The weekday that a lower-case word means: "thu", "thur", "thursday", "thursdays"; None where it means none."""
    full = word.rstrip(".").removesuffix("s") if word.endswith("days") else word.rstrip(".")
    return next((number for number, name in enumerate(_DAYS) if len(full) >= 3 and name.startswith(full)), None)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
