"""A person's own page: what they choose, their data, and being forgotten."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests import cast
from tests.cast import Cast
from tests.web.served import Served
from tests.web.test_choosing import tie
from tests.web.test_leave import everything

from digest.core.addresses import address_hash
from digest.core.links import Purpose, sign
from digest.store import newsletters
from digest.store.database import Database
from digest.store.events import list_events
from digest.store.subscriptions import find_subscription


@pytest.fixture
def page(people: Cast) -> str:
    """Anna's."""
    return f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, people.anna)}"


def about(do: str, newsletter: str = "weekly", **more: object) -> dict[str, object]:
    return {"do": do, "newsletter": newsletter, **more}


def test_a_person_describes_themselves(site: Served, database: Database, people: Cast, page: str) -> None:
    form = {"do": "person", "name": "Änne", "language": "de", "zone": "Europe/Berlin"}
    answer = site.post(page, form)
    assert (answer.status, 'lang="de"' in answer.body) == (200, True)
    with database.read() as session:
        row = session.execute(text("SELECT name, language, zone FROM subscriber WHERE id = :id"), {"id": people.anna})
        assert tuple(row.one()) == ("Änne", "de", "Europe/Berlin")
    kept = everything(database)
    assert site.post(page, form).status == 200, "twice is once"
    assert site.post(page, form | {"zone": "Nowhere/X"}).status == 400
    assert everything(database) == kept


def test_an_hour_is_offered_where_readers_clocks_count(
    site: Served, database: Database, people: Cast, page: str
) -> None:
    assert 'name="hour"' not in site.get(page).body
    with database.write() as session:
        newsletters.update_newsletter(session, people.newsletter, reader_zones=True)
    site.post(page, {"do": "person", "name": "Anna", "language": "", "zone": "Asia/Kathmandu"})
    assert "Asia/Kathmandu" in site.get(page).body
    for hour, kept in (("21", 21), ("99", 21), ("", None)):
        answer = site.post(page, about("choose", hour=hour))
        assert answer.status == (400 if hour == "99" else 200)
        with database.read() as session:
            assert find_subscription(session, newsletter_id=people.newsletter, subscriber_id=people.anna).hour == kept
        selected = f'<option value="{kept}" selected>' if kept else "selected>Asia/Kathmandu"
        assert selected in site.get(page).body


def test_cadence_topics_pause_and_resume(site: Served, database: Database, people: Cast, page: str) -> None:
    with database.write() as session:
        longer = cast.add_cadence(session, people.newsletter, "monthly", rule="monthly on day 1 at 09:00")
        cast.add_topic(session, people.newsletter, "food")
        cast.add_topic(session, people.newsletter, "travel")
    shown = site.get(page).body
    assert "Every week" in shown
    assert "Every month" in shown
    site.post(page, about("choose", cadence=longer, topic=["food"]))
    site.post(page, about("pause", until=str(site.app.clock().date() + timedelta(days=9))))
    state, cadence, topics, until = tie(database, people.anna)
    assert (state, cadence, "food" in str(topics), until is not None) == ("active", longer, True, True)
    assert "Paused until" in site.get(page).body
    assert "brings what you missed" not in site.get(page).body
    site.post(page, about("pause", until=str(site.app.clock().date() + timedelta(days=9)), earlier=1))
    assert "brings what you missed" in site.get(page).body
    site.post(page, about("resume"))
    assert tie(database, people.anna)[3] is None
    assert site.post(page, about("choose", cadence=999)).status == 400
    assert site.post(page, about("choose", newsletter="none")).status == 400
    assert site.post(page, {"do": "what"}).status == 400


def test_all_newsletters_of_the_sender_can_be_left_and_joined(
    site: Served, database: Database, people: Cast, page: str
) -> None:
    with database.write() as session:
        other = cast.add_newsletter(session, "monthly", name="The Monthly")
        cast.add_cadence(session, other)
    assert "Subscribe to The Monthly" in site.get(page).body
    assert site.post(page, about("join", "monthly")).status == 200
    with database.read() as session:
        query = text("SELECT state, consent_how, consent_text FROM subscription WHERE newsletter_id = :id")
        assert tuple(session.execute(query, {"id": other}).one()) == (
            "active",
            "preferences",
            "Subscribe to The Monthly",
        )
    site.post(page, about("leave"))
    assert tie(database, people.anna)[0] == "ended"
    ben = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, people.ben)}"
    assert site.post(ben, about("join")).status == 200
    assert tie(database, people.ben)[0] == "active", "the link came to the address: that confirms it"
    with database.write() as session:
        cast.add_newsletter(session, "hidden", name="The Hidden One", private=True)
    assert "The Hidden One" not in site.get(page).body
    carl = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, people.carl)}"
    assert site.post(carl, about("join", "monthly")).status == 400, "suppressed"


def test_my_data_is_all_of_it_and_only_mine(site: Served, people: Cast, page: str) -> None:
    answer = site.get(f"{page}/data.json")
    assert answer.headers["content-type"].startswith("application/json")
    told = json.loads(answer.body)
    assert told["subscriber"]["address"] == "anna@example.org"
    assert told["subscriptions"]["weekly"]["consent"]["text"] == "Send me the weekly digest."
    assert "ben@" not in answer.body


def test_erasing_asks_first_and_leaves_only_a_keyed_hash(
    site: Served, database: Database, people: Cast, page: str
) -> None:
    before = everything(database)
    assert "anna@example.org" in site.get(f"{page}/erase").body
    assert everything(database) == before
    assert "You are forgotten" in site.post(f"{page}/erase").body
    assert "anna" not in str(everything(database)).lower()
    with database.read() as session:
        hashed = session.execute(text("SELECT address_hash FROM suppression WHERE reason = 'erased'")).scalar_one()
        assert hashed == address_hash(cast.KEY, "anna@example.org")
        assert [event.kind for event in list_events(session, subscriber_id=people.anna)] == ["subscriber.erased"]
    assert site.get(page).status == site.post(f"{page}/erase").status == 404


@pytest.mark.parametrize("path", ["", "/data.json", "/erase"])
def test_looking_changes_nothing_and_a_wrong_link_tells_nothing(
    site: Served, database: Database, people: Cast, page: str, path: str
) -> None:
    before = everything(database)
    for method in ("GET", "HEAD", "OPTIONS"):
        site.get(page + path, method)
    wrong = sign(cast.KEY, Purpose.UNSUBSCRIBE, people.anna)
    assert site.get(f"/preferences/{wrong}{path}").body == site.get("/preferences/x").body
    assert everything(database) == before
