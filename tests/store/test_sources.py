"""Sources, polls and posts in both databases."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests import cast

from digest.core.matching import Known
from digest.core.model import Card, ParsedPost
from digest.core.polling import Advice, after_failure, after_success
from digest.core.states import SourceKind, SourceState
from digest.errors import Conflict, NotFound
from digest.store import polls, posts, sources
from digest.store.database import Database

URL = "https://blog.test/feed"


def parsed(key: str, *other_keys: str, at: datetime | None = None, title: str = "A title", **facts) -> ParsedPost:
    card = Card(title=title, link=f"https://blog.test/{key}")
    return ParsedPost(guid=key, key=key, other_keys=other_keys, card=card, published=at, body_hash=title, **facts)


def test_a_source_is_stored_found_and_changed(database: Database, now: datetime) -> None:
    with database.write() as session:
        newsletter = cast.assemble(session).newsletter
        one = sources.add_source(session, url=URL, kind=SourceKind.FEED, title="Blog", now=now)
        two = sources.add_source(session, url="https://other.test/feed", title="Blog", now=now)
        assert sources.add_reading(session, newsletter_id=newsletter, source_id=one.id, now=now, quota=3)
        assert not sources.add_reading(session, newsletter_id=newsletter, source_id=one.id, now=now)
    with database.write() as session:
        assert sources.get_source(session, str(one.id)) == sources.get_source(session, URL) == one
        with pytest.raises(Conflict, match="2 sources"):
            sources.get_source(session, "blog")
        with pytest.raises(NotFound):
            sources.get_source(session, "nothing like it")
        with pytest.raises(Conflict):
            sources.update_source(session, two.id, url=URL)
        assert sources.list_sources(session) == (one,)
        assert sources.list_sources(session, read_only=False) == (one, two)
        assert [(r.slug, r.quota) for r in sources.list_readings(session)] == [("weekly", 3)]
        assert sources.update_reading(session, newsletter_id=newsletter, source_id=one.id, quota=None)
        assert sources.remove_reading(session, newsletter_id=newsletter, source_id=one.id)
        assert not sources.remove_reading(session, newsletter_id=newsletter, source_id=one.id)


def test_a_poll_keeps_what_an_admin_changed_meanwhile(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
    with database.read() as session:
        before = polls.get_memory(session, source.id)
    after = after_success(before, etag='"1"', last_modified="L", advice=Advice(), now=now)
    with database.write() as session:
        sources.update_source(session, source.id, title="Mine", state=str(SourceState.PAUSED), interval_minutes=90)
    with database.write() as session:
        assert polls.save_memory(session, before, after)
    with database.read() as session:
        kept = polls.get_memory(session, source.id)
    assert (kept.etag, kept.last_modified, kept.source.last_success) == ('"1"', "L", now)
    assert (kept.source.title, kept.source.state, kept.source.interval_minutes) == ("Mine", SourceState.PAUSED, 90)


def test_a_poll_of_a_former_address_is_not_recorded(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        before = polls.get_memory(session, source.id)
        sources.update_source(session, source.id, url="https://new.test/feed")
        after = after_success(before, etag='"old"', last_modified=None, advice=Advice(), now=now)
        assert not polls.save_memory(session, before, after)
        assert polls.get_memory(session, source.id).etag is None


def test_failures_and_moves_come_back_as_they_were_stored(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        before = polls.get_memory(session, source.id)
        failed = after_failure(before, problem="busy", now=now, status=429, retry_after="60")
        moved = replace(failed, moved_to="https://b.test/", moved_seen_at=now, url_history=("https://a.test/",))
        polls.save_memory(session, before, moved)
        assert polls.get_memory(session, source.id) == moved


def test_what_is_due_is_what_is_read_active_and_has_waited(database: Database, now: datetime) -> None:
    with database.write() as session:
        reader = cast.assemble(session).newsletter
        later = now + timedelta(hours=1)
        fields = [{}, {"next_check": now}, {"next_check": later}, {"state": "paused"}, {"state": "gone"},
                  {"state": "dead"}, {"not_before": later}, {"kind": "folder", "next_check": later}]  # fmt: skip
        ids = [cast.add_source(session, reader, url=f"https://b.test/{n}", **f) for n, f in enumerate(fields)]
        cast.add_source(session, url="https://b.test/unread")
    with database.read() as session:
        due = {memory.source.id for memory in polls.due_sources(session, now=now)}
        forced = {memory.source.id for memory in polls.due_sources(session, now=now, force=True, only=ids[:3])}
    assert due == {ids[0], ids[1], ids[5], ids[7]}
    assert forced == {ids[0], ids[1], ids[2]}


def test_what_a_clock_that_was_ahead_has_left_behind_holds_up_nothing(database: Database, now: datetime) -> None:
    wrong = now + timedelta(days=365)
    with database.write() as session:
        reader = cast.assemble(session).newsletter
        left = {"last_check": wrong, "next_check": wrong + timedelta(hours=1), "not_before": wrong,
                "polling_until": wrong + polls.LEASE}  # fmt: skip
        source = cast.add_source(session, reader, url=URL, **left)
        for url in (URL, f"{URL}/2"):
            polls.note_refusal(session, "a.test", url=url, until=wrong + timedelta(hours=4), now=wrong)
    with database.write() as session:
        assert polls.resting_hosts(session, now=now) == {}
        (memory,) = polls.due_sources(session, now=now, force=True, only=[source])
        assert polls.due_sources(session, now=now) == (memory,)
        assert polls.take_lease(session, memory, at=now)
        assert not polls.take_lease(session, memory, at=now)
        after = after_success(memory, etag=None, last_modified=None, advice=Advice(), now=now)
        assert polls.save_memory(session, memory, after)
        assert polls.due_sources(session, now=now) == ()


def test_a_lease_is_for_one_process_and_runs_out(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        memory = polls.get_memory(session, source.id)
        assert polls.take_lease(session, memory, at=now)
        assert not polls.take_lease(session, memory, at=now)
        assert polls.take_lease(session, memory, at=now + polls.LEASE)
        polls.release_leases(session, [source.id])
        assert polls.take_lease(session, memory, at=now)
        after = after_success(memory, etag=None, last_modified=None, advice=Advice(), now=now)
        polls.save_memory(session, memory, after)
        assert not polls.take_lease(session, memory, at=now), "another process has just polled it"


def test_f11_a_host_rests_from_its_second_refusal(database: Database, now: datetime) -> None:
    until = now + timedelta(hours=4)
    with database.write() as session:
        assert not polls.note_refusal(session, "b.test", url="https://b.test/1", until=until, now=now)
        assert not polls.note_refusal(session, "b.test", url="https://b.test/1", until=until, now=now)
        assert polls.resting_hosts(session, now=now) == {}
        polls.forget_refusal(session, "b.test", url="https://b.test/1")
        assert not polls.note_refusal(session, "b.test", url="https://b.test/2", until=until, now=now)
        assert polls.note_refusal(session, "b.test", url="https://b.test/3", until=until, now=now)
        assert polls.resting_hosts(session, now=now) == {"b.test": until}
        assert polls.resting_hosts(session, now=until) == {}


def test_f16_the_last_two_bodies_stay(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        for body in (b"one", b"two", b"three"):
            polls.keep_body(session, source.id, body, content_type=None, now=now)
        assert polls.last_bodies(session, source.id) == (b"two", b"three")


def test_s3_effective_at_is_fixed_at_first_sight(database: Database, now: datetime) -> None:
    soon, far = now + timedelta(days=3), now + timedelta(days=15)
    document = [parsed("dated", at=now - timedelta(days=2)), parsed("undated"), parsed("ahead", at=soon),
                parsed("too far", at=far), parsed("updated", updated=now - timedelta(days=1))]  # fmt: skip
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        added = posts.add_posts(session, source.id, document, positions=range(5), now=now)
        ages = {post.key: post.effective_at - now for post in added}
        assert tuple(posts.get_post(session, post.id) for post in added) == added
        posts.edit_post(session, added[0].id, parsed("dated", at=soon, title="Renamed"))
        edited = posts.get_post(session, added[0].id)
    days = {key: age / timedelta(days=1) for key, age in ages.items()}
    assert days == {"dated": -2, "undated": 0, "ahead": 3, "too far": 0, "updated": -1}
    assert edited is not None
    assert (edited.card.title, edited.effective_at, edited.published) == (
        "Renamed",
        added[0].effective_at,
        added[0].published,
    )


def test_posts_are_found_by_any_key_they_were_seen_under(database: Database, now: datetime) -> None:
    with database.write() as session:
        source = sources.add_source(session, url=URL, now=now)
        other = sources.add_source(session, url="https://other.test/", now=now)
        (one,) = posts.add_posts(session, source.id, [parsed("a", "link:1", at=now)], positions=[0], now=now)
        posts.add_keys(session, source.id, one.id, ["b", "b", "link:1"])
        expected = Known(
            id=one.id, keys=frozenset({"a", "b", "link:1"}), title="A title", published=now, body_hash="A title"
        )
        for key in ("a", "b"):
            assert posts.find_known(session, source.id, [parsed(key)]) == (expected,)
        assert posts.find_known(session, source.id, [parsed("x", "link:1")]) == (expected,)
        assert posts.find_known(session, other.id, [parsed("a")]) == ()
        assert posts.find_namesakes(session, source.id, [parsed("x")]) == (expected,)
        assert posts.count_posts(session) == {source.id: 1}
