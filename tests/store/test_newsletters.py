"""Newsletters and cadences in a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.core.states import CatchUp, GroupBy
from digest.errors import Conflict, NotFound
from digest.store.database import Database, Session
from digest.store.newsletters import (
    add_cadence,
    add_newsletter,
    close_period,
    count_issues,
    delete_cadence,
    delete_newsletter,
    get_newsletter,
    list_cadences,
    list_newsletters,
    newsletter_of_id,
    update_cadence,
    update_newsletter,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def weekly(session: Session, **changes):
    values = {"name": "The Week", "sender_name": "Anna", "sender_address": "anna@example.org"}
    newsletter = add_newsletter(session, slug="week", now=NOW, **(values | changes))
    line = add_cadence(
        session, newsletter.id, name="weekly", rule="weekly on mon at 08:00", zone="Europe/Berlin", started_at=NOW
    )
    return newsletter, line


def test_a_newsletter_is_read_back_as_it_was_added(database: Database) -> None:
    with database.write() as session:
        added, line = weekly(session, group_by=GroupBy.TOPIC, catch_up="each", theme_variables={"accent": "#123"})
    with database.read() as session:
        read = get_newsletter(session, "week")
        assert read == added == newsletter_of_id(session, added.id)
        assert (read.group_by, read.catch_up) == (GroupBy.TOPIC, CatchUp.EACH)
        assert read.theme_variables == {"accent": "#123"}
        assert list_cadences(session, read.id) == (line,)
        assert line.started_at == NOW


def test_a_slug_is_taken_once(database: Database) -> None:
    with database.write() as session:
        newsletter, _ = weekly(session)
        with pytest.raises(Conflict, match=r"already$"):
            weekly(session)
        update_newsletter(session, newsletter.id, state="removed")
        with pytest.raises(Conflict, match="removed"):
            weekly(session)


def test_an_unknown_newsletter_names_the_nearest(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(NotFound) as none:
            get_newsletter(session, "week")
        assert none.value.next_step == "run: digest newsletter add SLUG"
        weekly(session)
        with pytest.raises(NotFound) as near:
            get_newsletter(session, "weak")
        assert near.value.next_step == "did you mean week?"


def test_a_removed_newsletter_and_its_cadences_are_listed_only_on_request(database: Database) -> None:
    with database.write() as session:
        newsletter, line = weekly(session)
        update_newsletter(session, newsletter.id, state="removed")
        assert list_newsletters(session) == () == list_cadences(session)
        assert len(list_newsletters(session, removed=True)) == 1
        assert list_cadences(session, removed=True) == (line,)


def test_a_removed_cadence_is_listed_only_on_request(database: Database) -> None:
    with database.write() as session:
        newsletter, line = weekly(session)
        update_cadence(session, line.id, state="removed")
        assert list_cadences(session, newsletter.id) == ()
        assert [c.state for c in list_cadences(session, newsletter.id, removed=True)] == ["removed"]


def test_a_cadence_name_is_unique_within_its_newsletter(database: Database) -> None:
    with database.write() as session:
        newsletter, _ = weekly(session)
        with pytest.raises(Conflict, match="'weekly'"):
            add_cadence(session, newsletter.id, name="weekly", rule="daily at 08:00", zone="UTC", started_at=NOW)


def test_a_closed_period_moves_forward_and_never_back(database: Database) -> None:
    with database.write() as session:
        _, line = weekly(session)
        assert close_period(session, line.id, slot_at=NOW, rollovers=1)
        assert not close_period(session, line.id, slot_at=NOW, rollovers=2)
        assert not close_period(session, line.id, slot_at=NOW - timedelta(days=1), rollovers=2)
        assert close_period(session, line.id, slot_at=NOW + timedelta(days=7), rollovers=0)
        assert list_cadences(session)[0].last_slot_at == NOW + timedelta(days=7)


def test_deleting_a_newsletter_deletes_its_cadences(database: Database) -> None:
    with database.write() as session:
        newsletter, line = weekly(session)
        assert count_issues(session, newsletter_id=newsletter.id) == 0 == count_issues(session, cadence_id=line.id)
        delete_newsletter(session, newsletter.id)
        assert list_cadences(session, removed=True) == ()
        newsletter, line = weekly(session)
        delete_cadence(session, line.id)
        assert list_cadences(session, removed=True) == ()


def test_an_unknown_field_is_a_fault_of_the_caller(database: Database) -> None:
    with database.write() as session, pytest.raises(ValueError, match="no colour"):
        weekly(session, colour="red")
