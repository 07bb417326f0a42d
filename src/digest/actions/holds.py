"""Cadences that wait for an admin: the clock seems to have jumped, or their rule or zone cannot be read."""

from dataclasses import dataclass
from datetime import datetime

from digest.core.model import CadenceLine, Newsletter
from digest.core.period import Dues, dues_of
from digest.store.database import Database
from digest.store.newsletters import list_cadences, list_newsletters

HELD_STEP = "if the clock is right: digest run --clock-is-right"
BEHIND_STEP = "set the clock right; if it is, wait: digest plan shows the first slot after that period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A cadence that publishes nothing, and why."""

    newsletter: str  # its slug
    cadence: str
    reason: str
    broken: bool = False  # its rule or zone cannot be read
    behind: bool = False  # the clock was ahead when its newest period was closed, or is behind now

    @property
    def next_step(self) -> str:
        """What lets it go."""
        if self.broken:
            return f"digest newsletter edit {self.newsletter} --zone ZONE, or --cadence {self.cadence}=RULE"
        return BEHIND_STEP if self.behind else HELD_STEP


def as_held(newsletter: Newsletter, line: CadenceLine, dues: Dues) -> Held | None:
    """What holds a line up, where anything does."""
    if not dues.hold:
        return None
    return Held(newsletter=newsletter.slug, cadence=line.name, reason=dues.hold, broken=dues.broken, behind=dues.behind)


def list_holds(database: Database, *, now: datetime) -> tuple[Held, ...]:
    """Every held cadence. `digest run --clock-is-right` lets those go that wait for the admin's word only."""
    with database.read() as session:
        lines = [(each, line) for each in list_newsletters(session) for line in list_cadences(session, each.id)]
    found = (as_held(each, line, dues_of(each, line, now=now)) for each, line in lines)
    return tuple(held for held in found if held)
