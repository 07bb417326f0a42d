"""The reasons that `digest explain` gives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from digest.core.explain import Person, Reading, explain_claim, explain_delivery, explain_outcome, explain_reading
from digest.core.model import Issue
from digest.core.owed import Gap, Mark, Owed
from digest.core.people import Consent, Delivery, Subscription, Suppression
from digest.core.states import ClaimState, DeliveryState, IssueState, SubscriptionState

NOW = datetime(2026, 11, 16, 8, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUE = Issue(id=1, newsletter_id=1, cadence_id=1, number=3, slot_key="s", period_start=NOW - 7 * DAY, period_end=NOW,
              due_at=NOW, state=IssueState.DONE, sending_at=NOW, expected=5)  # fmt: skip
CONSENT = Consent(at=NOW - 30 * DAY, how="form", confirmed_at=NOW - 30 * DAY)
ACTIVE = Subscription(id=1, newsletter_id=1, subscriber_id=1, state=SubscriptionState.ACTIVE, consent=CONSENT)
ANNA = Person(subscription=ACTIVE, suppression=None, first_cadence_id=1)
ROW = Delivery(id=1, issue_id=1, subscriber_id=1, variant_id=1, address="anna@example.org", state=DeliveryState.QUEUED)


def claim(state: ClaimState, *, reason: str | None = None, at: datetime = NOW) -> str:
    return explain_claim(state, reason=reason, issue="issue 3 of weekly", into="'Tea'", effective_at=at, now=NOW)


@pytest.mark.parametrize("state", ClaimState)
def test_every_state_of_a_post_has_its_own_sentence(state: ClaimState) -> None:
    sentence = claim(state, reason="because")
    assert sentence
    assert ("because" in sentence) == (state in {"held", "baseline", "withdrawn", "excluded"})


def test_an_embargoed_post_says_for_when_it_waits() -> None:
    assert claim(ClaimState.PENDING, at=NOW + DAY).startswith("waits: it is dated Tue 2026-11-17 08:00 UTC")


OWED = Owed(marks=(Mark(line=1, issue=1, until=NOW - 7 * DAY),), gaps=(Gap(NOW - 3 * DAY, NOW - 2 * DAY),))
TAKEN = replace(ROW, state=DeliveryState.SKIPPED, reason="paused")


@pytest.mark.parametrize(
    ("reading", "days", "is_told", "answer"),
    [
        ({"delivery": ROW, "how": "away"}, 4, True, 'in it, under "Earlier, while you were away": queued, 0 tries so far'),
        ({"delivery": ROW, "owed": OWED}, 4, True, "left out for them: they have it from another issue"),
        ({"delivery": ROW, "owed": OWED}, 4, False, "left out for them: an issue before it had told it"),
        ({"delivery": ROW}, 4, False, "of none of their topics"),
        ({"delivery": TAKEN}, 4, False, "not sent: paused; they are owed it, and it comes with their next issue"),
        ({"delivery": TAKEN}, 4, True, "not sent: paused"),
        ({}, 2.5, False, ("no delivery was made: what they are owed comes with a later one; it was first seen while they paused "
         "or were not there, and is not owed to them")),
    ],
)  # fmt: skip
def test_why_a_post_did_or_did_not_reach_somebody_by_an_issue(
    reading: dict, days: float, *, is_told: bool, answer: str
) -> None:
    one = Reading(**{"issue": ISSUE, "delivery": None, "how": None, **reading})
    person = replace(ANNA, subscription=replace(ACTIVE, owed=OWED))
    assert explain_reading(one, person, seen_at=NOW - days * DAY, is_told=is_told) == answer


@pytest.mark.parametrize("state", DeliveryState)
def test_every_state_of_a_delivery_has_its_own_sentence(state: DeliveryState) -> None:
    said = {explain_delivery(ISSUE, replace(ROW, state=one), ANNA) for one in DeliveryState}
    assert len(said) == len(DeliveryState)
    assert "None" not in explain_delivery(ISSUE, replace(ROW, state=state, code=550), ANNA)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"subscription": None}, "not subscribed to this newsletter"),
        ({"suppression": Suppression(id=1, address_hash="h", reason="complaint", created_at=NOW - DAY)},
         "suppressed since Sun 2026-11-15 08:00 UTC: complaint"),
        ({"suppression": Suppression(id=1, address_hash="h", reason="complaint", created_at=NOW + DAY)},
         "no delivery was made: they joined later"),
        ({"subscription": replace(ACTIVE, state=SubscriptionState.PENDING)}, "never confirmed the subscription"),
        ({"subscription": replace(ACTIVE, state=SubscriptionState.ENDED, ended_at=NOW - DAY, ended_why="unsubscribed")},
         "had left on Sun 2026-11-15 08:00 UTC (unsubscribed)"),
        ({"subscription": replace(ACTIVE, cadence_id=2)}, "gets this newsletter by another cadence"),
        ({"first_cadence_id": 2}, "gets this newsletter by another cadence"),
        ({"subscription": replace(ACTIVE, consent=replace(CONSENT, confirmed_at=NOW + DAY))},
         "confirmed only on Tue 2026-11-17 08:00 UTC, after it was sent"),
    ],
)  # fmt: skip
def test_who_got_no_delivery_learns_what_kept_them_out(change, answer) -> None:
    assert explain_delivery(ISSUE, None, replace(ANNA, **change)) == answer


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"state": IssueState.SKIPPED, "reason": "empty"}, "there was no such issue: empty"),
        ({"state": IssueState.DRAFT}, "the issue waits for approval"),
        ({"state": IssueState.DRAFT, "cadence_id": 2}, "gets this newsletter by another cadence"),
        (
            {"state": IssueState.FROZEN, "reason": "not rendered"},
            "the issue is made but not ready to be sent: not rendered",
        ),
        ({"state": IssueState.CANCELLED}, "the issue was cancelled"),
        ({"state": IssueState.SENDING, "expected": None}, "the issue is about to be sent"),
    ],
)
def test_an_issue_that_did_not_go_out_says_so(change, answer) -> None:
    assert explain_delivery(replace(ISSUE, **change), None, ANNA) == answer


@pytest.mark.parametrize(
    ("state", "reason", "issue_state", "step"),
    [
        (DeliveryState.REFUSED, "refused: address", IssueState.DONE, "`digest delivery retry 3 anna@example.org`"),
        (DeliveryState.EXPIRED, "not accepted within 48 hours", IssueState.DONE, "`digest delivery retry 3 anna@example.org`"),
        (DeliveryState.QUEUED, "refused: sender", IssueState.SENDING, "then it is tried again"),
        (DeliveryState.QUEUED, "refused: sender", IssueState.PAUSED, "`digest issue resume 3`"),
    ],
)  # fmt: skip
def test_who_did_not_get_it_hears_what_can_be_done(
    state: DeliveryState, reason: str, issue_state: IssueState, step: str
) -> None:
    issue, row = replace(ISSUE, state=issue_state), replace(ROW, state=state, reason=reason)
    assert step in explain_delivery(issue, row, ANNA)


def test_who_waits_for_their_hour_is_told_when_it_is() -> None:
    due = datetime(2017, 8, 14, 19, tzinfo=UTC)
    told = partial(explain_outcome, DeliveryState.QUEUED, code=None, enhanced=None, reason=None)
    assert told(tries=0, due=due) == "waits for its hour, due Mon 2017-08-14 19:00 UTC"
    assert told(tries=0, due=due, zone="Asia/Tokyo") == "waits for its hour, due Tue 2017-08-15 04:00 Asia/Tokyo"
    assert told(tries=2, due=due) == "queued, due Mon 2017-08-14 19:00 UTC, 2 tries so far"
    assert told(tries=0) == "queued, 0 tries so far"
