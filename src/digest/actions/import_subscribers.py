"""Bring a list of people in: checked list ─▶ what is known ─▶ decide ─▶ write, in one transaction.

Safe to repeat, and to stop anywhere: until the last row is written nothing is, and a second run changes nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from digest.actions.checked_list import CheckedList, Row
from digest.core.import_policy import Step, Verdict, consent_of, decide
from digest.core.subscriber_list import Entry
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.imports import Planned, find_known, lock_imports, write_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or would do. Every person of the list is counted under one verdict."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)  # reason → people

    @property
    def changed_anything(self) -> bool:
        """Whether there was anything to write."""
        return bool(self.counts[Verdict.NEW] or self.counts[Verdict.CHANGED])


def import_subscribers(
    database: Database,
    people: CheckedList,
    *,
    newsletter_id: int,
    now: datetime,
    consent: str | None = None,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
    show: Callable[[Entry, Step], None] = lambda _entry, _step: None,
) -> ImportReport:
    """Write a checked list, or with `dry_run` only say what would be written; `show` sees every step.

    `consent` is the text that these people agreed to, kept with each new subscription.

    Raises:
        DatabaseBusy: another process held the database for longer than the busy timeout; nothing was written.
        DatabaseError: the database refused; nothing was written.
    """
    report = ImportReport()
    with database.read() if dry_run else database.write() as session:
        if not dry_run:
            lock_imports(session)
        for batch in people.batches():
            plans = _plan(session, batch, newsletter_id=newsletter_id, file=people.file, consent=consent)
            if not dry_run:
                write_steps(session, plans, newsletter_id=newsletter_id, note=f"import: {people.file}", now=now)
            _count(report, plans, show)
            advance(len(batch))
        if report.changed_anything and not dry_run:
            counts = {str(verdict): number for verdict, number in report.counts.items()}
            record(session, "subscribers.imported", at=now, newsletter_id=newsletter_id, **counts)
    return report


def _plan(session: Session, batch: list[Row], *, newsletter_id: int, file: str, consent: str | None) -> list[Planned]:
    known = find_known(session, newsletter_id=newsletter_id, people=[(key, hashed) for _, key, hashed in batch])
    return [
        Planned(
            entry=entry,
            key=key,
            hash=hashed,
            known=fact,
            step=decide(entry, fact),
            consent=consent_of(entry, file=file, text=consent),
        )
        for (entry, key, hashed), fact in zip(batch, known, strict=True)
    ]


def _count(report: ImportReport, plans: list[Planned], show: Callable[[Entry, Step], None]) -> None:
    for plan in plans:
        report.counts[plan.step.verdict] += 1
        if plan.step.verdict is Verdict.SKIPPED:
            report.skipped[plan.step.reason] += 1
        show(plan.entry, plan.step)
