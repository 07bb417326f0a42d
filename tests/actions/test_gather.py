"""Gather against a scripted server: the F-rules on its request log, each turn across a restart."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests import cast
from tests.actions.polling import claim, memory, poll, setup, stored, titles
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest.actions.check import check_stored
from digest.actions.gather import GatherReport, gather
from digest.core.polling import DAY, HOUR
from digest.core.states import ClaimState
from digest.sources.workshop import Workshop
from digest.store import events, polls
from digest.store.database import Database

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


# ── F1–F4: conditional requests ─────────────────────────────────────────────────────────────────────────────────────


def test_f1_one_unconditional_get_in_the_life_of_a_feed(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(ONE, **{"Last-Modified": "Fri, 11 Aug 2017 10:00:00 GMT"}))
    _, (source,) = setup(database, server.url("/feed"))
    for turn in range(4):
        poll(database, server, now + turn * DAY)
    assert [seen.is_conditional for seen in server.log] == [False, True, True, True]
    assert titles(database, source) == ["One"]


def test_f2_f3_validators_go_back_as_stored_and_are_replaced_together(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    first = feed(ONE, etag='W/"one-gzip"', **{"Last-Modified": "not even a date"})
    second = feed(ONE, TWO, etag=None, **{"Last-Modified": "Sun, 13 Aug 2017 10:00:00 GMT"})
    server.script("/feed", first, second, Answer(304))
    setup(database, server.url("/feed"))
    for turn in range(3):
        poll(database, server, now + turn * DAY)
    sent = [(s.headers.get("if-none-match"), s.headers.get("if-modified-since")) for s in server.log]
    assert sent == [(None, None), ('W/"one-gzip"', "not even a date"), (None, "Sun, 13 Aug 2017 10:00:00 GMT")]


def test_f4_a_document_that_cannot_be_read_leaves_the_old_validators(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    broken = Answer(body=b"<!doctype html><p>Maintenance", headers={"ETag": '"2"', "Content-Type": "text/html"})
    server.script("/feed", feed(ONE), broken, feed(ONE, TWO, etag='"3"'))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    report = poll(database, server, now + DAY)
    assert report.failed[0].problem.endswith("is a web page, not a feed")
    assert memory(database, source).etag == '"1"'
    poll(database, server, now + 2 * DAY)
    assert [seen.headers.get("if-none-match") for seen in server.log] == [None, '"1"', '"1"']
    assert titles(database, source) == ["One", "Two"]


def test_f4_when_the_posts_cannot_be_stored_the_validators_are_not_either(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(ONE), feed(ONE, TWO, etag='"2"'))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON claim BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert "a fault in digest itself" in (poll(database, server, now + DAY).failed[0].problem or "")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert (memory(database, source).etag, titles(database, source)) == ('"1"', ["One"])
    poll(database, server, now + 2 * DAY)
    assert titles(database, source) == ["One", "Two"]
    assert claim(database, stored(database, source)[1].id).state is ClaimState.PENDING


# ── F5, F6: when to come back ───────────────────────────────────────────────────────────────────────────────────────


def test_f5_a_restart_asks_nothing_before_the_interval_is_over(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    for minutes in (0, 0, 1, 30, 53):
        poll(database, server, now + timedelta(minutes=minutes))
    assert len(server.log) == 1
    poll(database, server, now + timedelta(minutes=67))
    assert len(server.log) == 2
    assert (
        timedelta(minutes=54)
        < memory(database, source).source.next_check - now - timedelta(minutes=67)
        < timedelta(minutes=67)
    )


@pytest.mark.parametrize("header", [{"Cache-Control": "max-age=21600"}, {"Retry-After": "21600"}])
def test_f6_a_longer_wish_of_the_server_is_kept_across_restarts(
    database: Database, server: ScriptedServer, now: datetime, header: dict[str, str]
) -> None:
    server.script("/feed", feed(ONE, **header))
    setup(database, server.url("/feed"))
    for hours in (0, 2, 5, 7):
        poll(database, server, now + hours * HOUR)
    assert len(server.log) == 2


# ── F14, F16, F17, P12 ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer", [Answer(body=b""), Answer(body=b"  \n"), Answer(body=atom(), headers={"ETag": '"9"'})]
)
def test_f14_an_empty_answer_forgets_nothing(
    database: Database, server: ScriptedServer, now: datetime, answer: Answer
) -> None:
    server.script("/feed", feed(ONE), answer, feed(ONE, TWO, etag='"3"'))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    assert poll(database, server, now + DAY).failed
    assert (titles(database, source), memory(database, source).etag) == (["One"], '"1"')
    poll(database, server, now + 2 * DAY)
    assert titles(database, source) == ["One", "Two"]
    assert memory(database, source).source.problem is None


def test_f16_the_same_body_again_counts_as_unchanged(database: Database, server: ScriptedServer, now: datetime) -> None:
    same = Answer(body=atom(ONE), headers={"ETag": '"a"'})
    server.script("/feed", same, Answer(body=atom(ONE), headers={"ETag": '"b"'}))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    assert poll(database, server, now + DAY).polled[0].unchanged
    assert memory(database, source).etag == '"b"'


def test_f16_the_last_two_bodies_are_kept(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(ONE), feed(TWO, ONE, etag='"2"'), feed(THREE, TWO, ONE, etag='"3"'))
    _, (source,) = setup(database, server.url("/feed"))
    for turn in range(3):
        poll(database, server, now + turn * DAY)
    with database.read() as session:
        assert polls.last_bodies(session, source) == (atom(TWO, ONE), atom(THREE, TWO, ONE))
    asked = len(server.log)
    assert [post.card.title for post in asyncio.run(check_stored(database, str(source))).posts] == [
        "Three",
        "Two",
        "One",
    ]
    assert len(server.log) == asked


def test_f17_one_request_serves_two_newsletters(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    with database.write() as session:
        other = cast.add_newsletter(session, "daily")
        cast.add_cadence(session, other, "daily", rule="daily at 00:00")
        session.add(cast.tables.NewsletterSourceRow(newsletter_id=other, source_id=source, added_at=now))
    poll(database, server, now)
    assert len(server.log) == 1
    assert titles(database, source) == ["One"]


def test_p12_pages_are_followed_while_they_bring_news_and_four_at_most(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    def page(number: int, *posts: tuple[str, str, str]) -> Answer:
        link = f'<link rel="next" href="/feed?page={number + 1}"/>'
        body = atom(*posts).replace(b"<updated>2017-08-13", link.encode() + b"<updated>2017-08-13", 1)
        return Answer(body=body, headers={"ETag": f'"{posts[0][0]}"'}, conditional=True)

    def post(day: int) -> tuple[str, str, str]:
        return (f"tag:blog.test,2017:p{day}", f"Post {day}", f"2017-07-{day:02}T10:00:00Z")

    server.script("/feed", page(1, post(20), post(19)), page(1, post(22), post(21)))
    for number in range(2, 9):
        server.script(f"/feed?page={number}", page(number, post(22 - 2 * number), post(21 - 2 * number)))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    assert server.paths() == ["/feed", "/feed?page=2", "/feed?page=3", "/feed?page=4"]
    assert len(titles(database, source)) == 8
    server.script("/feed?page=2", page(2, post(20), post(19)))
    poll(database, server, now + DAY)
    assert server.paths()[4:] == ["/feed", "/feed?page=2"]
    assert sorted(titles(database, source))[-2:] == ["Post 21", "Post 22"]


def test_p12_a_page_that_fails_fails_the_poll_so_that_nothing_is_lost(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    body = atom(TWO).replace(b"<updated>2017-08-13T0", b'<link rel="next" href="/2"/><updated>2017-08-13T0', 1)
    server.script("/feed", Answer(body=body, headers={"ETag": '"1"'}, conditional=True))
    server.script("/2", Answer(500), feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    assert poll(database, server, now).failed
    assert (titles(database, source), memory(database, source).etag) == ([], None)
    assert not poll(database, server, now + DAY).failed
    assert titles(database, source) == ["Two", "One"]


def test_a_304_that_nobody_asked_for_is_no_first_look(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", Answer(304), feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    assert "nothing was read" in (poll(database, server, now).failed[0].problem or "")
    assert memory(database, source).is_first_look
    assert poll(database, server, now + DAY).new == 1


# ── the rest of the world ───────────────────────────────────────────────────────────────────────────────────────────


def test_one_bad_source_never_stops_the_rest(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/good", feed(ONE))
    server.script("/page", Answer(body=b"<!doctype html><title>x</title>"))
    server.script("/loop", Answer(302, headers={"Location": "/loop"}))
    server.script("/huge", Answer(body=b"x" * (20 << 20)))
    server.script("/br", Answer(body=b"x", headers={"Content-Encoding": "br"}))
    server.script("/inside", Answer(302, headers={"Location": "http://10.0.0.1/"}))
    urls = [server.url(p) for p in ("/page", "/loop", "/huge", "/br", "/inside")]
    dead, good = server.url("/x", host="nowhere.test"), server.url("/good")
    _, sources = setup(database, *urls, dead, "file:///etc/passwd", good)
    report = poll(database, server, now)
    assert {one.source_id for one in report.failed} == set(sources[:-1])
    assert all(one.problem and one.next_step for one in report.failed)
    assert titles(database, sources[-1]) == ["One"]
    assert memory(database, sources[-2]).source.problem == "file:/etc/passwd is not fetched: only http and https are"


def test_a_paused_source_and_one_that_nobody_reads_are_left_alone(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(ONE))
    _, (source,) = setup(database, server.url("/feed"), state="paused")
    with database.write() as session:
        cast.add_source(session, url=server.url("/nobody"))
    poll(database, server, now, force=True)
    assert server.log == []
    assert stored(database, source) == ()


def test_two_processes_do_not_poll_one_source_at_once(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    _, (source,) = setup(database, server.url("/feed"))
    held = memory(database, source)
    with database.write() as session:
        assert polls.take_lease(session, held, at=now)
    with database.write() as session:
        assert not polls.take_lease(session, held, at=now + timedelta(minutes=9))
    assert poll(database, server, now).polled == ()
    assert server.log == []
    server.script("/feed", feed(ONE))
    assert poll(database, server, now + timedelta(minutes=11)).new == 1


def test_a_forced_poll_is_conditional_and_happens_once_a_turn(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(ONE))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    poll(database, server, now, force=True, only=[source])
    assert len(server.log) == 1
    poll(database, server, now + timedelta(minutes=5), force=True, only=[source])
    assert [seen.is_conditional for seen in server.log] == [False, True]


def test_a_cutoff_poll_ends_at_its_limit_and_names_what_it_left(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/first", feed(THREE))
    server.script("/slow", Answer(body=b"x", stall=60))
    server.script("/feed", feed(ONE))
    _, (first, *_rest) = setup(
        database, server.url("/first", host="first.test"), server.url("/slow", host="slow.test"), server.url("/feed")
    )

    async def cutoff() -> GatherReport:
        async with Workshop() as workshop:
            fetcher = server.fetcher()
            # The worker is up before the limit runs: its start alone may take a second on a busy machine.
            await gather(database, fetcher=fetcher, now=now, only=[first], workshop=workshop)
            return await gather(
                database, fetcher=fetcher, now=now, force=True, within=timedelta(seconds=2), workshop=workshop
            )

    report = asyncio.run(cutoff())
    assert report.unfinished == (server.url("/slow", host="slow.test"),)
    assert report.new == 1
    server.script("/slow", feed(TWO))
    assert poll(database, server, now + timedelta(seconds=1)).new == 1


def test_files_and_folders_are_read_in_every_turn(
    database: Database, server: ScriptedServer, now: datetime, tmp_path
) -> None:
    file, folder = tmp_path / "blog.atom", tmp_path / "notes"
    file.write_bytes(atom(ONE))
    folder.mkdir()
    (folder / "a.md").write_text("---\ntitle: Mine\ndate: 2017-08-12\n---\nWords of mine.\n", encoding="utf-8")
    people, (one,) = setup(database, str(file), kind="file")
    with database.write() as session:
        two = cast.add_source(session, people.newsletter, url=str(folder), kind="folder")
    assert poll(database, server, now).new == 2
    file.write_bytes(atom(TWO, ONE))
    report = poll(database, server, now + timedelta(minutes=1))
    assert report.new == 1
    assert (titles(database, one), titles(database, two)) == (["One", "Two"], ["Mine"])
    assert poll(database, server, now + timedelta(minutes=2)).polled == ()
    (folder / "b.md").write_text("---\ntitle: [\n---\n", encoding="utf-8")
    (broken,) = poll(database, server, now + timedelta(minutes=3)).failed
    assert "b.md" in (broken.problem or "")
    file.unlink()
    assert "cannot be read" in (poll(database, server, now + timedelta(minutes=4)).failed[0].problem or "")
