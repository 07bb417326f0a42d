"""Reading on the web: what went out, and nothing else; made once, sent again only where it changed."""

import json
import struct
import zlib
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import feedparser
import pytest
from sqlalchemy import text
from tests import cast
from tests.web.served import Answer, Served, served

from digest.core.states import IssueState
from digest.render.sample import sample_issue
from digest.store.codec import encode
from digest.store.database import Database

HOME = "/archive/weekly"

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what asks the database nothing new."""


def add_issues(database: Database, people: cast.Cast, *numbers: int, state: str = IssueState.DONE) -> None:
    with database.write() as session:
        for number in numbers:
            sent = cast.NOW + timedelta(days=number)
            content = encode(sample_issue("en").content) | {"number": number}
            cast.add_issue(
                session, people, number, state=state, content=content, due_at=sent, sending_at=sent,
                slot_key=f"slot {number}",
            )  # fmt: skip


@pytest.fixture
def read(site: Served, database: Database, people: cast.Cast) -> Served:
    """A site with three issues that went out, one on its way, and one that waits."""
    add_issues(database, people, 1, 2, 3)
    add_issues(database, people, 4, state=IssueState.SENDING)
    add_issues(database, people, 5, state=IssueState.DRAFT)
    return site


def change(database: Database, **values: object) -> None:
    with database.write() as session:
        for name, value in values.items():
            session.execute(text(f"UPDATE newsletter SET {name} = :value"), {"value": value})


def test_the_archive_lists_what_went_out_and_each_page_leads_on(read: Served) -> None:
    listed = read.get(HOME)
    assert listed.status == 200
    assert [number for number in range(1, 6) if f'href="{read.base}{HOME}/{number}"' in listed.body] == [1, 2, 3, 4]
    assert listed.body.index(f"{HOME}/4") < listed.body.index(f"{HOME}/1")
    assert f'href="{read.base}/subscribe/weekly"' in listed.body
    page = read.get(f"{HOME}/2")
    assert (page.status, "Issue 2" in page.body) == (200, True)
    for place in ("/1", "/3", "/feed.xml", ""):
        assert f'"{read.base}{HOME}{place}"' in page.body
    assert f'href="{read.base}/subscribe/weekly"' in page.body
    assert "%%" not in page.body
    assert "@example.org" not in page.body
    home = read.get("/")
    assert (home.status, f'href="{read.base}{HOME}"' in home.body, "The Weekly" in home.body) == (200, True, True)
    for number in (5, 6, 0, 10**30):
        assert read.get(f"{HOME}/{number}").status == 404


@on_sqlite
def test_a_page_lets_pictures_in_and_nothing_else(read: Served) -> None:
    for path in ("/", HOME, f"{HOME}/2"):
        answer = read.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "set-cookie" not in answer.headers
        assert "noindex" not in answer.body


def test_what_a_client_has_is_not_sent_again(read: Served, database: Database, people: cast.Cast) -> None:
    for path in ("/", HOME, f"{HOME}/4", f"{HOME}/feed.xml", f"{HOME}/feed.json", f"{HOME}/share.png", "/sitemap.xml"):
        first = read.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "public, max-age=300"
        for again in (
            read.get(path, If_None_Match=tag),
            read.get(path, If_None_Match=f'"other", W/{tag}'),
            read.get(path, "HEAD", If_None_Match=tag),
        ):
            assert (again.status, again.body, again.headers["etag"]) == (304, "", tag), path
        for again in (
            read.get(path, If_None_Match='"x"'),
            read.get(path, If_Modified_Since="Thu, 01 Jan 2099 00:00:00 GMT"),
        ):
            assert (again.status, "last-modified" in again.headers) == (200, False), path
    old = read.get(f"{HOME}/4").headers
    add_issues(database, people, 6)
    new = read.get(f"{HOME}/4", If_None_Match=old["etag"])
    assert (new.status, f"{HOME}/6" in new.body) == (200, True)
    change(database, sender_name="Renamed")
    assert "Renamed" in read.get(f"{HOME}/4").body


@on_sqlite
def test_an_issue_is_rendered_once_for_all_who_read_it(read: Served) -> None:
    """Its content is not even read again: what follows from numbers and times is enough to know the page."""
    first = read.get(f"{HOME}/2")
    database = read.app.database
    with database.write() as session:
        session.execute(text("UPDATE issue SET content = '{}' WHERE number = 2"))
    assert read.get(f"{HOME}/2").body == first.body


def feeds(site: Served) -> tuple[Answer, Answer]:
    return site.get(f"{HOME}/feed.xml"), site.get(f"{HOME}/feed.json")


@on_sqlite
def test_the_feeds_say_what_the_archive_says(read: Served) -> None:
    atom, json_ = feeds(read)
    parsed = feedparser.parse(atom.body)
    assert not parsed.bozo
    assert parsed.version == "atom10"
    urls = [f"{read.base}{HOME}/{number}" for number in (4, 3, 2, 1)]
    assert [entry.link for entry in parsed.entries] == urls == [entry.id for entry in parsed.entries]
    assert parsed.feed.updated == "2017-08-18T07:05:00Z"
    assert "<h3>" in parsed.entries[0].content[0].value
    told = json.loads(json_.body)
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["url"] for item in told["items"]] == urls
    assert [item["title"] for item in told["items"]] == [entry.title for entry in parsed.entries]
    assert atom.headers["content-type"].startswith("application/atom+xml")
    assert json_.headers["content-type"].startswith("application/feed+json")


def test_the_sitemap_has_every_public_page_and_robots_find_it(read: Served) -> None:
    tree = ET.fromstring(read.get("/sitemap.xml").body)
    found = {one.text for one in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    assert found == {read.base + HOME, *(f"{read.base}{HOME}/{number}" for number in range(1, 5))}
    robots = read.get("/robots.txt").body
    assert f"Sitemap: {read.base}/sitemap.xml" in robots
    assert all(f"Disallow: /{place}/" in robots for place in ("unsubscribe", "preferences", "confirm", "move", "c"))
    assert "Disallow: /c/" in robots


def test_a_private_newsletter_is_not_there(read: Served, database: Database) -> None:
    change(database, private=True)
    paths = ("", "/2", "/feed.xml", "/feed.json", "/share.png", "/2/share.png")
    answers = {(one.status, one.body) for path in paths for one in [read.get(f"{HOME}{path}")]}
    assert len(answers) == 1
    assert answers.pop() == (404, read.get("/archive/nobody").body)
    assert "weekly" not in read.get("/").body
    assert "weekly" not in read.get("/sitemap.xml").body


@on_sqlite
def test_a_removed_newsletter_keeps_its_archive_and_takes_nobody_new(read: Served, database: Database) -> None:
    change(database, state="removed")
    page = read.get(f"{HOME}/2")
    assert (page.status, "/subscribe/" in page.body) == (200, False)
    assert "weekly" not in read.get("/").body


def test_a_long_archive_has_pages(site: Served, database: Database, people: cast.Cast) -> None:
    add_issues(database, people, *range(1, 42))
    first, last = site.get(HOME), site.get(f"{HOME}?page=3")
    assert f'href="{site.base}{HOME}?page=2"' in first.body
    assert f'href="{site.base}{HOME}/41"' in first.body
    assert f'href="{site.base}{HOME}/1"' in last.body
    assert "Older issues" not in last.body
    for wrong in ("4", "0", "-1", "x", "9" * 40, "9" * 5000, "0" * 5000, "١"):
        assert site.get(f"{HOME}?page={quote(wrong)}").status == 404
    assert len(json.loads(site.get(f"{HOME}/feed.json").body)["items"]) == 20


@on_sqlite
def test_nothing_yet_is_said_in_words(site: Served) -> None:
    assert "No issue has gone out yet." in site.get(HOME).body
    assert "No issue has gone out yet." in site.get("/", Accept_Language="en").body
    assert feedparser.parse(site.get(f"{HOME}/feed.xml").body).bozo == 0


@on_sqlite
def test_the_picture_for_sharing_is_a_png_of_the_size_that_networks_show(read: Served) -> None:
    with urlopen(f"{read.base}{HOME}/2/share.png") as answer:
        data = answer.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1200, 630)
    at, kinds = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        if kind == b"IDAT":
            assert len(zlib.decompress(body)) == 630 * 601
        at += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert len(data) < 10_000


@on_sqlite
def test_nothing_is_asked_of_a_template_that_is_broken_but_an_answer(
    database: Database, people: cast.Cast, tmp_path: Path
) -> None:
    add_issues(database, people, 1)
    own = tmp_path / "templates" / "web"
    own.mkdir(parents=True)
    (own / "archive.html.j2").write_text("{% if %}")
    with served(database, tmp_path) as site:
        assert site.get(HOME).status == 500
        (own / "archive.html.j2").unlink()
        assert site.get(HOME).status == 200
