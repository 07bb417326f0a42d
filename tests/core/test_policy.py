"""Outcome → next step."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.core.people import Outcome
from digest.core.policy import Blame, after, name_answer
from digest.core.states import DeliveryState, OutcomeKind

NOW = datetime(2017, 8, 14, tzinfo=UTC)


def decide(kind: OutcomeKind, phase: str = "", code: int | None = None, enhanced: str | None = None, tries: int = 1):
    outcome = Outcome(kind=kind, phase=phase, code=code, enhanced=enhanced)
    return after(outcome, tries=tries, first_try=NOW, now=NOW)


@pytest.mark.parametrize(("tries", "minutes"), [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 480), (60, 480)])
def test_a_deferral_backs_off(tries: int, minutes: int) -> None:
    step = decide(OutcomeKind.DEFERRED, "rcpt", 450, tries=tries)
    assert (step.state, step.not_before) == (DeliveryState.QUEUED, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("minutes_each", "said"), [(0, (450, "deferred")), (7, (450, "deferred")), (3, (554, "refused"))]
)
def test_the_last_of_many_tries_comes_two_days_after_the_first(minutes_each: int, said: tuple[int, str]) -> None:
    """`minutes_each`: how long after its time each try is made."""
    code, kind = said
    outcome = Outcome(kind=OutcomeKind(kind), phase="dot", code=code)
    now, tried = NOW, [NOW]
    while (step := after(outcome, tries=len(tried), first_try=NOW, now=now)).state is DeliveryState.QUEUED:
        assert step.not_before
        assert step.not_before > now
        now = step.not_before + timedelta(minutes=minutes_each)
        tried.append(now)
    assert step.state is DeliveryState.EXPIRED
    assert tried[-1] == NOW + timedelta(hours=48, minutes=minutes_each)


def test_a_first_try_that_is_still_to_come_was_a_wrong_clocks() -> None:
    outcome = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450)
    step = after(outcome, tries=3, first_try=NOW + timedelta(days=365), now=NOW)
    assert step.not_before == NOW + timedelta(hours=1)


def test_an_unknown_outcome_is_held() -> None:
    assert decide(OutcomeKind.UNCERTAIN, "dot").state is DeliveryState.UNCERTAIN


def test_a_broken_connection_is_tried_again_soon() -> None:
    assert decide(OutcomeKind.UNSENT, "data").not_before == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "blame"),
    [
        ("rcpt", 550, "5.1.1", Blame.ADDRESS),
        ("rcpt", 550, None, Blame.ADDRESS),
        ("rcpt", 550, "5.7.1", Blame.SENDER),
        ("rcpt", 553, "5.1.8", Blame.SENDER),
        ("rcpt", 552, "5.2.2", Blame.NOBODY),
        ("mail", 554, None, Blame.SENDER),
        ("mail", 553, None, Blame.SENDER),  # qmail: your envelope sender is in my badmailfrom list
        ("mail", 553, "5.6.7", Blame.NOBODY),
        ("data", 550, "5.4.5", Blame.SENDER),  # Gmail's daily limit
        ("data", 554, None, Blame.SENDER),
        ("data", 503, "5.5.1", Blame.NOBODY),
        ("dot", 554, "5.7.26", Blame.SENDER),
        ("dot", 552, "5.3.4", Blame.SENDER),
        ("dot", 554, "5.7.1", Blame.SENDER),
        ("dot", 550, "5.1.1", Blame.ADDRESS),
        ("dot", 554, "5.1.10", Blame.ADDRESS),
        ("data", 550, "5.1.2", Blame.ADDRESS),
        ("dot", 550, "5.1.0", Blame.SENDER),
        ("dot", 550, "5.1.20", Blame.SENDER),  # Exchange Online: more than one address in From
        ("dot", 550, "5.1.90", Blame.SENDER),  # and its daily limit
        ("rcpt", 550, "5.1.90", Blame.SENDER),
        ("dot", 550, "5.1.8", Blame.SENDER),
        ("mail", 550, "5.1.1", Blame.SENDER),
        ("dot", 554, None, Blame.SENDER),
    ],
)
def test_a_refusal_blames_the_right_side(phase: str, code: int, enhanced: str | None, blame: Blame) -> None:
    step = decide(OutcomeKind.REFUSED, phase, code, enhanced)
    state = DeliveryState.QUEUED if blame is Blame.SENDER else DeliveryState.REFUSED
    assert (step.state, step.blame) == (state, blame)


@pytest.mark.parametrize("reply", ["relay not permitted", "Relaying denied. Log in first"])
def test_a_server_that_does_not_relay_for_us_refuses_no_reader(reply: str) -> None:
    outcome = Outcome(kind=OutcomeKind.REFUSED, phase="rcpt", code=550, reply=reply)
    assert after(outcome, tries=1, first_try=NOW, now=NOW).blame is Blame.SENDER


@pytest.mark.parametrize(("tries", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (60, 8)])
def test_a_refused_sender_is_tried_again_with_patience_and_given_up_like_a_deferral(tries: int, hours: int) -> None:
    step = decide(OutcomeKind.REFUSED, "dot", 554, "5.7.1", tries=tries)
    assert (step.not_before, step.reason) == (NOW + timedelta(hours=hours), "refused: sender")
    outcome = Outcome(kind=OutcomeKind.REFUSED, phase="dot", code=554, enhanced="5.7.1")
    at_last = after(outcome, tries=tries, first_try=NOW, now=NOW + timedelta(hours=48))
    assert (at_last.state, at_last.blame) == (DeliveryState.EXPIRED, Blame.SENDER)


def test_an_answer_is_named_by_codes_and_phase() -> None:
    outcome = Outcome(kind=OutcomeKind.REFUSED, phase="dot", code=554, enhanced="5.7.1", reply="<y1@example.net>: no")
    assert name_answer(outcome) == "554 5.7.1 at the dot"


@pytest.mark.parametrize("code", [530, 535])
def test_a_refused_login_costs_no_reader_the_issue(code: int) -> None:
    step = decide(OutcomeKind.REFUSED, "mail", code)
    assert (step.state, step.blame) == (DeliveryState.QUEUED, Blame.LOGIN)
