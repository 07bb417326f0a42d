"""What becomes of a sign-up. Decided off the request, so that no reply tells who is known here.

unknown, left, pending ─▶ confirm        active ─▶ already        suppressed, erased, a closed door ─▶ nothing
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.addresses import address_key, domain_of
from digest.core.limits import whose
from digest.core.model import Newsletter
from digest.core.people import Consent, Subscription
from digest.core.states import Door, NoticeKind, SubscriptionState

FORGET_AFTER = timedelta(days=14)
"""What nobody confirms is forgotten; the confirmation says so."""

BY_FORM = "form"
"""The `how` of a consent given on a page of ours."""

_HOUR, _DAY, _EVER = timedelta(hours=1), timedelta(days=1), timedelta(days=36_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """What somebody typed into the form."""

    newsletter_id: int
    address: str
    cadence_id: int | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    zone: str | None = None
    asked_at: datetime
    network: str | None = None  # the network address that asked
    page: str | None = None  # where the form stood
    text: str  # what they agreed to, as they saw it
    version: str  # of that

    @property
    def consent(self) -> Consent:
        """Why we may write to them, once they have confirmed it."""
        return Consent(
            at=self.asked_at, how=BY_FORM, origin=self.network, text=self.text, version=self.version, page=self.page
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many confirmations go out. `per_network` is counted at the door, the rest when it is decided."""

    per_address_a_day: int = 1
    per_address_ever: int = 3  # unless confirmed
    per_network: int = 20  # an hour
    per_domain: int = 200  # an hour
    per_hour: int = 500  # of all

    def at_the_door(self, key: bytes, network: str) -> "Limit":
        """What a request is counted against."""
        return Limit(whose(key, "signup/network", network), self.per_network, _HOUR)

    def of(self, key: bytes, address: str) -> tuple["Limit", ...]:
        """What a confirmation is counted against, each in the same order everywhere, so that no two wait for each other."""
        return (
            Limit(whose(key, "signup/all"), self.per_hour, _HOUR),
            Limit(whose(key, "signup/domain", domain_of(address)), self.per_domain, _HOUR),
            *self.of_address(key, address),
        )

    def of_address(self, key: bytes, address: str) -> tuple["Limit", "Limit"]:
        """Those of the address alone: a confirmation begins them anew."""
        mine = address_key(address)
        return (
            Limit(whose(key, "signup/day", mine), self.per_address_a_day, _DAY),
            Limit(whose(key, "signup/ever", mine), self.per_address_ever, _EVER),
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """So many of what `name` counts in so much time."""

    name: str
    most: int
    per: timedelta


def has_door(newsletter: Newsletter) -> bool:
    """Whether anybody may sign up by its page. A private one has none."""
    return newsletter.signup is Door.OPEN and not newsletter.private and newsletter.state == "active"


def decide(newsletter: Newsletter, tie: Subscription | None, *, is_suppressed: bool) -> NoticeKind | None:
    """Which notice answers a sign-up; None: none."""
    if is_suppressed or not has_door(newsletter):
        return None
    if tie and tie.state is SubscriptionState.ACTIVE:
        return NoticeKind.ALREADY
    return NoticeKind.CONFIRM
