"""By whose clock a command tells times to people; programs get UTC (decision 0187)."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from digest.core.zones import say_local, zone_among

if TYPE_CHECKING:
    from digest.core.model import Newsletter
    from digest.core.people import Subscriber
    from digest.store.database import Session


class Clocks:
    """The reader's, where one is asked about and theirs is known; else that of the newsletter which a time is about."""

    def __init__(self, newsletters: "Iterable[Newsletter]", *, reader: "Subscriber | None" = None) -> None:
        self._reader = reader.zone if reader else None
        self._own = {one.slug: one.zone for one in newsletters}

    def of(self, slug: str | None = None) -> str:
        """The zone of what is said of this newsletter; of none, the one that all of them have, or UTC."""
        shared = set(self._own.values())
        return zone_among(self._reader, self._own[slug] if slug else shared.pop() if len(shared) == 1 else None)

    def say(self, at: datetime | None, slug: str | None = None) -> str | None:
        """A time with its zone."""
        return say_local(at, self.of(slug), weekday=False) if at else None

    def shown(self, row: dict[str, Any], slug: str | None = None) -> dict[str, Any]:
        """A row of names and values, with every time in it said; of the newsletter that it names, or of this one."""
        slug = slug or row.get("newsletter")
        return {name: self.say(one, slug) if isinstance(one, datetime) else one for name, one in row.items()}


def clocks_of(session: "Session") -> Clocks:
    """Of all newsletters, removed ones too."""
    from digest.store.newsletters import list_newsletters

    return Clocks(list_newsletters(session, removed=True))
