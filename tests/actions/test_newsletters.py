"""Newsletters through their verbs: policies checked, cadences changed without losing a post."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests import cast

from digest.actions import close
from digest.actions.newsletters import (
    NewsletterView,
    add_newsletter,
    check_values,
    edit_newsletter,
    remove_newsletter,
    split_cadence,
)
from digest.core.period import due_slots
from digest.core.states import CatchUp, ClaimState
from digest.errors import Conflict, NotFound, UsageError
from digest.store import sending
from digest.store.claims import list_claims
from digest.store.database import Database, Session
from digest.store.deliveries import list_deliveries
from digest.store.events import list_events
from digest.store.issues import get_issue, list_issues
from digest.store.newsletters import close_period, get_cadence, list_cadences, list_newsletters

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def add(database: Database, *cadences: str, **values: Any) -> NewsletterView:
    given = {"slug": "week", "name": "The Week", "sender_name": "Anna", "sender_address": "anna@example.org",
             "zone": "Europe/Berlin", "now": NOW}  # fmt: skip
    return add_newsletter(database, cadences=cadences or ("weekly on mon at 08:00",), **(given | values))


def _issue(session: Session, view: NewsletterView, cadence: int) -> None:
    cast.add_issue(session, cast.Cast(newsletter=view.newsletter.id, cadence=cadence, anna=0, ben=0, carl=0, dora=0))


def test_a_newsletter_is_added_with_named_cadences(database: Database) -> None:
    view = add(database, "Mondays at 8", "flash=daily at 7")
    assert [(line.name, line.rule, line.zone) for line in view.cadences] == [
        ("weekly", "weekly on mon at 08:00", "Europe/Berlin"),
        ("flash", "daily at 07:00", "Europe/Berlin"),
    ]
    with database.read() as session:
        kinds = [event.kind for event in list_events(session, newsletter_id=view.newsletter.id)]
    assert kinds == ["newsletter.added", "cadence.added", "cadence.added"]


def test_two_cadences_of_one_kind_need_names_and_nothing_is_kept_without(database: Database) -> None:
    with pytest.raises(Conflict, match="'daily'"):
        add(database, "daily at 7", "daily at 18")
    with database.read() as session:
        assert list_newsletters(session) == ()


def test_an_every_other_week_rule_without_a_date_counts_from_the_next_fitting_day(database: Database) -> None:
    (line,) = add(database, "every 2 weeks on tue").cadences
    assert line.rule == "every 2 weeks on tue at 08:00 from 2026-03-10"
    assert line.started_at == datetime(2026, 3, 9, 23, tzinfo=UTC)  # midnight of that Tuesday in Berlin


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"zone": "Mars/Olympus"}, "there is no time zone 'Mars/Olympus'"),
        ({"language": "klingonese"}, "'klingonese' is no language tag"),
        ({"sender_address": "anna@"}, "'anna@' is no email address"),
        ({"reply_to": "anna at example.org"}, "is no email address"),
        ({"reply_to": "jörg@example.org"}, "letters beyond ASCII before its @"),
        ({"site_url": "example.org"}, "'example.org' is no web address"),
        ({"max_posts": 0}, "max posts is 0"),
        ({"name": "  "}, "the name is empty"),
        ({"sender_name": "Anna\r\nBcc: x"}, "the sender name is empty or not one printable line"),
        ({"slug": "The Week"}, "'The Week' is no slug"),
    ],
)
def test_a_wrong_value_is_refused_by_name(database: Database, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        add(database, **values)
    assert message in refused.value.message


def test_values_are_kept_in_their_canonical_form() -> None:
    values = {"zone": "america/new york", "language": "pt_br", "sender_address": " Anna@EXAMPLE.org "}
    assert check_values(values) == {
        "zone": "America/New_York", "language": "pt-BR", "sender_address": "Anna@example.org"
    }  # fmt: skip


def test_a_cadence_s_name_stands_before_its_rule() -> None:
    assert split_cadence("Flash = daily at 7") == ("flash", "daily at 7")
    assert split_cadence("daily at 7") == (None, "daily at 7")


# ── changes (S14) ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_rule_keeps_what_waits_and_makes_boundaries_only_after_the_change(database: Database) -> None:
    view = add(database)
    line = view.cadences[0]
    with database.write() as session:
        source = cast.add_source(session, view.newsletter.id)
        post = cast.add_post(session, source, "a", effective_at=NOW)
        cast.add_claim(session, line.id, post, state=ClaimState.PENDING)
        close_period(session, line.id, slot_at=datetime(2026, 3, 9, 7, tzinfo=UTC), rollovers=0)
    thursday = datetime(2026, 3, 12, 12, tzinfo=UTC)
    (changed,) = edit_newsletter(database, "week", cadences=["daily at 7"], now=thursday).cadences
    assert (changed.id, changed.name, changed.rule) == (line.id, "daily", "daily at 07:00")
    with database.read() as session:
        assert [claim.state for claim in list_claims(session, cadence_id=line.id)] == [ClaimState.PENDING]
    assert due_slots(changed, now=thursday, catch_up=CatchUp.EACH, max_late=48 * HOUR).slots == ()
    (due,) = due_slots(changed, now=thursday + DAY, catch_up=CatchUp.EACH, max_late=48 * HOUR).slots
    assert due.slot.key == "2026-03-13T07:00"
    assert due.period.start == datetime(2026, 3, 9, 7, tzinfo=UTC)


def test_a_newsletter_that_moves_west_does_not_send_the_same_morning_twice(database: Database) -> None:
    (line,) = add(database, "daily at 08:00").cadences
    with database.write() as session:
        close_period(session, line.id, slot_at=datetime(2026, 3, 5, 7, tzinfo=UTC), rollovers=0)
    moved = edit_newsletter(database, "week", zone="America/New_York", now=datetime(2026, 3, 5, 9, tzinfo=UTC))
    assert moved.cadences[0].zone == "America/New_York"
    (due,) = due_slots(
        moved.cadences[0], now=datetime(2026, 3, 6, 14, tzinfo=UTC), catch_up=CatchUp.EACH, max_late=48 * HOUR
    ).slots
    assert due.slot.key == "2026-03-06T08:00"


def test_the_same_rule_again_changes_nothing(database: Database) -> None:
    before = add(database)
    assert edit_newsletter(database, "week", cadences=["every monday at 8"], now=NOW + DAY) == before


def test_a_new_cadence_claims_what_is_there_of_its_sources(database: Database) -> None:
    view = add(database)
    with database.write() as session:
        source = cast.add_source(session, view.newsletter.id)
        cast.add_post(session, source, "old", effective_at=NOW - 30 * DAY)
        cast.add_post(session, source, "new", effective_at=NOW - HOUR)
    view = edit_newsletter(database, "week", cadences=["flash=daily at 7"], now=NOW)
    with database.read() as session:
        states = [claim.state for claim in list_claims(session, cadence_id=view.cadences[1].id)]
    assert states == [ClaimState.BASELINE, ClaimState.PENDING]


def test_a_removed_cadence_hands_its_subscribers_over_and_keeps_its_issues(database: Database) -> None:
    view = add(database, "weekly", "flash=daily at 7")
    flash = view.cadences[1]
    with database.write() as session:
        anna = cast.add_subscriber(session, "anna@example.org")
        cast.add_subscription(session, view.newsletter.id, anna, cadence_id=flash.id)
        _issue(session, view, flash.id)
    left = edit_newsletter(database, "week", remove_cadences=["flash"], now=NOW + DAY)
    assert [line.name for line in left.cadences] == ["weekly"]
    with database.read() as session:
        assert get_cadence(session, flash.id).state == "removed"
        (removed,) = list_events(session, kind="cadence.removed")
    assert removed.data == {"cadence": "flash", "subscriptions_moved": 1}
    again = edit_newsletter(database, "week", cadences=["flash=daily at 9"], now=NOW + DAY)
    assert [line.name for line in again.cadences] == ["weekly", "flash"]


def test_a_cadence_without_issues_is_deleted_and_the_only_one_never(database: Database) -> None:
    add(database, "weekly", "flash=daily at 7")
    edit_newsletter(database, "week", remove_cadences=["flash"], now=NOW)
    with database.read() as session:
        assert len(list_cadences(session, removed=True)) == 1
    with pytest.raises(Conflict, match="only cadence"):
        edit_newsletter(database, "week", remove_cadences=["weekly"], now=NOW)
    with pytest.raises(NotFound) as none:
        edit_newsletter(database, "week", remove_cadences=["flash"], now=NOW)
    assert none.value.next_step == "it has: weekly"


def test_a_failed_edit_leaves_everything_as_it_was(database: Database) -> None:
    before = add(database)
    with pytest.raises(UsageError):
        edit_newsletter(database, "week", name="Other", cadences=["fortnightly-ish"], now=NOW)
    assert edit_newsletter(database, "week", now=NOW) == before


def test_a_newsletter_with_history_is_kept_as_removed(database: Database) -> None:
    view = add(database)
    with database.write() as session:
        source = cast.add_source(session, view.newsletter.id)
        post = cast.add_post(session, source, "a")
        cast.add_claim(session, view.cadences[0].id, post, state=ClaimState.PENDING)
        _issue(session, view, view.cadences[0].id)
    assert remove_newsletter(database, "week", now=NOW)
    with database.read() as session:
        assert list_newsletters(session) == ()
        assert [n.state for n in list_newsletters(session, removed=True)] == ["removed"]
        (claim,) = list_claims(session, cadence_id=view.cadences[0].id)
    assert (claim.state, claim.reason) == (ClaimState.EXCLUDED, "its newsletter was removed")
    with pytest.raises(Conflict, match="only its history is kept"):
        edit_newsletter(database, "week", name="Back", now=NOW)


@pytest.mark.parametrize("state", ["frozen", "draft", "sending", "paused"])
def test_nothing_of_a_removed_newsletter_is_sent_any_more(database: Database, state: str) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        issue = cast.add_issue(session, people, state=state)
        waiting = cast.add_delivery(session, issue, people.anna)
        claimed = cast.add_delivery(session, issue, people.ben, state="claimed", owner="another", fence=1)
        out = cast.add_delivery(session, issue, people.dora, state="accepted")
        done = cast.add_issue(session, people, number=2, state="done")
    remove_newsletter(database, "weekly", now=NOW)
    with database.write() as session:
        assert [(one.id, one.state) for one in list_issues(session)] == [(issue, "cancelled"), (done, "done")]
        assert get_issue(session, issue).reason == "its newsletter was removed"
        assert {one.id: one.state for one in list_deliveries(session, issue)} == {
            waiting: "skipped", claimed: "skipped", out: "accepted"
        }  # fmt: skip
        assert sending.sending_issues(session) == ()
        assert not sending.resume(session, issue, now=NOW)


def test_a_newsletter_removed_while_a_turn_is_under_way_gets_no_issue(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        cast.add_issue(session, people)
        (read_before,) = list_cadences(session, people.newsletter)
    remove_newsletter(database, "weekly", now=NOW)
    assert close._close_next(database, read_before, now=cast.NOW + 8 * DAY, hold=True) == []
    with database.read() as session:
        assert len(list_issues(session)) == 1


def test_a_newsletter_without_history_is_deleted(database: Database) -> None:
    add(database)
    assert not remove_newsletter(database, "week", now=NOW)
    with database.read() as session:
        assert list_newsletters(session, removed=True) == ()
    assert add(database).newsletter.slug == "week"
