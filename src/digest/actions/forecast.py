"""What a turn would do, without doing it."""

from dataclasses import dataclass
from datetime import datetime

from digest.core.period import dues_of
from digest.core.states import DeliveryState, IssueState
from digest.core.zones import say_local
from digest.store import polls, sending
from digest.store.database import Database, Session
from digest.store.issues import list_issues
from digest.store.newsletters import list_cadences, list_newsletters, newsletter_of_id
from digest.store.waves import next_wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Rows of what is due: the verb, what it is about, and what would happen."""

    rows: tuple[tuple[str, str, str], ...]


def forecast(database: Database, *, now: datetime, with_gather: bool = True) -> Forecast:
    """Sources to poll, slots to close, mail to send. Changes nothing."""
    with database.read() as session:
        due = polls.due_sources(session, now=now) if with_gather else ()
        sources = [("gather", one.source.title or one.source.shown, "is polled") for one in due]
        return Forecast(rows=(*sources, *_slots(session, now), *_mail(session, now)))


def _slots(session: Session, now: datetime) -> list[tuple[str, str, str]]:
    rows = []
    for newsletter in list_newsletters(session):
        for line in list_cadences(session, newsletter_id=newsletter.id):
            due = dues_of(newsletter, line, now=now)
            name = f"{newsletter.slug} {line.name}"
            if due.hold:
                rows.append(("publish", name, f"is held: {due.hold}"))
            rows += [("publish", f"{name} {one.slot.key}", str(one.verdict)) for one in due.slots]
    return rows


def _mail(session: Session, now: datetime) -> list[tuple[str, str, str]]:
    rows = []
    for issue in list_issues(session, states=(IssueState.SENDING,)):
        owner = newsletter_of_id(session, issue.newsletter_id)
        counts = sending.count_deliveries(session, issue.id)
        waiting = "its deliveries are made" if issue.expected is None else f"{counts.get(DeliveryState.QUEUED, 0)} wait"
        if not sending.has_due(session, issue.id, now=now) and (wave := next_wave(session, now=now, issue_id=issue.id)):
            waiting += f", the next for {say_local(wave, owner.zone, weekday=False)}"
        rows.append(("deliver", f"{owner.slug} {issue.number}", waiting))
    return rows
