"""What an import does with one row: the list's word against ours, and ours wins.

Who left, who is suppressed and who has not confirmed here stays so, whatever a list says; a list may add people, fill in
what it knows, and take people off. So an old list, or the same list again, can do no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.core.list_columns import STRICTNESS, Standing
from digest.core.people import Consent
from digest.core.states import SubscriptionState
from digest.core.subscriber_list import Entry


class Verdict(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What we know of an address before the import. Without an id: nobody has it."""

    subscriber_id: int | None = None
    name: str = ""
    zone: str | None = None
    language: str | None = None
    subscription_id: int | None = None
    state: SubscriptionState | None = None
    agreed: datetime | None = None  # their newest consent here
    suppressed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do, and in words why."""

    verdict: Verdict
    reason: str = ""
    subscribe: SubscriptionState | None = None
    end: str | None = None
    suppress: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


def decide(entry: Entry, known: Known) -> Step:
    """The step for one row of a list."""
    if entry.standing is Standing.SUPPRESSED:
        return _suppress(entry, known)
    if known.suppressed:
        return Step(verdict=Verdict.SKIPPED, reason=f"suppressed here: {known.suppressed}")
    if entry.standing is Standing.ENDED:
        return _end(entry, known)
    return _subscribe(entry, known)


def is_stricter(one: Standing, other: Standing) -> bool:
    """Of two rows with one address the stricter counts, wherever it stands in the list."""
    return STRICTNESS[one] > STRICTNESS[other]


def consent_of(entry: Entry, *, file: str, text: str | None) -> Consent:
    """What a row proves: when they agreed if the list says so, from where, to which text, and the file it came in."""
    return Consent(
        at=entry.agreed,
        how="import",
        origin=f"{file}, {entry.origin}" if entry.origin else file,
        text=text or entry.text,
        confirmed_at=entry.confirmed,
    )


def _suppress(entry: Entry, known: Known) -> Step:
    if known.suppressed:
        return Step(verdict=Verdict.UNCHANGED, reason="suppressed already")
    verdict = Verdict.CHANGED if known.subscriber_id else Verdict.NEW
    return Step(verdict=verdict, reason=f"suppressed: {entry.why}", suppress=entry.why)


def _end(entry: Entry, known: Known) -> Step:
    if known.state is SubscriptionState.ENDED:
        return Step(verdict=Verdict.UNCHANGED, reason="has left already")
    why = f"import: {entry.why}"
    if known.state is None:
        reason = "has left: kept, so that no list brings them back"
        return Step(verdict=Verdict.NEW, reason=reason, subscribe=SubscriptionState.ENDED, end=why)
    if entry.left and known.agreed and entry.left < known.agreed:
        return Step(verdict=Verdict.SKIPPED, reason="left there before agreeing here")
    return Step(verdict=Verdict.CHANGED, reason=f"{known.state} → ended: {entry.why}", end=why)


def _subscribe(entry: Entry, known: Known) -> Step:
    if known.state is SubscriptionState.ENDED:
        return Step(verdict=Verdict.SKIPPED, reason="has left; only they can come back")
    if known.state is SubscriptionState.PENDING and entry.standing is Standing.ACTIVE:
        return Step(verdict=Verdict.SKIPPED, reason="has not confirmed here yet")
    changes = _changes(entry, known)
    words = ", ".join(f"{name}: {getattr(known, name) or '-'} → {value}" for name, value in changes.items())
    if known.state is None:
        state = SubscriptionState(entry.standing)
        return Step(verdict=Verdict.NEW, reason=state, subscribe=state, changes=changes)
    return Step(verdict=Verdict.CHANGED if changes else Verdict.UNCHANGED, reason=words, changes=changes)


def _changes(entry: Entry, known: Known) -> dict[str, str]:
    """What the list knows better; an empty cell erases nothing."""
    given = {"name": entry.name, "zone": entry.zone, "language": entry.language}
    return {name: value for name, value in given.items() if value and value != getattr(known, name)}
