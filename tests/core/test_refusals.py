"""When an address that is refused again and again is dead."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.core.refusals import Answered, count_refusals, is_dead
from digest.core.states import DeliveryState

NOW = datetime(2017, 8, 14, tzinfo=UTC)


def refused(days_ago: float, code: int = 550, enhanced: str | None = "5.1.1", phase: str = "rcpt") -> Answered:
    at = NOW - timedelta(days=days_ago)
    return Answered(state=DeliveryState.REFUSED, at=at, code=code, enhanced=enhanced, phase=phase)


def accepted(days_ago: float) -> Answered:
    return Answered(state=DeliveryState.ACCEPTED, at=NOW - timedelta(days=days_ago), code=250, phase="dot")


@pytest.mark.parametrize("enhanced", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_a_second_hard_refusal_three_days_later_is_death(enhanced: str) -> None:
    assert not is_dead(count_refusals([refused(0, enhanced=enhanced)]))
    assert is_dead(count_refusals([refused(0, enhanced=enhanced), refused(3, enhanced=enhanced)]))


def test_a_hundred_refusals_in_one_outage_are_not() -> None:
    assert not is_dead(count_refusals([refused(hours / 24) for hours in range(0, 71, 7)]))


@pytest.mark.parametrize("enhanced", [None, "5.2.1", "5.1.0"])
def test_what_is_less_clear_takes_three_over_two_weeks(enhanced: str | None) -> None:
    assert not is_dead(count_refusals([refused(0, enhanced=enhanced), refused(20, enhanced=enhanced)]))
    assert not is_dead(count_refusals([refused(days, enhanced=enhanced) for days in (0, 1, 13)]))
    assert is_dead(count_refusals([refused(days, enhanced=enhanced) for days in (0, 7, 14)]))


def test_an_acceptance_between_them_begins_anew() -> None:
    assert count_refusals([refused(0), accepted(2), refused(9), refused(12)]) == (refused(0),)


@pytest.mark.parametrize(
    "other",
    [refused(0, 550, "5.7.1"), refused(0, 554, "5.7.26"), refused(0, 552, "5.2.2"), refused(0, 553, "5.1.8"),
     refused(0, 550, "5.1.0", phase="dot"), refused(0, 550, None, phase="mail")],
)  # fmt: skip
def test_policy_a_full_mailbox_and_our_own_faults_never_count(other: Answered) -> None:
    assert count_refusals([other] * 9) == ()
