"""A person's story in order: what they decided, what was sent to them, what became of it. Pure; for `digest subscriber show`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digest.core.people import Event, Subscription
from digest.core.states import SubscriptionState
from digest.core.zones import say_local

_SAID = {
    "subscription.asked": "asked for it on a page",
    "subscription.confirmed": "confirmed",
    "subscription.begun": "subscribed",
    "subscription.ended": "left",
    "subscription.explained": "said why they left",
    "subscription.paused": "paused",
    "subscription.resumed": "ended the pause",
    "subscription.changed": "chose",
    "delivery.owed": "was sent what they were owed",
    "subscription.forgotten": "never confirmed, and was forgotten",
    "subscriber.edited": "changed",
    "subscriber.suppressed": "suppressed: is never mailed",
    "subscriber.unsuppressed": "no longer suppressed",
    "subscriber.erased": "erased",
}

_NOT_TOLD = {"owed", "cadence_id", "paused_until", "earlier"}
"""Of a line's data: what is for programs, or told in another way."""
_NAMED = {"how": "by"}
_PLAIN = {"why", "reason", "fields", "state"}
"""Of a line's data: what says enough without its name."""
_COME_BACK = {"subscription.begun", "subscription.confirmed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of a story. `at` is None for what has not ended yet: it comes last; `undated`: nobody knows when, so it comes first."""

    at: datetime | None
    newsletter: str | None  # its slug
    what: str
    undated: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A time from one instant up to another one, or without an end yet."""

    start: datetime
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= at and (self.end is None or at < self.end)


def in_order(happenings: Iterable[Happening]) -> tuple[Happening, ...]:
    """What nobody dated, then oldest first; what has no time yet, last."""
    known = sorted(happenings, key=lambda one: (not one.undated, one.at is None, one.at.timestamp() if one.at else 0.0))
    return tuple(known)


def tell_consent(slug: str, tie: Subscription) -> Iterable[Happening]:
    """How a subscription came about, as its consent says."""
    consent = tie.consent
    if consent.at or consent.text:  # a list may not say when
        places = ", ".join(filter(None, (consent.origin, consent.page)))
        where = f" ({places})" if places else ""
        words = f': "{consent.text}"' if consent.text else ""
        words += f" (words {consent.version})" if consent.version else ""
        yield Happening(
            at=consent.at, newsletter=slug, what=f"agreed by {consent.how}{where}{words}", undated=not consent.at
        )
    if consent.confirmed_at and consent.confirmed_at != consent.at:
        yield Happening(at=consent.confirmed_at, newsletter=slug, what="the consent was confirmed")
    if tie.state is SubscriptionState.ENDED and tie.ended_at:
        yield Happening(at=tie.ended_at, newsletter=slug, what=f"left: {tie.ended_why}")


def tell_event(event: Event, slugs: Mapping[int, str], cadences: Mapping[int, str], zone: str) -> Happening:
    """A line of the log; newsletters and cadences by their names, times by the clock of a zone."""
    said = _SAID.get(event.kind, event.kind)
    if until := event.data.get("paused_until"):
        said += f" until {say_local(datetime.fromisoformat(until), zone)}"
        said += ", and wants what they miss" if event.data.get("earlier") else ""
    data = {
        _NAMED.get(name, name.replace("_", " ")): _shown(value)
        for name, value in event.data.items()
        if name not in _NOT_TOLD
    }
    if number := event.data.get("cadence_id"):
        data = {"cadence": cadences.get(number, str(number)), **data}
    told = ", ".join(value if name in _PLAIN else f"{name} {value}" for name, value in data.items())
    slug = slugs.get(event.newsletter_id) if event.newsletter_id else None
    return Happening(at=event.at, newsletter=slug, what=f"{said}: {told}" if told else said)


def absences(events: Iterable[Event], newsletter_id: int) -> tuple[Span, ...]:
    """When somebody who came back had left."""
    return _spans(events, newsletter_id, begins="subscription.ended", ends=_COME_BACK)


def cadences_chosen(events: Iterable[Event], newsletter_id: int) -> tuple[tuple[datetime, int], ...]:
    """When somebody chose which cadence."""
    chosen = (
        event for event in events if event.kind == "subscription.changed" and event.newsletter_id == newsletter_id
    )
    return tuple((event.at, event.data["cadence_id"]) for event in chosen if event.data.get("cadence_id"))


def pauses(events: Iterable[Event], newsletter_id: int) -> tuple[Span, ...]:
    """When they were sent nothing because they had asked for a pause."""
    ends = {"subscription.resumed", *_COME_BACK}
    return _spans(events, newsletter_id, begins="subscription.paused", ends=ends)


def _spans(events: Iterable[Event], newsletter_id: int, *, begins: str, ends: set[str]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for event in events:
        if event.newsletter_id != newsletter_id or event.kind not in {begins, *ends}:
            continue
        if spans and (spans[-1].end is None or event.at < spans[-1].end):
            spans[-1] = Span(spans[-1].start, event.at)
        if event.kind == begins:
            until = event.data.get("paused_until")
            spans.append(Span(event.at, datetime.fromisoformat(until) if until else None))
    return tuple(spans)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "all"
    return str(value)
