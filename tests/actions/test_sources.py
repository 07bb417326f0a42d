"""Adding, editing and removing sources: what is asked of the web, and what becomes of the posts."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.actions.polling import claim, memory, poll, stored, titles
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest.actions.sources import (
    Added,
    add_source,
    edit_source,
    export_sources,
    import_sources,
    pause_source,
    remove_source,
    resume_source,
)
from digest.core.polling import DAY
from digest.core.states import ClaimState, SourceKind, SourceState
from digest.errors import Conflict, FetchError, NotAFeed, NotFound, RefusedAddress, UsageError
from digest.sources.opml import Outline, read_opml, write_opml
from digest.store.database import Database
from digest.store.sources import list_sources

OLD = ("tag:blog.test,2017:old", "Old", "2017-07-01T10:00:00Z")
ONE = ("tag:blog.test,2017:one", "One", "2017-08-14T10:00:00Z")
NEXT_DAY = datetime.fromisoformat("2017-08-15T07:05:00+00:00")


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    with sqlite_database.write() as session:
        cast.assemble(session)
    return sqlite_database


def add(database: Database, server: ScriptedServer, where: str, **options) -> Added:
    return asyncio.run(add_source(database, where, fetcher=server.fetcher(), now=NEXT_DAY, **options))


def feed(*posts: tuple[str, str, str]) -> Answer:
    return Answer(body=atom(*posts), headers={"Content-Type": ATOM, "ETag": '"1"'}, conditional=True)


def page(head: str = "") -> Answer:
    return Answer(body=f"<!doctype html><head>{head}</head><p>Hello".encode(), headers={"Content-Type": "text/html"})


def test_adding_a_feed_stores_its_posts_and_f1_holds(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(ONE, OLD))
    added = add(database, server, server.url("/feed"))
    assert (added.is_new, added.posts, added.source.title, added.newsletter) == (True, 2, "A blog", "weekly")
    one, old = stored(database, added.source.id)
    assert claim(database, one.id).state is ClaimState.PENDING
    assert claim(database, old.id).state is ClaimState.BASELINE
    poll(database, server, NEXT_DAY + DAY)
    assert [seen.is_conditional for seen in server.log] == [False, True]


def test_a_home_page_leads_to_the_feed_that_it_announces(database: Database, server: ScriptedServer) -> None:
    links = (
        '<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed">'
        '<link rel="alternate" type="application/atom+xml" href="/posts.atom">'
    )
    server.script("/", page(links))
    server.script("/posts.atom", feed(ONE))
    added = add(database, server, server.url("/"))
    assert (added.source.url, added.source.home) == (server.url("/posts.atom"), server.url("/"))
    assert server.paths() == ["/", "/posts.atom"]


def test_a_page_that_announces_nothing_is_searched_with_eight_requests_at_most(
    database: Database, server: ScriptedServer
) -> None:
    server.script("/", page())
    server.script("/feed.xml", feed(ONE))
    assert add(database, server, server.url("/")).source.url == server.url("/feed.xml")
    server.script("/feed.xml", Answer(404))
    before = len(server.log)
    with pytest.raises(NotAFeed, match="no feed was found") as caught:
        add(database, server, server.url("/", host="other.test"))
    assert len(server.log) - before == 8
    assert caught.value.next_step


def test_a_home_page_over_a_mebibyte_is_searched_by_its_beginning(database: Database, server: ScriptedServer) -> None:
    link = b'<!doctype html><link rel="alternate" type="application/atom+xml" href="/posts.atom">'
    html = {"Content-Type": "text/html; charset=utf-8"}
    server.script("/", Answer(body=link + b"<p>Hello</p>" * 120_000, headers=html))
    server.script("/large", Answer(body=b"<!doctype html>" + b"<p>Hello</p>" * 120_000, headers=html))
    server.script("/posts.atom", feed(ONE))
    added = add(database, server, server.url("/"))
    assert (added.source.url, added.source.home) == (server.url("/posts.atom"), server.url("/"))
    server.script("/large/feed/", feed(ONE))
    assert add(database, server, server.url("/large")).source.url == server.url("/large/feed/")


def test_a_page_that_became_too_large_is_told_to_be_a_page(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(ONE), Answer(body=b"<p>x</p>" * 200_000, headers={"Content-Type": "text/html"}))
    add(database, server, server.url("/feed"))
    (failed,) = poll(database, server, NEXT_DAY + DAY).failed
    assert failed.problem == f"{server.url('/feed')} is larger than 1 MiB, and a web page"
    assert "give the address of the feed itself" in (failed.next_step or "")


def test_an_announced_feed_that_does_not_parse_is_passed_over(database: Database, server: ScriptedServer) -> None:
    links = "".join(f'<link rel="alternate" type="application/atom+xml" href="/{n}.atom">' for n in range(3))
    server.script("/", page(links))
    server.script("/0.atom", page())
    server.script("/1.atom", Answer(body=b""))
    server.script("/2.atom", feed(ONE))
    assert add(database, server, server.url("/")).source.url == server.url("/2.atom")


def test_a_permanent_redirect_is_stored_as_where_it_leads(database: Database, server: ScriptedServer) -> None:
    server.script("/old", Answer(301, headers={"Location": "/feed"}))
    server.script("/feed", feed(ONE))
    assert add(database, server, server.url("/old")).source.url == server.url("/feed")


@pytest.mark.parametrize(
    ("where", "error"),
    [("http://nowhere.test:{port}/", FetchError), ("http://blog.test:{port}/none", FetchError),
     ("http://10.0.0.1:{port}/", RefusedAddress), ("file:///etc/passwd", RefusedAddress)],
)  # fmt: skip
def test_what_cannot_be_fetched_stores_nothing(
    database: Database, server: ScriptedServer, where: str, error: type[Exception]
) -> None:
    fetcher = server.fetcher(hosts={"10.0.0.1": ["10.0.0.1"]})
    with pytest.raises(error):
        asyncio.run(add_source(database, where.format(port=server.port), fetcher=fetcher, now=NEXT_DAY))
    with database.read() as session:
        assert list_sources(session, read_only=False) == ()


def test_a_second_newsletter_reads_a_source_without_another_request(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(ONE, OLD))
    add(database, server, server.url("/feed"))
    with database.write() as session:
        cast.add_cadence(session, cast.add_newsletter(session, "daily"), "daily", rule="daily at 00:00")
    with pytest.raises(UsageError, match="there are 2 newsletters: weekly, daily"):
        add(database, server, server.url("/feed"))
    added = add(database, server, server.url("/feed"), newsletter="daily")
    assert (added.is_new, len(server.log)) == (False, 1)
    with pytest.raises(Conflict, match="daily reads"):
        add(database, server, server.url("/feed"), newsletter="daily")


def test_the_last_posts_are_included_when_asked_for(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(OLD))
    added = add(database, server, server.url("/feed"), include_last=1)
    (old,) = stored(database, added.source.id)
    assert claim(database, old.id).state is ClaimState.PENDING


def test_a_removed_source_keeps_its_keys_and_comes_back_without_repeating(
    database: Database, server: ScriptedServer
) -> None:
    server.script("/feed", feed(ONE, OLD))
    added = add(database, server, server.url("/feed"))
    source, excluded = remove_source(database, "A blog", now=NEXT_DAY)
    assert (source.id, excluded) == (added.source.id, 1)
    assert claim(database, stored(database, source.id)[0].id).state is ClaimState.EXCLUDED
    poll(database, server, NEXT_DAY + DAY, force=True)
    assert len(server.log) == 1
    with pytest.raises(NotFound, match="no newsletter reads"):
        remove_source(database, "A blog", now=NEXT_DAY)
    again = add(database, server, server.url("/feed"))
    assert (again.source.id, again.is_new, len(stored(database, source.id))) == (source.id, False, 2)


def test_a_paused_source_is_left_alone_until_resumed(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(ONE))
    added = add(database, server, server.url("/feed"))
    assert pause_source(database, str(added.source.id), now=NEXT_DAY).state is SourceState.PAUSED
    poll(database, server, NEXT_DAY + DAY, force=True)
    assert len(server.log) == 1
    resume_source(database, "a blog", now=NEXT_DAY)
    poll(database, server, NEXT_DAY + DAY)
    assert len(server.log) == 2


def test_a_new_address_starts_afresh_and_keeps_the_posts(database: Database, server: ScriptedServer) -> None:
    server.script("/feed", feed(ONE))
    server.script("/new", feed(ONE))
    added = add(database, server, server.url("/feed"))
    edit_source(database, server.url("/feed"), now=NEXT_DAY, url=server.url("/new"), interval_minutes=360)
    after = memory(database, added.source.id)
    assert (after.etag, after.url_history, after.source.interval_minutes) == (None, (server.url("/feed"),), 360)
    poll(database, server, NEXT_DAY + timedelta(minutes=1))
    assert not server.log[-1].is_conditional
    assert titles(database, added.source.id) == ["One"]
    with pytest.raises(NotFound, match="no source 'A bog'") as caught:
        edit_source(database, "A bog", now=NEXT_DAY, title="x")
    assert caught.value.next_step == "did you mean 'A blog'?"


def test_files_and_folders_are_sources_in_the_newsletter_s_zone(
    database: Database, server: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "note.md").write_text("---\ntitle: Mine\ndate: 2017-08-14 20:00\n---\nWords.\n", encoding="utf-8")
    added = add(database, server, str(tmp_path))
    (mine,) = stored(database, added.source.id)
    assert added.source.kind is SourceKind.FOLDER
    assert mine.effective_at == datetime.fromisoformat("2017-08-15T03:00:00+00:00")
    empty = tmp_path / "empty.xml"
    empty.touch()
    with pytest.raises(NotAFeed, match="is empty"):
        add(database, server, str(empty))


def test_a_list_goes_in_and_out_and_nothing_is_fetched(database: Database, server: ScriptedServer) -> None:
    outlines = [
        Outline(url="https://a.test/feed", title="A & B"),
        Outline(url="https://a.test/feed", title="again"),
        Outline(url="https://b.test/feed", title="https://b.test/feed", home="https://b.test/"),
        Outline(url="feed://c.test/feed", title="C"),
    ]
    listed = read_opml(write_opml(outlines[:1] + outlines[2:], title="x", now=NEXT_DAY))
    assert import_sources(database, listed, now=NEXT_DAY, dry_run=True).added
    assert export_sources(database) == ()
    done = import_sources(database, outlines, now=NEXT_DAY)
    assert (done.added, done.present) == (("https://a.test/feed", "https://b.test/feed"), ("https://a.test/feed",))
    assert done.refused[0][0] == "feed://c.test/feed"
    again = import_sources(database, outlines, now=NEXT_DAY)
    assert (again.added, len(again.present)) == ((), 3)
    exported = export_sources(database, newsletter="weekly")
    assert [one.url for one in exported] == ["https://a.test/feed", "https://b.test/feed"]
    assert read_opml(write_opml(exported, title="x", now=NEXT_DAY)) == exported
    assert server.log == []
