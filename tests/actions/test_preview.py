"""Preview: what a reader would get, and nothing else happens."""

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser
from tests import cast
from tests.populate import count_rows
from tests.sample_week import MONDAY, SATURDAY, add_week

from digest.actions.preview import Preview, match_pictures, preview_issue, write_preview
from digest.actions.publish import publish
from digest.core.states import ClaimState
from digest.errors import NotFound, NothingToDo, UsageError
from digest.paths import sample
from digest.store import claims
from digest.store.database import Database

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def preview(database: Database, **options) -> Preview:
    return preview_issue(database, key=cast.KEY, **{"now": SATURDAY, **options})


def rows(database: Database) -> dict[str, int]:
    with database.read() as session:
        return count_rows(session.connection())


def test_the_next_issue_is_shown_and_nothing_is_recorded(database: Database) -> None:
    with database.write() as session:
        add_week(session)
    before = rows(database)
    shown = preview(database)
    assert rows(database) == before
    assert shown.drafted
    assert [group.label for group in shown.content.groups] == ["2017-08-11", "2017-08-10", "2017-08-09", "2017-08-07"]
    assert len(shown.content.posts) == 5
    publish(database, now=MONDAY)
    made = preview(database, number=1)
    assert made.content == shown.content


def test_the_files_are_one_readers_message(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        add_week(session)
        cast.add_subscriber(session, "anna@example.org", name="Anna")
    files = write_preview(preview(database, reader="anna@example.org"), tmp_path / "new/folder")
    html, text = files.html.read_text(encoding="utf-8"), files.text.read_text(encoding="utf-8")
    message = message_from_bytes(files.eml.read_bytes(), policy=policy.default)
    assert "anna@example.org" in html
    assert "anna@example.org" in text
    assert "%%" not in html + text
    assert message["To"] == "Anna <anna@example.org>"
    assert message["Subject"] == LexborHTMLParser(html).css_first("title").text()
    for caption in ("The first runner beans, picked at 6.40 this morning", "The shed book, page 61"):
        assert caption in html
        assert caption in text


def test_pictures_come_from_a_folder_where_their_names_match(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        add_week(session)
    shown = preview(database)
    images = match_pictures(shown.content, sample("images"))
    files = write_preview(shown, tmp_path, images=images)
    sources = [image.attributes["src"] for image in LexborHTMLParser(files.html.read_text()).css("img")]
    assert sources == [
        "images/first-runner-beans.jpg",
        "images/heap-thermometer.jpg",
        "images/shed-book-page.png",
        "images/ladybird.jpg",
        "images/shed-roof-felt.jpg",
    ]
    assert all((tmp_path / source).stat().st_size < 40_000 for source in sources)
    assert b"bp.blogspot.com" in files.eml.read_bytes()  # the message keeps the real ones


def test_an_issue_that_was_rendered_is_shown_as_it_was(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        add_week(session)
    publish(database, now=MONDAY, web_base="https://news.example")
    shown = preview(database, number=1, now=MONDAY)
    assert not shown.drafted
    assert "https://news.example/archive/weekly/1" in shown.rendered.text


def test_held_posts_are_told_with_their_reasons(database: Database) -> None:
    with database.write() as session:
        newsletter = add_week(session)
        (line,) = [claim for claim in claims.list_claims(session, cadence_id=1) if claim.post_id == 1]
        claims.move_claim(session, claim_id=line.id, state=ClaimState.HELD, from_states=(line.state,), reason="old")
    shown = preview(database)
    assert newsletter == 1
    assert [(held.post_id, held.reason) for held in shown.held] == [(1, "old")]
    assert len(shown.content.posts) == 4


def test_an_empty_next_issue_is_nothing_to_do(database: Database) -> None:
    with database.write() as session:
        add_week(session)
    publish(database, now=MONDAY)
    with pytest.raises(NothingToDo, match="no posts yet"):
        preview(database, now=MONDAY + timedelta(hours=1))


def test_what_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(NotFound, match="no newsletter"):
        preview(database)
    with database.write() as session:
        add_week(session)
    with pytest.raises(NotFound, match="no issue 7"):
        preview(database, number=7)
    with pytest.raises(NotFound, match="no cadence monthly"):
        preview(database, cadence="monthly")
    with database.write() as session:
        cast.add_newsletter(session, "other")
    with pytest.raises(UsageError, match="2 newsletters"):
        preview(database)
