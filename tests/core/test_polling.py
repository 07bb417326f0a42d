"""F3, F5, F6, F9–F12 as pure decisions: when a source is asked next, and what is remembered of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.model import Source
from digest.core.polling import (
    DAY,
    HOUR,
    Advice,
    Memory,
    after_failure,
    after_move,
    after_not_modified,
    after_odd_answer,
    after_success,
    back_off,
    host_key,
    jitter,
    parse_retry_after,
    warns,
)
from digest.core.states import SourceKind, SourceState

NOW = datetime(2017, 8, 14, 7, 5, tzinfo=UTC)
NONE = Advice()


def memory(**facts: object) -> Memory:
    source = Source(
        id=7, url="http://blog.test/feed", kind=SourceKind.FEED, title="A blog", home=None, zone="UTC", language=None,
        state=SourceState.ACTIVE, interval_minutes=60, next_check=None,
    )  # fmt: skip
    return Memory(source=source, **facts)  # type: ignore[arg-type]


def read(before: Memory, *, now: datetime = NOW, advice: Advice = NONE, etag: str | None = '"1"') -> Memory:
    return after_success(before, etag=etag, last_modified="L1", advice=advice, now=now)


def wait(after: Memory, now: datetime = NOW) -> timedelta:
    assert after.source.next_check is not None
    return after.source.next_check - now


def test_f3_validators_are_replaced_together() -> None:
    after = after_success(read(memory()), etag=None, last_modified="L2", advice=NONE, now=NOW)
    assert (after.etag, after.last_modified) == (None, "L2")


def test_f3_a_304_refreshes_only_whole_generations() -> None:
    held = read(memory())
    part = after_not_modified(held, etag='"2"', last_modified=None, advice=NONE, now=NOW)
    assert (part.etag, part.last_modified) == ('"1"', "L1")
    whole = after_not_modified(held, etag='"2"', last_modified="L2", advice=NONE, now=NOW)
    assert (whole.etag, whole.last_modified) == ('"2"', "L2")
    silent = after_not_modified(held, etag=None, last_modified=None, advice=NONE, now=NOW)
    assert (silent.etag, silent.last_modified) == ('"1"', "L1")


def test_f5_the_interval_has_ten_percent_of_jitter_and_is_the_same_for_the_same_seed() -> None:
    waits = {wait(read(memory(), now=NOW + timedelta(minutes=m)), NOW + timedelta(minutes=m)) for m in range(50)}
    assert all(timedelta(minutes=54) <= w <= timedelta(minutes=66) for w in waits)
    assert len(waits) == 50
    assert wait(read(memory())) == wait(read(memory()))


def test_f5_a_server_without_validators_is_asked_once_a_day() -> None:
    after = after_success(memory(), etag=None, last_modified=None, advice=NONE, now=NOW)
    assert 0.9 * DAY <= wait(after) <= DAY


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (Advice(cache_control="public, max-age=7200"), 2 * HOUR),
        (Advice(cache_control='max-age="10800"'), 3 * HOUR),
        (Advice(expires="Mon, 14 Aug 2017 10:05:00 GMT"), 3 * HOUR),
        (Advice(expires="Mon, 14 Aug 2017 13:00:00 GMT", date="Mon, 14 Aug 2017 08:00:00 GMT"), 5 * HOUR),
        (Advice(ttl=6 * 3600), 6 * HOUR),
        (Advice(retry_after="28800"), 8 * HOUR),
        (Advice(retry_after="Wed, 16 Aug 2017 07:05:00 GMT"), 2 * DAY),
        (Advice(cache_control="max-age=7200", ttl=6 * 3600), 6 * HOUR),
        (Advice(cache_control="max-age=31536000"), DAY),
        (Advice(ttl=10**8), DAY),
        (Advice(retry_after="99999999"), 7 * DAY),
        (Advice(retry_after="9" * 5000), 7 * DAY),
        (Advice(retry_after="0" * 5000 + "28800"), 8 * HOUR),
        (Advice(cache_control="max-age=" + "9" * 5000), DAY),
    ],
)
def test_f6_the_longest_wish_counts_up_to_its_cap(advice: Advice, expected: timedelta) -> None:
    assert wait(read(memory(), advice=advice)) == expected


@pytest.mark.parametrize(
    "advice",
    [
        Advice(expires="0"),
        Advice(expires="-1"),
        Advice(cache_control="no-cache, max-age=0"),
        Advice(cache_control="max-age=soon"),
        Advice(expires="Mon, 14 Aug 2000 10:05:00 GMT"),
        Advice(retry_after="-5"),
        Advice(retry_after="soon"),
        Advice(ttl=1),
    ],
)
def test_f6_nothing_makes_us_come_back_sooner(advice: Advice) -> None:
    assert wait(read(memory(), advice=advice)) == wait(read(memory()))


def test_f9_a_move_is_believed_when_seen_again_a_day_later() -> None:
    target = "https://new.test/feed"
    first = after_move(read(memory()), target=target, now=NOW)
    assert first.source.url == "http://blog.test/feed"
    early = after_move(first, target=target, now=NOW + timedelta(hours=23))
    assert early.source.url == "http://blog.test/feed"
    late = after_move(early, target=target, now=NOW + DAY)
    assert (late.source.url, late.source.id, late.url_history) == (target, 7, ("http://blog.test/feed",))
    assert (late.etag, late.moved_to) == ('"1"', None)


def test_f9_another_target_or_none_starts_over() -> None:
    first = after_move(memory(), target="https://a.test/", now=NOW)
    other = after_move(first, target="https://b.test/", now=NOW + 2 * DAY)
    assert (other.moved_to, other.moved_seen_at) == ("https://b.test/", NOW + 2 * DAY)
    assert after_move(first, target=None, now=NOW + 2 * DAY).moved_to is None


def test_f10_failures_back_off_to_a_day_and_a_success_forgives_all() -> None:
    state, waits = memory(), []
    for _ in range(7):
        state = after_failure(state, problem="down", now=NOW, status=500)
        waits.append(wait(state) / HOUR)
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    assert back_off(10_000) == DAY
    well = read(state)
    assert (well.source.failures, well.source.problem, well.source.failing_since) == (0, None, None)


def test_f10_gone_is_never_asked_again() -> None:
    after = after_failure(memory(), problem="gone", now=NOW, status=410)
    assert (after.source.state, after.source.next_check) == (SourceState.GONE, None)


def test_f10_three_days_warn_once_and_thirty_days_are_dead_then_weekly() -> None:
    state, at, warnings, died = memory(), NOW, [], None
    while died is None:
        before, state = state, after_failure(state, problem="down", now=at)
        if warns(before, state, at):
            warnings.append(at - NOW)
        died = at - NOW if state.source.state is SourceState.DEAD else None
        assert state.source.next_check is not None
        last, at = at, state.source.next_check
    assert len(warnings) == 1
    assert 3 * DAY <= warnings[0] < 4 * DAY
    assert 30 * DAY <= died <= 31 * DAY
    assert at - last == 7 * DAY
    assert read(state, now=at).source.state is SourceState.ACTIVE


@pytest.mark.parametrize("status", [429, 503])
def test_f11_retry_after_is_obeyed_and_missing_means_four_hours(status: int) -> None:
    plain = after_failure(memory(), problem="busy", now=NOW, status=status)
    assert wait(plain) == 4 * HOUR
    asked = after_failure(memory(), problem="busy", now=NOW, status=status, retry_after="90000")
    assert wait(asked) == timedelta(seconds=90000)
    assert asked.not_before == asked.source.next_check
    dated = after_failure(memory(), problem="busy", now=NOW, status=status, retry_after="Mon, 14 Aug 2017 09:05:00 GMT")
    assert wait(dated) == 2 * HOUR


def test_f14_an_odd_answer_forgets_nothing() -> None:
    held = replace(read(memory()), body_hash="h")
    odd = after_odd_answer(held, problem="empty", advice=NONE, now=NOW + HOUR)
    assert (odd.etag, odd.last_modified, odd.body_hash) == ('"1"', "L1", "h")
    assert odd.source.problem == "empty"
    assert wait(odd, NOW + HOUR) < 2 * HOUR


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://anna.blogspot.com/feeds/posts/default", "blogspot.com"),
        ("https://anna.blogspot.co.uk/feeds/posts/default", "blogspot.com"),
        ("https://www.blogger.com/feeds/1/posts/default", "blogger.com"),
        ("https://medium.com/feed/@anna", "medium.com"),
        ("https://anna.medium.com/feed", "medium.com"),
        ("https://anna.substack.com/feed", "substack.com"),
        ("https://anna.tumblr.com/rss", "tumblr.com"),
        ("https://www.youtube.com/feeds/videos.xml?channel_id=x", "youtube.com"),
        ("https://Blog.Test:8080/feed", "blog.test"),
        ("https://notmedium.com/feed", "notmedium.com"),
        ("http://[::1/feed", "http://[::1/feed"),
    ],
)
def test_f12_a_platform_is_one_host(url: str, key: str) -> None:
    assert host_key(url) == key


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_header_breaks_the_arithmetic(text: str) -> None:
    advice = Advice(retry_after=text, cache_control=f"max-age={text}", expires=text, date=text)
    assert timedelta(minutes=54) <= wait(read(memory(), advice=advice)) <= 7 * DAY
    retry = parse_retry_after(text, NOW)
    assert retry is None or timedelta() <= retry <= 7 * DAY


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_jitter_stays_within_ten_percent(seed: str) -> None:
    assert 0.9 <= jitter(seed) <= 1.1
