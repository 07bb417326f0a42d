"""Gather against a scripted server: moves, failures and the wishes of servers (docs/fetching.md F9–F11)."""

from datetime import datetime, timedelta

import pytest
from tests.actions.polling import memory, poll, setup, titles
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest.core.polling import DAY, HOUR
from digest.core.states import SourceState
from digest.store import events
from digest.store.database import Database
from digest.store.tables import SourceRow

ONE = ("tag:blog.test,2017:one", "One", "2017-08-11T10:00:00Z")
TWO = ("tag:blog.test,2017:two", "Two", "2017-08-13T10:00:00Z")
THREE = ("tag:blog.test,2017:three", "Three", "2017-08-14T09:00:00Z")


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def feed(*posts: tuple[str, str, str], etag: str | None = '"1"', **headers: str) -> Answer:
    given = {"Content-Type": ATOM, **({"ETag": etag} if etag else {})}
    return Answer(body=atom(*posts), headers=given | headers, conditional=True)


def kinds(database: Database) -> list[str]:
    with database.read() as session:
        return [event.kind for event in events.list_events(session) if event.kind.split(".")[0] in {"source", "host"}]


# ── F9–F11: moves, failures, wishes ─────────────────────────────────────────────────────────────────────────────────


def test_f9_a_permanent_move_is_stored_when_seen_again_a_day_later(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/old", Answer(301, headers={"Location": "/new"}))
    server.script("/new", feed(ONE))
    _, (source,) = setup(database, server.url("/old"))
    for hours in (0, 6, 25, 30):
        poll(database, server, now + hours * HOUR)
    assert server.paths() == ["/old", "/new"] * 3 + ["/new"]
    after = memory(database, source)
    assert (after.source.url, after.url_history) == (server.url("/new"), (server.url("/old"),))
    assert [seen.is_conditional for seen in server.log if seen.path == "/new"] == [False, True, True, True]
    assert titles(database, source) == ["One"]


def test_f9_a_temporary_redirect_is_never_stored(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/old", Answer(301, headers={"Location": "/hop"}))
    server.script("/hop", Answer(307, headers={"Location": "/new"}))
    server.script("/new", feed(ONE))
    _, (source,) = setup(database, server.url("/old"))
    for hours in (0, 25, 50):
        poll(database, server, now + hours * HOUR)
    assert memory(database, source).source.url == server.url("/old")


def test_f10_gone_is_told_and_never_asked_again(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(ONE), Answer(410))
    _, (source,) = setup(database, server.url("/feed"))
    for days in (0, 1, 2, 40):
        report = poll(database, server, now + days * DAY, force=True)
    assert len(server.log) == 2
    assert memory(database, source).source.state is SourceState.GONE
    assert "source.gone" in kinds(database)
    assert titles(database, source) == ["One"]
    assert report.polled == ()


def test_f10_failures_back_off_across_restarts_and_recovery_is_told(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", Answer(500), Answer(404), Answer(403), feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    asked = []
    for half_hours in range(20):
        before = len(server.log)
        poll(database, server, now + half_hours * HOUR / 2 + timedelta(seconds=half_hours * 5))
        if len(server.log) > before:
            asked.append(half_hours / 2)
    assert asked[:4] == [0, 1, 3, 7]
    assert kinds(database)[:4] == ["source.failed"] * 3 + ["source.recovered"]
    assert memory(database, source).source.problem is None


def test_f11_retry_after_keeps_even_a_forced_poll_away(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", Answer(429, headers={"Retry-After": "7200"}), feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    for minutes in (0, 60, 119):
        poll(database, server, now + timedelta(minutes=minutes), force=True, only=[source])
    assert len(server.log) == 1
    poll(database, server, now + timedelta(minutes=121), force=True, only=[source])
    assert len(server.log) == 2


def test_f11_two_urls_that_answer_429_rest_the_whole_host(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/a", Answer(429))
    server.script("/b", Answer(429))
    server.script("/c", feed(ONE))
    _, (_, _, c) = setup(database, *(server.url(path) for path in ("/a", "/b", "/c")))
    with database.write() as session:
        session.get(SourceRow, c).next_check = now + HOUR
    poll(database, server, now)
    assert sorted(server.paths()) == ["/a", "/b"]
    report = poll(database, server, now + 2 * HOUR)
    assert report.waiting == (server.url("/c"),)
    assert len(server.log) == 2
    assert "host.rests" in kinds(database)
    poll(database, server, now + 5 * HOUR, only=[c])
    assert server.paths()[2:] == ["/c"]


def test_f11_one_url_that_answers_429_rests_alone(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/a", Answer(429))
    server.script("/c", feed(ONE))
    setup(database, server.url("/a"), server.url("/c"))
    poll(database, server, now)
    poll(database, server, now + 2 * HOUR)
    assert sorted(server.paths()) == ["/a", "/c", "/c"]


def test_f12_a_restart_does_not_shorten_the_pause(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/a", feed(ONE))
    server.script("/b", feed(TWO))
    _, (a, b) = setup(database, server.url("/a"), server.url("/b"))
    poll(database, server, now, only=[a])
    poll(database, server, now + timedelta(seconds=0.1), only=[b], gap=0.7)
    first, second = server.log
    assert second.started - first.ended > 0.4


def test_f13_the_user_agent_tells_how_many_read_it(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(ONE))
    setup(database, server.url("/feed"))
    for turn in range(2):
        poll(database, server, now + turn * DAY)
    assert all(seen.headers["user-agent"].endswith("; 2 subscribers)") for seen in server.log)
    assert not any({"cookie", "referer"} & set(seen.headers) for seen in server.log)
