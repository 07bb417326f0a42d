"""Recognising posts: by key, by another key with likeness, and as a whole where a feed changed its keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.matching import Known, is_flood, match_posts, oldest, taken_down
from digest.core.model import Card, ParsedPost

DAY = datetime(2017, 8, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def post(key: str, *other_keys: str, title: str | None = None, day: int | None = 0) -> ParsedPost:
    at = DAY + timedelta(days=day) if day is not None else None
    return ParsedPost(guid=key, key=key, other_keys=other_keys, card=Card(title=title or f"Title {key}"), published=at)


def known(number: int, *keys: str, title: str | None = None, day: int | None = 0) -> Known:
    at = DAY + timedelta(days=day) if day is not None else None
    return Known(id=number, keys=frozenset(keys), title=title or f"Title {keys[0]}", published=at, body_hash="")


def test_the_same_key_is_the_same_post_whatever_else_changed() -> None:
    done = match_posts([post("a", title="Renamed", day=300)], [known(1, "a")])
    assert [one.id for _, one in done.known] == [1]
    assert done.new == ()


def test_a_changed_id_with_the_same_link_and_title_is_the_same_post() -> None:
    done = match_posts([post("https://a", "id:a", title="One", day=9)], [known(1, "http://a", "id:a", title="One")])
    assert ([one.id for _, one in done.known], done.rekeyed) == ([1], 1)


def test_a_changed_id_with_the_same_link_and_date_is_the_same_post() -> None:
    done = match_posts([post("b", "link", title="Now renamed")], [known(1, "a", "link")])
    assert done.rekeyed == 1


def test_items_that_share_a_link_are_different_posts() -> None:
    """A changelog whose items all lead to one page loses none of them."""
    stored = [known(1, "v1", "link:changes", title="Version 1")]
    done = match_posts([post("v2", "link:changes", title="Version 2", day=7)], stored)
    assert [one.key for one in done.new] == ["v2"]
    both = match_posts([post("v2", "link:changes"), post("v1", "link:changes")], stored)
    assert ([p.key for p in both.new], [p.key for p, _ in both.known]) == (["v2"], ["v1"])


def test_two_that_could_both_be_a_stored_post_are_neither() -> None:
    done = match_posts([post("b", "link"), post("c", "link")], [known(1, "a", "link")])
    assert [one.key for one in done.new] == ["b", "c"]


def test_s8_a_feed_that_changed_all_its_keys_is_rekeyed_silently() -> None:
    stored = [known(n, f"old{n}", title=f"Post {n}", day=n) for n in range(20)]
    document = [post(f"new{n}", title=f"Post {n}", day=n) for n in range(20)] + [post("really new", day=30)]
    done = match_posts(document, [], namesakes=stored)
    assert ([p.key for p in done.new], done.rekeyed, done.suspicious) == (["really new"], 20, False)


def test_s8_titles_alone_do_not_rekey_what_was_published_on_other_days() -> None:
    stored = [known(n, f"old{n}", title="Daily links", day=n) for n in range(20)]
    document = [post(f"new{n}", title="Daily links", day=100 + n) for n in range(20)]
    done = match_posts(document, [], namesakes=stored)
    assert (len(done.new), done.suspicious) == (20, True)


def test_s8_a_few_new_posts_are_never_rekeyed_by_title() -> None:
    document = [post(f"new{n}", title=f"Post {n}") for n in range(5)]
    done = match_posts(document, [], namesakes=[known(n, f"old{n}", title=f"Post {n}") for n in range(5)])
    assert len(done.new) == 5


def test_s8_a_flood_is_more_than_three_times_the_most_per_poll() -> None:
    burst = match_posts([post(f"n{n}") for n in range(20)], [])
    assert is_flood(burst, most_per_poll=2, interval=HOUR, since_last=HOUR)
    assert not is_flood(burst, most_per_poll=7, interval=HOUR, since_last=HOUR)
    few = match_posts([post(f"n{n}") for n in range(10)], [])
    assert not is_flood(few, most_per_poll=0, interval=HOUR, since_last=HOUR)


def test_s8_an_outage_of_ours_is_no_flood() -> None:
    burst = match_posts([post(f"n{n}") for n in range(20)], [])
    assert not is_flood(burst, most_per_poll=1, interval=HOUR, since_last=7 * 24 * HOUR)


def test_s10_falling_off_the_end_is_no_removal() -> None:
    document = [post("c", day=3), post("b", day=2)]
    waiting = {1: DAY + timedelta(days=1), 2: DAY + timedelta(days=2.5)}
    assert taken_down(document, waiting) == (2,)
    assert taken_down([], waiting) == ()


def test_the_oldest_post_is_by_date_and_the_last_one_where_none_has_a_date() -> None:
    assert oldest([post("a", day=3), post("b", day=1), post("c", day=2)]).key == "b"  # type: ignore[union-attr]
    assert oldest([post("a", day=None), post("b", day=None)]).key == "b"  # type: ignore[union-attr]
    assert oldest([]) is None


KEYS = st.integers(0, 8).map(str)
POSTS = st.builds(
    lambda key, others, title, day: post(key, *others, title=title, day=day),
    KEYS,
    st.lists(KEYS.map("o".__add__), max_size=2),
    st.sampled_from("ABC"),
    st.integers(0, 3) | st.none(),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(POSTS, max_size=14, unique_by=lambda p: p.key), st.lists(POSTS, max_size=8, unique_by=lambda p: p.key))
def test_every_post_is_known_or_new_and_no_stored_post_is_two(
    document: list[ParsedPost], before: list[ParsedPost]
) -> None:
    stored = [
        replace(known(n, p.key, *p.other_keys, title=p.card.title), published=p.published) for n, p in enumerate(before)
    ]
    taken: set[str] = set()
    distinct = []
    for one in stored:  # the store holds each key once
        distinct.append(replace(one, keys=one.keys - taken))
        taken |= one.keys
    done = match_posts(document, distinct, namesakes=distinct)
    assert sorted(p.key for p in [*done.new, *(p for p, _ in done.known)]) == sorted(p.key for p in document)
    by_likeness = [one.id for p, one in done.known if p.key not in one.keys]
    assert len(by_likeness) == len(set(by_likeness))
    again = match_posts(document, [replace(o, keys=o.keys | {p.key}) for p, o in done.known])
    assert {p.key for p, _ in done.known} <= {p.key for p, _ in again.known}
