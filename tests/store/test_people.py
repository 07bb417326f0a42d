"""People in the store: found however they write their address, listed in pages, erased without breaking the ledger."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.cast import KEY, NOW, add_delivery, add_issue, add_newsletter, assemble

from digest.core.addresses import address_hash
from digest.core.people import Consent
from digest.core.states import DeliveryState, SubscriptionState
from digest.errors import Conflict, NotFound
from digest.store.database import Session
from digest.store.people_tables import DeliveryRow, SubscriberRow
from digest.store.subscribers import (
    count_subscribers,
    erase_subscriber,
    find_subscriber,
    get_subscriber,
    insert_subscriber,
    list_subscribers,
    update_subscriber,
)
from digest.store.subscriptions import (
    begin_again,
    end_subscription,
    find_subscription,
    insert_subscription,
    list_subscriptions,
)
from digest.store.suppressions import delete_suppression, find_suppression, insert_suppression

CONSENT = Consent(at=NOW, how="form", origin="198.51.100.7", text="Send me the weekly digest.")


def add_person(session: Session, address: str, name: str = "") -> int:
    return insert_subscriber(session, address=address, secret=KEY, now=NOW, name=name).id


def tie(session, newsletter_id, subscriber_id, state=SubscriptionState.ACTIVE):
    return insert_subscription(
        session, newsletter_id=newsletter_id, subscriber_id=subscriber_id, state=state, consent=CONSENT, now=NOW
    )


def test_a_person_is_found_however_the_address_is_written(database):
    with database.write() as session:
        add_person(session, "Anna@xn--bcher-kva.example", "Anna Berg")
    with database.read() as session:
        anna = get_subscriber(session, " ANNA@bücher.example ")
        assert (anna.address, anna.name, anna.created_at) == ("Anna@xn--bcher-kva.example", "Anna Berg", NOW)
        assert find_subscriber(session, "ben@example.org") is None
        with pytest.raises(NotFound, match="no subscriber ben"):
            get_subscriber(session, "ben@example.org")


def test_an_address_is_in_the_list_once(database):
    with database.write() as session:
        add_person(session, "anna@example.org")
        with pytest.raises(Conflict, match="already"):
            add_person(session, "ANNA@example.org")
        ben = add_person(session, "ben@example.org")
        with pytest.raises(Conflict, match="somebody else"):
            update_subscriber(session, ben, address="anna@example.org", secret=KEY)
    with database.read() as session:
        assert count_subscribers(session) == 2


def test_an_edit_changes_what_it_names_and_nothing_else(database):
    with database.write() as session:
        anna = add_person(session, "anna@example.org", "Anna")
        update_subscriber(session, anna, zone="Europe/Berlin")
        update_subscriber(session, anna, address="anna@example.net", secret=KEY)
        update_subscriber(session, anna)
    with database.read() as session:
        found = get_subscriber(session, "anna@example.net")
        assert (found.id, found.name, found.zone, found.language) == (anna, "Anna", "Europe/Berlin", None)
        stored = session.execute(select(SubscriberRow.address_hash)).scalar_one()
        assert stored == address_hash(KEY, "anna@example.net")


def test_pages_give_everybody_once_and_in_order(database):
    with database.write() as session:
        newsletter = add_newsletter(session)
        ids = [add_person(session, f"reader{number}@example.org") for number in range(25)]
        for number, person in enumerate(ids):
            tie(session, newsletter, person, SubscriptionState.PENDING if number % 5 == 0 else SubscriptionState.ACTIVE)
    seen, after = [], 0
    with database.read() as session:
        while page := list_subscribers(session, after=after, limit=7):
            seen += [line.subscriber.id for line in page]
            after = seen[-1]
        assert seen == ids
        pending = list_subscribers(session, newsletter_id=newsletter, state=SubscriptionState.PENDING)
        assert [line.subscription.state for line in pending] == [SubscriptionState.PENDING] * 5
        assert count_subscribers(session, newsletter_id=newsletter, state=SubscriptionState.PENDING) == 5
        assert count_subscribers(session, newsletter_id=newsletter + 1) == 0


def test_a_search_takes_its_words_literally(database):
    with database.write() as session:
        add_person(session, "anna@example.org", "Anna 100% Berg")
        add_person(session, "ben@example.org", "Ben_Carl")
    with database.read() as session:
        assert [line.subscriber.name for line in list_subscribers(session, search="100%")] == ["Anna 100% Berg"]
        assert [line.subscriber.name for line in list_subscribers(session, search="N_c")] == ["Ben_Carl"]
        assert count_subscribers(session, search="EXAMPLE") == 2


def test_a_subscription_keeps_the_consent_that_made_it(database):
    with database.write() as session:
        newsletter, anna = add_newsletter(session), add_person(session, "anna@example.org")
        assert tie(session, newsletter, anna, SubscriptionState.PENDING)
        assert not tie(session, newsletter, anna), "a second one changes nothing"
    with database.read() as session:
        found = find_subscription(session, newsletter_id=newsletter, subscriber_id=anna)
        assert (found.state, found.consent) == (SubscriptionState.PENDING, CONSENT)
        assert list_subscriptions(session, anna) == (found,)


def test_a_subscription_moves_only_from_the_state_it_should(database):
    again = Consent(at=NOW + timedelta(days=2), how="command")
    with database.write() as session:
        newsletter, anna = add_newsletter(session), add_person(session, "anna@example.org")
        tie(session, newsletter, anna, SubscriptionState.PENDING)
        key = list_subscriptions(session, anna)[0].id
        assert not begin_again(session, key, state=SubscriptionState.ACTIVE, consent=again)
        assert end_subscription(session, key, why="unsubscribed", now=NOW)
        assert not end_subscription(session, key, why="other", now=NOW + timedelta(days=1))
        ended = list_subscriptions(session, anna)[0]
        assert (ended.ended_why, ended.ended_at, ended.consent.confirmed_at) == ("unsubscribed", NOW, None)
        assert begin_again(session, key, state=SubscriptionState.ACTIVE, consent=again)
        begun = list_subscriptions(session, anna)[0]
        assert (begun.state, begun.consent, begun.ended_at) == (SubscriptionState.ACTIVE, again, None)


def test_the_first_reason_of_a_suppression_stays(database):
    carl = address_hash(KEY, "carl@example.org")
    with database.write() as session:
        add_person(session, "carl@example.org")
        assert insert_suppression(session, carl, reason="complaint", now=NOW, note="feedback loop")
        assert not insert_suppression(session, carl, reason="admin", now=NOW)
        assert list_subscribers(session)[0].suppressed == "complaint"
        found = find_suppression(session, carl)
        assert (found.reason, found.note) == ("complaint", "feedback loop")
        assert delete_suppression(session, carl)
        assert not delete_suppression(session, carl)
        assert find_suppression(session, carl) is None


def test_an_erased_person_leaves_nameless_rows_in_the_ledger(database):
    states = [DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.INFLIGHT, DeliveryState.ACCEPTED]
    with database.write() as session:
        cast = assemble(session)
        for number, state in enumerate(states, 1):
            issue = add_issue(session, cast, number)
            reply = "550 5.1.1 <anna@example.org> unknown"
            add_delivery(session, issue, cast.anna, state=state, reply=reply, message_id="<anna@example.org>")
        add_delivery(session, issue, cast.dora)
    with database.write() as session:
        erase_subscriber(session, cast.anna, now=NOW)
    with database.read() as session:
        rows = session.execute(select(DeliveryRow.__table__).order_by(DeliveryRow.id)).mappings().all()
        assert [row["state"] for row in rows] == ["skipped", "skipped", "inflight", "accepted", "queued"]
        assert [row["reason"] for row in rows[:2]] == ["erased", "erased"]
        assert [row["subscriber_id"] for row in rows] == [None] * 4 + [cast.dora]
        assert "anna" not in str([dict(row) for row in rows])
        assert rows[4]["address"] == "dora@example.org"
        assert list_subscriptions(session, cast.anna) == ()
        assert find_subscriber(session, "anna@example.org") is None


def test_an_id_is_never_given_twice(database):
    """The log's lines about an erased person must not become the next one's."""
    with database.write() as session:
        anna = add_person(session, "anna@example.org")
        erase_subscriber(session, anna, now=NOW)
        assert add_person(session, "ben@example.org") > anna
