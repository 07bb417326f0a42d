"""Outcome → next step. What a delivery becomes once the server has answered, and whom the answer blames."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.core.people import Outcome
from digest.core.states import DeliveryState, OutcomeKind

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480))
"""Waits after the first, second, … deferral; the last one repeats, until `GIVE_UP_AFTER`. Greylisting ends within the first (RFC 6647)."""

SENDER_BACK_OFF = BACK_OFF[2:]
"""After a refusal of the sender: only a person can mend that, and a server that is pressed thinks the worse of us."""

GIVE_UP_AFTER = timedelta(hours=48)
"""From the first answer to the last try, for which the last wait is cut."""
SENDER_REFUSALS_IN_A_ROW = 5
"""After so many without an acceptance between them the issue pauses: the server refuses us, not one reader."""

SENDER_REFUSED = "refused: sender"
"""The reason of a delivery that waits because of that; `resume` makes it due."""

_SENDERS_ADDRESS = frozenset({"5.1.7", "5.1.8", "5.1.90"})
"""Of 5.1.x these are about us, whatever the phase they are said in (RFC 3463 §3.2; Exchange Online's daily limit)."""

_READERS_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10"})
"""At RCPT any 5.1.x is about the one that was just named. After it 5.1.0 may be about that in From, which the next reader's message has,
too; so may what no register knows, like Exchange Online's 5.1.20."""

_NO_RELAY = "relay"
"""Exim says "550 relay not permitted", with no enhanced code, of everybody, where we are not logged in. Others have 5.7.1 for it."""

_AFTER_RCPT = frozenset({"data", "body", "dot"})
_SENDERS_REFUSALS = frozenset({550, 552, 554})
_NO_SUCH_ADDRESSES = "5.6.7"
"""At MAIL, where no reader has been named yet, this alone is about one: the server takes no address that is not ASCII (RFC 6531 §3.5)."""


class Blame(StrEnum):
    """Whom a refusal is about."""

    NOBODY = "nobody"
    ADDRESS = "address"  # no such mailbox: a candidate for suppression
    SENDER = "sender"  # policy, reputation, authentication, the message itself
    LOGIN = "login"  # the server wants other credentials: nothing can be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The delivery's next state; `not_before` only where it is queued again."""

    state: DeliveryState
    not_before: datetime | None = None
    reason: str | None = None
    blame: Blame = Blame.NOBODY


TAKEN = NextStep(state=DeliveryState.ACCEPTED)
"""After an acceptance, whatever else is known."""


def after(outcome: Outcome, *, tries: int, first_try: datetime, now: datetime) -> NextStep:
    """What to do with a delivery once the server has answered. `tries` counts this one; times are aware.

    `first_try` starts the 48 hours: the first answer since sending began or was resumed. A refusal of the sender says
    nothing about the reader, who therefore stays queued.

    Classes by the first digit (RFC 5321 §4.2.1), refined by the enhanced code (RFC 3463). An unknown outcome is held:
    nothing but an operator or evidence moves it on.
    """
    if outcome.kind is OutcomeKind.ACCEPTED:
        return TAKEN
    if outcome.kind is OutcomeKind.UNCERTAIN:
        return NextStep(state=DeliveryState.UNCERTAIN, reason="the connection ended after the final dot")
    blame = whom_to_blame(outcome)
    if blame is Blame.LOGIN:
        return NextStep(state=DeliveryState.QUEUED, reason="the server wants a login", blame=blame)
    if outcome.kind is OutcomeKind.REFUSED and blame is not Blame.SENDER:
        return NextStep(state=DeliveryState.REFUSED, reason=f"refused: {blame}", blame=blame)
    deadline = min(first_try, now) + GIVE_UP_AFTER  # a first answer that is still to come was a wrong clock's
    if now >= deadline:
        why = f"not accepted within 48 hours{', ' + SENDER_REFUSED if blame is Blame.SENDER else ''}"
        return NextStep(state=DeliveryState.EXPIRED, reason=why, blame=blame)
    reason = SENDER_REFUSED if blame is Blame.SENDER else "deferred"
    again = min(now + _wait(outcome, tries, blame), deadline)
    return NextStep(state=DeliveryState.QUEUED, not_before=again, reason=reason, blame=blame)


def name_answer(outcome: Outcome) -> str:
    """Codes and phase, "554 5.7.1 at the dot", for reasons, events and logs: a server's words may name a reader."""
    codes = " ".join(str(part) for part in (outcome.code, outcome.enhanced) if part)
    return f"{codes or 'no code'} at {'the dot' if outcome.phase == 'dot' else outcome.phase}"


def _wait(outcome: Outcome, tries: int, blame: Blame) -> timedelta:
    """A deferral backs off as the server asked; a broken connection is tried again sooner."""
    if blame is Blame.SENDER:
        return SENDER_BACK_OFF[min(tries, len(SENDER_BACK_OFF)) - 1]
    if outcome.kind is OutcomeKind.UNSENT:
        return min(timedelta(minutes=tries), BACK_OFF[0])
    return BACK_OFF[min(tries, len(BACK_OFF)) - 1]


def whom_to_blame(outcome: Outcome) -> Blame:
    """5.1.x from RCPT on is the address, of which every message has one, but for that of the sender.

    5.7.x anywhere, and any other refusal of the sender or the message, is us: who takes no DATA has often had enough of us.
    """
    if outcome.code in {530, 535}:
        return Blame.LOGIN
    if outcome.kind is not OutcomeKind.REFUSED:
        return Blame.NOBODY
    enhanced = outcome.enhanced or ""
    if enhanced.startswith("5.7.") or enhanced in _SENDERS_ADDRESS:
        return Blame.SENDER
    if outcome.phase == "rcpt":
        return _whom_at_rcpt(outcome, enhanced)
    if outcome.phase == "mail":
        return Blame.NOBODY if enhanced == _NO_SUCH_ADDRESSES else Blame.SENDER
    return _whom_after_rcpt(outcome, enhanced)


def _whom_at_rcpt(outcome: Outcome, enhanced: str) -> Blame:
    if not enhanced and _NO_RELAY in outcome.reply.lower():
        return Blame.SENDER
    known = enhanced.startswith(("5.1.", "5.2.1"))
    return Blame.ADDRESS if known or (not enhanced and outcome.code == 550) else Blame.NOBODY


def _whom_after_rcpt(outcome: Outcome, enhanced: str) -> Blame:
    if outcome.phase not in _AFTER_RCPT:
        return Blame.NOBODY
    if enhanced in _READERS_ADDRESS:
        return Blame.ADDRESS
    return Blame.SENDER if outcome.code in _SENDERS_REFUSALS else Blame.NOBODY
