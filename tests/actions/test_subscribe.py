"""One person at a time: what a person decided is stronger than what an admin does."""

import pytest
from sqlalchemy import select
from tests.cast import KEY, NOW, Cast, add_delivery, add_issue, assemble

from digest.actions.subscribe import (
    add_subscriber,
    edit_subscriber,
    end_subscription,
    erase,
    suppress,
    unsuppress,
)
from digest.core.people import Consent
from digest.core.states import SubscriptionState
from digest.errors import Conflict, NotFound, NothingToDo, UsageError
from digest.store.database import Database
from digest.store.people_story import Story, tell_story
from digest.store.people_tables import DeliveryRow, EventRow

CONSENT = Consent(at=NOW, how="command", text="at the reading")


@pytest.fixture
def cast(database: Database) -> Cast:
    with database.write() as session:
        return assemble(session)


@pytest.fixture
def add(database, cast):
    def add(address, **fields):
        return add_subscriber(
            database, address, newsletter_id=cast.newsletter, secret=KEY, now=NOW, consent=CONSENT, **fields
        )

    return add


def story(database: Database, address: str) -> Story:
    with database.read() as session:
        return tell_story(session, address, secret=KEY)


def test_a_person_is_added_with_the_consent_that_the_admin_vouches_for(database, add):
    tie = add(" Emil@Example.org ", name=" Emil \r\n Berg", zone="Europe/Berlin")
    assert (tie.state, tie.consent) == (SubscriptionState.ACTIVE, CONSENT)
    emil = story(database, "emil@example.org")
    assert (emil.subscriber.address, emil.subscriber.name) == ("Emil@example.org", "Emil Berg")
    assert [(event.kind, event.data["how"]) for event in emil.events] == [("subscription.begun", "command")]


def test_a_pending_person_is_added_as_pending(add):
    assert add("emil@example.org", state=SubscriptionState.PENDING).state is SubscriptionState.PENDING


def test_adding_twice_changes_nothing(database, add):
    before = story(database, "anna@example.org")
    with pytest.raises(NothingToDo, match="subscribed already"):
        add("ANNA@example.org", name="Other")
    with pytest.raises(NothingToDo, match="pending"):
        add("ben@example.org")
    assert story(database, "anna@example.org") == before


def test_who_left_comes_back_only_on_a_new_consent(database, add):
    with pytest.raises(Conflict, match="has left on 2017-08-14") as caught:
        add("dora@example.org")
    assert "--again" in caught.value.next_step
    tie = add("dora@example.org", again=True)
    assert (tie.state, tie.consent, tie.ended_why) == (SubscriptionState.ACTIVE, CONSENT, None)


def test_a_suppressed_address_is_not_added(database, add):
    with pytest.raises(Conflict, match="suppressed"):
        add("CARL@example.org", again=True)
    suppress(database, "emil@example.org", secret=KEY, now=NOW)
    with pytest.raises(Conflict, match="suppressed"):
        add("emil@example.org")
    assert story(database, "emil@example.org").subscriber is None, "the refusal left nothing behind"


@pytest.mark.parametrize(("address", "zone"), [("nobody", None), ("emil@example.org", "Mars/Olympus")])
def test_words_that_mean_nothing_are_refused(add, address, zone):
    with pytest.raises(UsageError):
        add(address, zone=zone)


def test_a_subscription_ends_once_with_its_reason(database, cast):
    tie = end_subscription(database, "anna@example.org", newsletter_id=cast.newsletter, why="by letter", now=NOW)
    assert (tie.state, tie.ended_why, tie.ended_at) == (SubscriptionState.ENDED, "by letter", NOW)
    with pytest.raises(NothingToDo, match="left already"):
        end_subscription(database, "anna@example.org", newsletter_id=cast.newsletter, why="again", now=NOW)
    with pytest.raises(NotFound):
        end_subscription(database, "nobody@example.org", newsletter_id=cast.newsletter, why="x", now=NOW)


def test_an_edit_keeps_the_consent_and_the_history(database, cast):
    before = story(database, "anna@example.org")
    person = edit_subscriber(
        database, "anna@example.org", secret=KEY, now=NOW, new_address="Anna@example.net", zone="Europe/Paris"
    )
    assert (person.id, person.address, person.zone, person.name) == (
        cast.anna,
        "Anna@example.net",
        "Europe/Paris",
        "Anna",
    )
    after = story(database, "anna@example.net")
    assert after.subscriptions == before.subscriptions
    assert after.events[-1].data == {"fields": ["address", "zone"]}
    assert story(database, "anna@example.org").subscriber is None
    cleared = edit_subscriber(database, "anna@example.net", secret=KEY, now=NOW, name="", zone="")
    assert (cleared.name, cleared.zone) == ("", None)
    with pytest.raises(NothingToDo):
        edit_subscriber(database, "anna@example.net", secret=KEY, now=NOW, name="", zone="")


def test_an_address_cannot_be_taken_from_another_or_out_of_suppression(database, cast):
    with pytest.raises(Conflict, match="somebody else"):
        edit_subscriber(database, "anna@example.org", secret=KEY, now=NOW, new_address="ben@example.org")
    with pytest.raises(Conflict, match="suppressed"):
        edit_subscriber(database, "anna@example.org", secret=KEY, now=NOW, new_address="carl@example.org")


def test_an_erased_person_leaves_a_hash_and_no_name(database, cast, add):
    with database.write() as session:
        add_delivery(session, add_issue(session, cast), cast.anna)
    erase(database, "anna@example.org", secret=KEY, now=NOW)
    with database.read() as session:
        rows = [dict(row) for row in session.execute(select(DeliveryRow.__table__)).mappings()]
        events = [dict(row) for row in session.execute(select(EventRow.__table__)).mappings()]
    assert "anna" not in f"{rows} {events}".lower()
    assert (rows[0]["state"], rows[0]["subscriber_id"]) == ("skipped", None)
    found = story(database, "anna@example.org")
    assert (found.subscriber, found.suppression.reason) == (None, "erased")
    with pytest.raises(Conflict, match="erased"):
        add("anna@example.org")
    with pytest.raises(NotFound):
        erase(database, "anna@example.org", secret=KEY, now=NOW)


def test_a_suppression_is_lifted_and_the_subscription_goes_on(database, cast):
    with pytest.raises(NothingToDo, match="complaint"):
        suppress(database, "carl@example.org", secret=KEY, now=NOW)
    assert unsuppress(database, "Carl@example.org", secret=KEY, now=NOW) == "complaint"
    carl = story(database, "carl@example.org")
    assert (carl.suppression, carl.subscriptions["weekly"].state) == (None, SubscriptionState.ACTIVE)
    with pytest.raises(NothingToDo, match="not suppressed"):
        unsuppress(database, "carl@example.org", secret=KEY, now=NOW)


def test_a_story_tells_what_was_sent(database, cast):
    with database.write() as session:
        add_delivery(session, add_issue(session, cast, 7), cast.anna, state="accepted", code=250, settled_at=NOW)
    (received,) = story(database, "anna@example.org").deliveries
    assert (received.newsletter, received.number, received.state, received.at) == ("weekly", 7, "accepted", NOW)
