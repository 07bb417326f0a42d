"""Which sources are asked once more because an issue is about to close over them (docs/semantics.md S4)."""

from datetime import datetime

from digest.core.period import dues_of
from digest.store.claims import source_ids
from digest.store.database import Database
from digest.store.newsletters import list_cadences, list_newsletters


def closing_sources(database: Database, *, now: datetime) -> frozenset[int]:
    """The sources of every active newsletter that has a slot to publish now."""
    closing: set[int] = set()
    with database.read() as session:
        for newsletter in list_newsletters(session):
            lines = list_cadences(session, newsletter_id=newsletter.id)
            dues = (dues_of(newsletter, line, now=now) for line in lines)
            if any(due.slots for due in dues):
                closing.update(source_ids(session, newsletter.id))
    return frozenset(closing)
