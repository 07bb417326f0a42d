"""Why: a post's state and a person's mail, in one sentence each. Pure; the words of `digest explain`."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from digest.core.model import Issue
from digest.core.owed import Owed, is_owed
from digest.core.people import Delivery, Subscription, Suppression
from digest.core.policy import SENDER_REFUSED
from digest.core.states import ClaimState, DeliveryState, IssueState, SubscriptionState
from digest.core.story import Span
from digest.core.variants import EMPTY
from digest.core.zones import say_local

_WORDS = {EMPTY: "nothing in it is for them"}
"""Reasons that are kept as one word."""
_COMING = (IssueState.FROZEN, IssueState.DRAFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What decides whether somebody gets an issue."""

    subscription: Subscription | None
    suppression: Suppression | None
    first_cadence_id: int | None  # the newsletter's: that of a subscription which names none
    pauses: tuple[Span, ...] = ()
    absences: tuple[Span, ...] = ()  # between leaving and coming back
    chosen: tuple[tuple[datetime, int], ...] = ()  # when they chose which cadence, oldest first
    zone: str = "UTC"  # by whose clock times are said


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An issue that told a post, or was to tell it to one person, beside what became of it for them."""

    issue: Issue  # without its content
    delivery: Delivery | None
    how: str | None  # where their mail has the post: "own", of the issue itself; "earlier"; "away"; None: nowhere
    owed: Owed | None = None  # what they were owed when it was made for them


def explain_claim(
    state: ClaimState,
    *,
    reason: str | None,
    issue: str | None,
    into: str | None,
    effective_at: datetime,
    now: datetime,
    zone: str = "UTC",
) -> str:
    """Why a post is or is not in an issue; `issue` and `into` are names to show."""
    because = f": {reason}" if reason else ""
    if state is ClaimState.PENDING and effective_at > now:
        return f"waits: it is dated {say_local(effective_at, zone)}, and goes into the first issue closed after that"
    sentences = {
        ClaimState.PENDING: "waits for the next issue",
        ClaimState.HELD: f"held back{because}; `digest post release` lets it into the next issue",
        ClaimState.ISSUED: f"in {issue}",
        ClaimState.MERGED: f"told in {into}, which has the same story from another source",
        ClaimState.BASELINE: f"not mailed{because}",
        ClaimState.WITHDRAWN: f"not mailed{because}",
        ClaimState.EXCLUDED: f"not mailed{because}",
    }
    return sentences[state]


def explain_delivery(issue: Issue, delivery: Delivery | None, person: Person) -> str:
    """Why somebody did or did not get an issue."""
    if delivery is not None:
        row = delivery
        told = explain_outcome(row.state, code=row.code, enhanced=row.enhanced, reason=row.reason, tries=row.tries,
                               due=row.not_before, zone=person.zone)  # fmt: skip
        return told + _what_to_do(issue, delivery)
    if issue.state in _COMING and (other := _by_another_line(issue, person)):
        return other
    return _issue_not_sent(issue) or _not_a_recipient(issue, person) or "no delivery was made: they joined later"


def explain_reading(reading: Reading, person: Person, *, seen_at: datetime, is_told: bool) -> str:
    """Why a post did or did not reach somebody by an issue; `is_told`: another one has it for them."""
    told = explain_delivery(reading.issue, reading.delivery, person)
    if reading.how:
        ways = {"own": "in it", "earlier": "in it, as owed to them since an earlier issue of this cadence",
                "away": 'in it, under "Earlier, while you were away"'}  # fmt: skip
        return f"{ways[reading.how]}: {told}"
    if reading.delivery is not None and reading.delivery.state is not DeliveryState.SKIPPED:
        if reading.owed:
            return f"left out for them: {'they have it from another issue' if is_told else 'an issue before it had told it'}"
        return "of none of their topics"
    owed = person.subscription.owed if person.subscription else None
    rest = next((span for span in person.pauses if span.holds(seen_at)), None)
    if is_told or owed is None:
        return f"{told}; it was first seen in a pause" if rest and not is_told else told
    if is_owed(owed, seen_at):
        return f"{told}; they are owed it, and it comes with their next issue"
    return f"{told}; it was first seen while they paused or were not there, and is not owed to them"


def explain_outcome(
    state: DeliveryState,
    *,
    code: int | None,
    enhanced: str | None,
    reason: str | None,
    tries: int,
    due: datetime | None = None,
    zone: str = "UTC",
) -> str:
    """What became of a delivery; the same words for whoever asks. `due`: before when a queued one is not sent."""
    at = f", due {say_local(due, zone)}" if due else ""
    said = f" ({code} {enhanced or ''})".replace(" )", ")") if code else ""
    because = f": {_WORDS.get(reason, reason)}" if reason else ""
    sentences = {
        DeliveryState.QUEUED: f"queued{because}{at}, {tries} tries so far"
        if tries or not due
        else f"waits for its hour{at}",
        DeliveryState.CLAIMED: "a sender has taken it in hand",
        DeliveryState.INFLIGHT: "on the wire right now",
        DeliveryState.ACCEPTED: f"accepted by the mail server{said}",
        DeliveryState.REFUSED: f"refused by the mail server{said}{because}",
        DeliveryState.UNCERTAIN: "unknown: the connection ended before the server's answer; not sent again unasked",
        DeliveryState.SKIPPED: f"not sent{because}",
        DeliveryState.EXPIRED: f"given up{because}",
    }
    return sentences[state]


def _what_to_do(issue: Issue, delivery: Delivery) -> str:
    if delivery.state in {DeliveryState.REFUSED, DeliveryState.EXPIRED}:
        return f"; `digest delivery retry {issue.number} {delivery.address}` sends it again"
    if delivery.state is DeliveryState.QUEUED and delivery.reason == SENDER_REFUSED:
        again = f"`digest issue resume {issue.number}`" if issue.state is IssueState.PAUSED else "it is tried again"
        return f"; the server refuses you, not this reader: mend that (login, SPF, DKIM, reputation), then {again}"
    return ""


def _issue_not_sent(issue: Issue) -> str | None:
    because = f": {issue.reason}" if issue.reason else ""
    sentences = {
        IssueState.SKIPPED: f"there was no such issue{because}",
        IssueState.FROZEN: f"the issue is made but not ready to be sent{because}",
        IssueState.DRAFT: "the issue waits for approval",
        IssueState.CANCELLED: f"the issue was cancelled{because}",
        IssueState.SENDING: None if issue.expected is not None else "the issue is about to be sent",
    }
    return sentences.get(issue.state)


def _not_a_recipient(issue: Issue, person: Person) -> str | None:
    """What kept somebody out when the deliveries were made."""
    subscription, at = person.subscription, issue.sending_at or issue.due_at
    say = partial(say_local, zone=person.zone)
    if subscription is None:
        return "not subscribed to this newsletter"
    if person.suppression and person.suppression.created_at <= at:
        return f"suppressed since {say(person.suppression.created_at)}: {person.suppression.reason}"
    if away := next((span for span in person.absences if span.end and span.holds(at)), None):
        return f"had left on {say(away.start)}, and came back on {say(away.end or at)}"
    if rest := next((span for span in person.pauses if span.holds(at)), None):
        return f"had paused until {say(rest.end or at)}"
    return _by_another_line(issue, person) or _not_active(subscription, at, person.zone) or _not_yet(issue, person, at)


def _by_another_line(issue: Issue, person: Person) -> str | None:
    tie = person.subscription
    if tie and issue.cadence_id != (tie.cadence_id or person.first_cadence_id):
        return "gets this newsletter by another cadence"
    return None


def _not_yet(issue: Issue, person: Person, at: datetime) -> str | None:
    if later := next((chosen for chosen, line in person.chosen if line == issue.cadence_id and chosen > at), None):
        return f"chose this cadence only on {say_local(later, person.zone)}"
    if person.subscription and person.subscription.owed:
        return "no delivery was made: what they are owed comes with a later one"
    return None


def _not_active(subscription: Subscription, at: datetime, zone: str) -> str | None:
    if subscription.state is SubscriptionState.PENDING:
        return "never confirmed the subscription"
    if subscription.ended_at and subscription.ended_at <= at:
        why = f" ({subscription.ended_why})" if subscription.ended_why else ""
        return f"had left on {say_local(subscription.ended_at, zone)}{why}"
    confirmed = subscription.consent.confirmed_at
    if confirmed and confirmed > at:
        return f"confirmed only on {say_local(confirmed, zone)}, after it was sent"
    return None
