"""Which deferrals speak of us to a whole domain, and how long it then waits."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.core.destination import Standing, after_impatience, is_impatient
from digest.core.people import Outcome
from digest.core.states import OutcomeKind

NOW = datetime(2017, 8, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def said(phase: str, code: int, enhanced: str | None = None, reply: str = "") -> Outcome:
    return Outcome(kind=OutcomeKind.DEFERRED, phase=phase, code=code, enhanced=enhanced, reply=reply)


@pytest.mark.parametrize(
    "outcome",
    [
        said("rcpt", 421, "4.7.28", "unusual rate of mail from your address"),
        said("rcpt", 421),
        said("rcpt", 452, "4.5.3", "too many recipients"),
        said("rcpt", 452),
        said("rcpt", 451, "4.7.500", "server busy"),
        said("rcpt", 451, "4.7.650", "temporarily rate limited"),
        said("rcpt", 450, "4.4.5", "congestion"),
        said("rcpt", 451, "4.3.2", "not accepting"),
        said("data", 451, "4.3.0"),
        said("dot", 451),
        said("dot", 421, "4.7.0"),
        said("dot", 451, "4.7.1"),
        said("body", 421, "4.3.2"),
    ],
)
def test_what_speaks_of_us_counts_against_the_destination(outcome: Outcome) -> None:
    assert is_impatient(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        said("rcpt", 450, "4.2.0", "Recipient address rejected: Greylisted"),
        said("rcpt", 451, "4.7.1", "please come back later"),
        said("rcpt", 450),
        said("rcpt", 451),
        said("dot", 451, "4.7.1", "greylisted, try again"),
        said("rcpt", 421, "4.7.0", "Graylisting in action"),
        said("rcpt", 452, "4.2.2", "over quota"),
        said("dot", 452, "4.2.2", "over quota"),
        said("rcpt", 450, "4.1.1", "cannot verify"),
        said("rcpt", 450, "4.2.1", "receives mail too quickly"),
        said("mail", 421, "4.7.0", "of the mail server"),
        said("mail", 451, "4.3.2"),
        Outcome(kind=OutcomeKind.REFUSED, phase="dot", code=554, enhanced="5.7.1"),
        Outcome(kind=OutcomeKind.UNSENT, phase="data"),
        Outcome(kind=OutcomeKind.UNCERTAIN, phase="dot"),
    ],
)
def test_greylisting_one_mailbox_or_our_own_server_does_not(outcome: Outcome) -> None:
    assert not is_impatient(outcome)


def test_the_third_in_a_row_makes_it_wait_and_each_attempt_after_that_for_longer() -> None:
    standing, now, waits = None, NOW, []
    for _ in range(10):
        standing = after_impatience(standing, now)
        waits.append((standing.not_before - now) // MINUTE if standing.not_before else None)
        now = standing.not_before or now
    assert waits == [None, None, 15, 30, 60, 120, 240, 480, 480, 480]
    assert (standing.since, standing.is_given_up) == (NOW, False)
    for _ in range(3):
        standing = after_impatience(standing, now)
        now = standing.not_before
    assert now == NOW + timedelta(hours=48), "the last wait is cut"
    standing = after_impatience(standing, now)
    assert (standing.is_given_up, standing.not_before) == (True, now + 480 * MINUTE)


def test_answers_to_what_was_under_way_do_not_lengthen_the_wait() -> None:
    standing = Standing(failures=3, since=NOW, at=NOW, not_before=NOW + 15 * MINUTE)
    for minutes in (0, 1, 14):
        assert after_impatience(standing, NOW + minutes * MINUTE) == standing
    assert after_impatience(standing, NOW + 15 * MINUTE).not_before == NOW + 45 * MINUTE


def test_after_two_days_of_it_a_destination_is_given_up() -> None:
    standing = Standing(failures=9, since=NOW, at=NOW + timedelta(hours=40), not_before=NOW + timedelta(hours=48))
    assert after_impatience(standing, NOW + timedelta(hours=48)).is_given_up


def test_what_was_said_days_ago_is_forgotten() -> None:
    old = Standing(failures=2, since=NOW, at=NOW)
    assert after_impatience(old, NOW + timedelta(hours=47)).not_before is not None
    assert after_impatience(old, NOW + timedelta(hours=48)).failures == 1
