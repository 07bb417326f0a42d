"""Staying with less: the forms beside the button that leaves."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from tests import cast
from tests.cast import Cast
from tests.web.served import Served
from tests.web.test_leave import everything, token

from digest.store.database import Database


@pytest.fixture
def rich(database: Database, people: Cast) -> int:
    """A longer cadence (its id) and two topics beside what everybody gets."""
    with database.write() as session:
        longer = cast.add_cadence(session, people.newsletter, "monthly", rule="monthly on day 1 at 09:00")
        cast.add_cadence(session, people.newsletter, "yearly", rule="every 52 weeks on mon at 09:00 from 2017-01-02")
        for slug in ("food", "travel"):
            cast.add_topic(session, people.newsletter, slug)
    return longer


def tie(database: Database, who: int) -> tuple[object, ...]:
    with database.read() as session:
        query = text(
            "SELECT state, cadence_id, topics, paused_until FROM subscription WHERE subscriber_id = :who ORDER BY id"
        )
        return tuple(session.execute(query, {"who": who}).fetchall()[0])


@pytest.mark.usefixtures("rich")
def test_the_page_offers_less_and_looking_changes_nothing(site: Served, database: Database, people: Cast) -> None:
    before = everything(database)
    page = site.get(f"/unsubscribe/{token(people, people.anna)}").body
    assert "Less often: Every month" in page
    assert page.count('type="date"') == 1
    assert page.count('name="topic"') == 2
    for what in ("less", "pause", "topics"):
        assert site.get(f"/unsubscribe/{token(people, people.anna)}/{what}").status == 405
    assert everything(database) == before


def test_less_often_is_the_next_longer_cadence(site: Served, database: Database, people: Cast, rich: int) -> None:
    done = site.post(f"/unsubscribe/{token(people, people.anna)}/less")
    assert (done.status, "From now on: Every" in done.body) == (200, True)
    assert tie(database, people.anna)[:2] == ("active", rich)


def test_a_pause_until_a_day_begins_and_ends_by_the_readers_clock(
    site: Served, database: Database, people: Cast
) -> None:
    day = site.app.clock().date() + timedelta(days=20)
    with database.write() as session:
        session.execute(text("UPDATE subscriber SET zone = 'Asia/Tokyo'"))
    done = site.post(f"/unsubscribe/{token(people, people.anna)}/pause", {"until": str(day)})
    assert (done.status, "No issues come before" in done.body) == (200, True)
    again = site.post(f"/unsubscribe/{token(people, people.anna)}/pause", {"until": str(day), "earlier": "1"})
    assert ("brings what you missed" in again.body, "brings what" in done.body) == (True, False)
    until = datetime.fromisoformat(str(tie(database, people.anna)[3])[:19])
    assert until == datetime(day.year, day.month, day.day) - timedelta(hours=9)
    before = everything(database)
    for wrong in ("", "x", "2017-01-01", str(day + timedelta(days=400))):
        assert site.post(f"/unsubscribe/{token(people, people.anna)}/pause", {"until": wrong}).status == 400
    assert everything(database) == before


@pytest.mark.usefixtures("rich")
def test_topics_are_chosen_and_unknown_ones_refused(site: Served, database: Database, people: Cast) -> None:
    path = f"/unsubscribe/{token(people, people.anna)}/topics"
    assert "Travel" in site.post(path, {"topic": ["travel"]}).body
    assert "travel" in str(tie(database, people.anna)[2])
    assert site.post(path, {"topic": ["sport"]}).status == 400
    assert "All topics" in site.post(path, {"topic": ["travel", "food"]}).body
    assert "travel" not in str(tie(database, people.anna)[2])


def test_who_has_left_is_not_brought_back_by_these(site: Served, database: Database, people: Cast) -> None:
    before = everything(database)
    for what in ("less", "pause", "topics"):
        assert site.post(f"/unsubscribe/{token(people, people.dora)}/{what}").status == 409
        assert site.post(f"/unsubscribe/x{what}/{what}").status == 404
    assert everything(database) == before
