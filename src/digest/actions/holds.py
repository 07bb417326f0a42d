"""Cadences that wait for an admin: the clock seems to have jumped, or their rule or zone cannot be read."""

from dataclasses import dataclass
from datetime import datetime

from digest.core.period import dues_of
from digest.store.database import Database
from digest.store.newsletters import list_cadences, list_newsletters

HELD_STEP = "if the clock is right: digest run --clock-is-right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A cadence that publishes nothing, and why."""

    newsletter: str  # its slug
    cadence: str
    reason: str
    broken: bool = False  # its rule or zone cannot be read

    @property
    def next_step(self) -> str:
        """What lets it go."""
        if self.broken:
            return f"digest newsletter edit {self.newsletter} --zone ZONE, or --cadence {self.cadence}=RULE"
        return HELD_STEP


def list_holds(database: Database, *, now: datetime) -> tuple[Held, ...]:
    """Every held cadence. `digest run --clock-is-right` lets them go."""
    with database.read() as session:
        lines = [(each, line) for each in list_newsletters(session) for line in list_cadences(session, each.id)]
    found = ((each, line, dues_of(each, line, now=now)) for each, line in lines)
    return tuple(
        Held(newsletter=each.slug, cadence=line.name, reason=dues.hold, broken=dues.broken)
        for each, line, dues in found
        if dues.hold
    )
