"""An address that was refused again and again → whether it is dead. Pure.

Never at the first refusal: large providers have said 5.1.1 of everybody for some hours, and whoever believed it lost them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.people import Outcome
from digest.core.policy import Blame, whom_to_blame
from digest.core.states import DeliveryState, OutcomeKind

HARD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""No such mailbox or domain, no address, moved away, a domain that takes no mail (RFC 3463, RFC 7505)."""

HARD_TIMES, HARD_SPAN = 2, timedelta(days=3)
SOFT_TIMES, SOFT_SPAN = 3, timedelta(days=14)
"""A mailbox that is disabled, a 550 without an enhanced code: often the same, sometimes a policy or a holiday."""

BOUNCED = "hard bounce"
"""The suppression's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a server said in the end of one issue to one address."""

    state: DeliveryState
    at: datetime
    code: int | None = None
    enhanced: str | None = None
    phase: str | None = None

    @property
    def is_of_the_address(self) -> bool:
        """Whether the address itself was refused; never by policy (5.7.x), never because it is full."""
        said = Outcome(kind=OutcomeKind.REFUSED, phase=self.phase or "", code=self.code, enhanced=self.enhanced)
        return self.state is DeliveryState.REFUSED and whom_to_blame(said) is Blame.ADDRESS


def count_refusals(answers: Sequence[Answered]) -> tuple[Answered, ...]:
    """The refusals of an address since something was accepted for it; `answers` and result are newest first."""
    found = []
    for answer in answers:
        if answer.state is DeliveryState.ACCEPTED:
            break
        if answer.is_of_the_address:
            found.append(answer)
    return tuple(found)


def is_dead(refusals: Sequence[Answered]) -> bool:
    """Whether an address is to be suppressed after these refusals, newest first, nothing accepted between them."""
    hard = [one for one in refusals if one.enhanced in HARD]
    return _reaches(hard, HARD_TIMES, HARD_SPAN) or _reaches(refusals, SOFT_TIMES, SOFT_SPAN)


def _reaches(refusals: Sequence[Answered], times: int, span: timedelta) -> bool:
    return len(refusals) >= times and refusals[0].at - refusals[-1].at >= span
