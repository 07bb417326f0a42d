"""Which state a post enters a cadence in: S3 and S5 to S8."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.admission import Opening, admit_backlog, admit_new, effective_at
from digest.core.model import Card, Post
from digest.core.states import ClaimState

MONDAY = datetime(2026, 11, 16, 7, tzinfo=UTC)
NOW = MONDAY + timedelta(days=2)
WEEKLY = Opening(since=MONDAY, length=timedelta(days=7))
DAILY = Opening(since=NOW - timedelta(hours=5), length=timedelta(days=1))


def post(number: int, published: datetime | None, seen_at: datetime = NOW) -> Post:
    return Post(
        id=number,
        source_id=1,
        key=f"k{number}",
        card=Card(title=f"Post {number}"),
        canonical=None,
        published=published,
        updated=None,
        seen_at=seen_at,
        effective_at=effective_at(published, seen_at=seen_at),
    )


def days_ago(number: int, days: float) -> Post:
    return post(number, NOW - timedelta(days=days))


def states(admissions) -> list[str]:
    return [str(admission.state) for admission in admissions]


def new(*posts: Post, opening: Opening = WEEKLY, flood: bool = False) -> list[str]:
    return states(admit_new(posts, opening=opening, flood=flood, now=NOW))


def test_a_post_without_a_date_counts_from_when_it_was_seen() -> None:
    assert effective_at(None, seen_at=NOW) == NOW


@pytest.mark.parametrize(
    ("ahead", "counts_from"),
    [(timedelta(minutes=5), timedelta(0)), (timedelta(minutes=6), timedelta(minutes=6)),
     (timedelta(days=14), timedelta(days=14)), (timedelta(days=14, seconds=1), timedelta(0)),
     (timedelta(days=-3), timedelta(days=-3))],
)  # fmt: skip
def test_a_date_ahead_is_skew_then_embargo_then_nonsense(ahead: timedelta, counts_from: timedelta) -> None:
    assert effective_at(NOW + ahead, seen_at=NOW) == NOW + counts_from


def test_a_new_post_waits_for_the_next_issue_even_when_it_is_late_or_dated_ahead() -> None:
    assert new(days_ago(1, 0.1), days_ago(2, 5), post(3, NOW + timedelta(days=9))) == ["pending"] * 3


def test_a_post_older_than_two_periods_is_held_and_says_why() -> None:
    fresh, old = admit_new((days_ago(1, 13.9), days_ago(2, 400)), opening=WEEKLY, flood=False, now=NOW)
    assert fresh.state is ClaimState.PENDING
    assert (old.state, old.reason) == (ClaimState.HELD, "back-dated: 400 days old when first seen")


def test_a_daily_newsletter_holds_after_seven_days_not_after_two() -> None:
    assert new(days_ago(1, 6.9), days_ago(2, 7.1), opening=DAILY) == ["pending", "held"]


def test_an_outage_of_ours_holds_nothing_that_falls_into_a_period_still_open() -> None:
    opening = replace(DAILY, since=NOW - timedelta(days=30))
    assert new(days_ago(1, 29), days_ago(2, 31), opening=opening) == ["pending", "held"]


def test_a_flood_is_held_whole() -> None:
    assert new(days_ago(1, 1), post(2, None), flood=True) == ["held", "held"]


def test_a_first_look_takes_the_current_period_and_leaves_the_rest_as_seen() -> None:
    posts = (days_ago(1, 1), days_ago(2, 1.9), days_ago(3, 2.1), days_ago(4, 300))
    assert states(admit_backlog(posts, opening=WEEKLY)) == ["pending", "pending", "baseline", "baseline"]


def test_a_first_look_takes_the_newest_ten_at_most() -> None:
    posts = tuple(days_ago(number, number / 24) for number in range(1, 16))
    assert states(admit_backlog(posts, opening=WEEKLY)) == ["pending"] * 10 + ["baseline"] * 5


def test_an_undated_feed_is_all_baseline_at_first_look() -> None:
    posts = (post(1, None), post(2, None), post(3, NOW + timedelta(days=90)))
    assert states(admit_backlog(posts, opening=WEEKLY)) == ["baseline"] * 3


def test_the_operator_may_ask_for_the_last_few_whatever_their_dates() -> None:
    posts = (days_ago(1, 100), days_ago(2, 90), days_ago(3, 300))
    assert states(admit_backlog(posts, opening=WEEKLY, include_last=2)) == ["pending", "pending", "baseline"]


offsets = st.integers(min_value=-500 * 24 * 60, max_value=30 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | offsets, max_size=30), st.booleans(), st.integers(0, 20) | st.none())
def test_every_post_gets_exactly_one_admission_and_a_reason_unless_it_waits(dates, flood, last) -> None:
    posts = tuple(post(n, None if d is None else NOW + d) for n, d in enumerate(dates))
    for admissions in (
        admit_new(posts, opening=DAILY, flood=flood, now=NOW),
        admit_backlog(posts, opening=DAILY, include_last=last),
    ):
        assert [a.post_id for a in admissions] == [p.id for p in posts]
        assert [a.effective_at for a in admissions] == [p.effective_at for p in posts]
        assert all((a.reason is None) == (a.state is ClaimState.PENDING) for a in admissions)
    assert sum(a.state is ClaimState.PENDING for a in admit_backlog(posts, opening=DAILY)) <= 10
