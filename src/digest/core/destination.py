"""The patience of a destination, the domain that readers' addresses are in. Pure: answers in, its standing out.

A few answers in a row that speak of us, and its mail waits for longer and longer; one acceptance ends it. Greylisting is
about one reader (RFC 6647): the first attempt at each of the others must still be made, or they wait one after another.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.core.people import Outcome
from digest.core.policy import BACK_OFF, GIVE_UP_AFTER
from digest.core.states import OutcomeKind

IN_A_ROW = 3
"""Deferrals without an acceptance between them after which a destination waits: one or two are anybody's bad moment."""

MAILBOX_ALONE = ("4.2.1", "4.2.2")
"""RFC 3463: this mailbox takes nothing now, or is full. Not 4.1.8, which is about the sender, nor 4.2.0, which greylists say."""
_OF_THE_DESTINATION = ("4.3.", "4.4.", "4.5.3", "4.7.")
"""RFC 3463: its system, the way to it, too many recipients, its policy."""
_OF_THE_READER = ("4.1.", "4.2.")
_GREY_CODES = frozenset({None, "4.2.0", "4.7.0", "4.7.1"})
_GREY_WORDS = ("greylist", "graylist", "grey list", "gray list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a destination has answered since it last accepted something."""

    failures: int
    since: datetime  # the first of them
    at: datetime  # the last of them
    not_before: datetime | None = None  # its mail waits; then one message tries

    @property
    def is_given_up(self) -> bool:
        """Whether it took nothing for as long as a single delivery is tried."""
        return self.at - self.since >= GIVE_UP_AFTER


def is_impatient(outcome: Outcome) -> bool:
    """Whether a 4yz is about us and everybody at this destination, and not about this one reader.

    Before RCPT it speaks of the mail server that we hand over to, which is not the destination.
    """
    if outcome.kind is not OutcomeKind.DEFERRED or outcome.phase not in {"rcpt", "data", "body", "dot"}:
        return False
    enhanced = outcome.enhanced or ""
    if enhanced.startswith(_OF_THE_READER) or _is_grey(outcome):
        return False
    return outcome.code in {421, 452} or outcome.phase != "rcpt" or enhanced.startswith(_OF_THE_DESTINATION)


def after_impatience(known: Standing | None, now: datetime) -> Standing:
    """A destination's standing after one more such answer.

    While it waits already nothing changes: that answer was for a message which was under way, and twenty conversations
    that hear it at once are not twenty attempts.
    """
    if known is None or now - known.at >= GIVE_UP_AFTER:
        return Standing(failures=1, since=now, at=now)
    if known.not_before and known.not_before > now:
        return known
    standing = replace(known, failures=known.failures + 1, at=now)
    if standing.failures < IN_A_ROW:
        return standing
    return replace(standing, not_before=now + _wait(standing))


def _wait(standing: Standing) -> timedelta:
    """Cut so that a last message tries when the domain is given up; with one that came later it begins anew."""
    wait = BACK_OFF[min(standing.failures - IN_A_ROW, len(BACK_OFF) - 1)]
    left = standing.since + GIVE_UP_AFTER - standing.at
    return min(wait, left) if left > timedelta() else wait


def _is_grey(outcome: Outcome) -> bool:
    if any(word in outcome.reply.lower() for word in _GREY_WORDS):
        return True
    return outcome.phase == "rcpt" and outcome.code in {450, 451} and outcome.enhanced in _GREY_CODES
