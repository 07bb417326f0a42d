"""Joining: the same work for everybody at the door, caps that no crowd passes, and nobody subscribed but by their own word."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from tests import cast
from tests.cast import Cast

from digest.actions.readers import leave
from digest.actions.signups import ask, ask_again, confirm, decide_signups, has_signups, tidy
from digest.actions.subscribe import erase
from digest.core.signups import Caps, Signup
from digest.core.states import NoticeKind, SubscriptionState
from digest.store.database import Database
from digest.store.events import list_events
from digest.store.notices import list_notices
from digest.store.subscribers import find_subscriber
from digest.store.subscriptions import find_subscription

NOW = cast.NOW
CAPS = Caps()


@pytest.fixture
def people(database: Database) -> Cast:
    with database.write() as session:
        return cast.assemble(session)


def signup(people: Cast, address: str, **given) -> Signup:
    fields = {"network": "192.0.2.9", "page": "https://news.example/subscribe/weekly", "text": "Send me it.",
              "version": "1-en", "asked_at": NOW}  # fmt: skip
    return Signup(newsletter_id=people.newsletter, address=address, **(fields | given))


def join(database: Database, people: Cast, address: str, *, now=NOW, caps: Caps = CAPS, **given) -> None:
    ask(database, signup(people, address, asked_at=now, **given), network="192.0.2.0/24", caps=caps, key=cast.KEY)
    decide_signups(database, caps=caps, key=cast.KEY, now=now)


def notices(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(str(one.kind), one.address) for one in reversed(list_notices(session))]


def tie_of(database: Database, people: Cast, address: str):
    with database.read() as session:
        person = find_subscriber(session, address)
        return person and find_subscription(session, newsletter_id=people.newsletter, subscriber_id=person.id)


def confirm_it(database: Database, people: Cast, who: int, *, now=NOW):
    return confirm(database, subscriber_id=who, newsletter_id=people.newsletter, caps=CAPS, key=cast.KEY, now=now)


def test_whoever_is_unknown_pending_or_gone_is_asked_and_nobody_else(database: Database, people: Cast) -> None:
    for name in ("eve", "ben", "dora", "anna", "carl"):
        ask(database, signup(people, f"{name}@example.org"), network="a", caps=CAPS, key=cast.KEY)
    assert has_signups(database)
    done = decide_signups(database, caps=CAPS, key=cast.KEY, now=NOW)
    assert (done.confirmations, done.already, done.nothing, done.beyond_caps) == (3, 1, 1, 0)
    assert notices(database) == [
        ("confirm", "eve@example.org"), ("confirm", "ben@example.org"), ("confirm", "dora@example.org"),
        ("already", "anna@example.org"),
    ]  # fmt: skip
    assert not has_signups(database)
    tie = tie_of(database, people, "eve@example.org")
    assert tie.state is SubscriptionState.PENDING
    assert (tie.consent.how, tie.consent.origin, tie.consent.text, tie.consent.version, tie.consent.page) == (
        "form", "192.0.2.9", "Send me it.", "1-en", "https://news.example/subscribe/weekly",
    )  # fmt: skip
    assert tie_of(database, people, "anna@example.org").consent.version is None, "what an active reader gave stays"


def test_a_closed_door_lets_nobody_in(database: Database, people: Cast) -> None:
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET signup = 'closed'"))
    join(database, people, "eve@example.org")
    assert (notices(database), tie_of(database, people, "eve@example.org")) == ([], None)


def test_the_door_does_the_same_for_everybody(database: Database, people: Cast) -> None:
    """The statements are the same, whoever it is: time tells nothing either."""
    erase(database, "ben@example.org", secret=cast.KEY, now=NOW)
    join(database, people, "pending@example.org", caps=Caps(per_network=99))
    seen: dict[str, list[str]] = {}
    for name in ("anna", "carl", "dora", "ben", "pending", "stranger"):
        said = seen.setdefault(name, [])

        def hear(_c, _cursor, statement, _p, _x, _many, said=said):
            said.append(statement)

        event.listen(database.engine, "before_cursor_execute", hear)
        try:
            ask(database, signup(people, f"{name}@example.org"), network="b", caps=Caps(per_network=99), key=cast.KEY)
        finally:
            event.remove(database.engine, "before_cursor_execute", hear)
    assert len({tuple(said) for said in seen.values()}) == 1
    assert all("subscri" not in one and "suppression" not in one for one in seen["anna"])


def test_one_confirmation_a_day_and_three_ever(database: Database, people: Cast) -> None:
    for hours in (0, 1, 23, 25, 50, 75, 100, 2000):
        join(database, people, "Eve@example.org" if hours % 2 else "eve@EXAMPLE.org", now=NOW + timedelta(hours=hours))
    assert len(notices(database)) == 3
    eve = find(database, "eve@example.org")
    assert confirm_it(database, people, eve).tie.state is SubscriptionState.ACTIVE
    later = NOW + timedelta(days=365)
    leave(database, subscriber_id=eve, newsletter_id=people.newsletter, now=later)
    join(database, people, "eve@example.org", now=later)
    assert Counter(kind for kind, _ in notices(database)) == {"confirm": 4, "welcome": 1}, "confirming begins anew"


def find(database: Database, address: str) -> int:
    with database.read() as session:
        person = find_subscriber(session, address)
    assert person is not None
    return person.id


def test_a_domain_and_an_hour_have_their_caps_too(database: Database, people: Cast) -> None:
    caps = Caps(per_domain=2, per_hour=5, per_network=99)
    for number in range(4):
        for domain in ("one.example", "two.example", "three.example"):
            address = f"reader{number}@{domain}"
            ask(database, signup(people, address), network="a", caps=caps, key=cast.KEY)
    done = decide_signups(database, caps=caps, key=cast.KEY, now=NOW)
    assert (done.confirmations, done.beyond_caps) == (5, 7)
    domains = Counter(address.partition("@")[2] for _, address in notices(database))
    assert domains == {"one.example": 2, "two.example": 2, "three.example": 1}
    join(database, people, "reader9@one.example", now=NOW + timedelta(hours=1), caps=caps)
    assert len(notices(database)) == 6, "a new hour, and what was refused was not counted"


def test_a_network_is_told_when_to_come_back(database: Database, people: Cast) -> None:
    caps = Caps(per_network=2)
    waits = [
        ask(database, signup(people, f"r{n}@example.org"), network="198.51.100.0/24", caps=caps, key=cast.KEY)
        for n in range(3)
    ]
    assert waits == [None, None, timedelta(hours=1)]
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM signup")).scalar_one() == 2
        kept = " ".join(session.execute(text("SELECT name FROM tally")).scalars())
    assert "198.51" not in kept


def test_a_crowd_gets_no_more_mails_than_the_cap(sqlite_database: Database) -> None:
    """1,000 strangers from 100 networks; `python -m tests.bench.signups` does it with 10,000 from 1,000."""
    from tests.bench.signups import crowd

    with sqlite_database.write() as session:
        people = cast.assemble(session)
    caps = Caps(per_network=8, per_hour=150)
    sent = crowd(sqlite_database, people.newsletter, strangers=1000, networks=100, caps=caps, now=NOW)
    assert sent == 150
    assert len(notices(sqlite_database)) == 150


def test_confirming_is_the_readers_own_word_once(database: Database, people: Cast) -> None:
    join(database, people, "eve@example.org")
    eve = find(database, "eve@example.org")
    first = confirm_it(database, people, eve, now=NOW + timedelta(minutes=2))
    second = confirm_it(database, people, eve, now=NOW + timedelta(minutes=9))
    assert first == second
    assert (first.tie.state, first.tie.consent.confirmed_at) == (SubscriptionState.ACTIVE, NOW + timedelta(minutes=2))
    assert [kind for kind, _ in notices(database)] == [NoticeKind.CONFIRM, NoticeKind.WELCOME]
    assert confirm_it(database, people, people.carl) is None, "suppressed"
    assert confirm_it(database, people, 999) is None
    assert confirm_it(database, people, people.dora).tie.state is SubscriptionState.ENDED, (
        "an old link brings nobody back"
    )


def test_who_had_left_comes_back_by_confirming_alone_and_keeps_the_story(database: Database, people: Cast) -> None:
    join(database, people, "dora@example.org")
    tie = tie_of(database, people, "dora@example.org")
    assert (tie.state, tie.ended_why) == (SubscriptionState.PENDING, "unsubscribed")
    with database.read() as session:
        asked = list_events(session, subscriber_id=people.dora)[-1]
    assert (asked.kind, asked.data["before"]["state"]) == ("subscription.asked", "ended")
    assert asked.data["before"]["confirmed_at"] == (NOW - timedelta(days=30)).isoformat()
    assert confirm_it(database, people, people.dora).tie.ended_at is None


def test_what_nobody_confirms_is_forgotten(database: Database, people: Cast) -> None:
    for name in ("eve", "dora"):
        join(database, people, f"{name}@example.org")
    assert tidy(database, now=NOW + timedelta(days=13)) == 1  # ben, who asked a month ago
    assert tidy(database, now=NOW + timedelta(days=15)) == 2
    with database.read() as session:
        assert find_subscriber(session, "eve@example.org") is None
    assert tie_of(database, people, "dora@example.org").state is SubscriptionState.ENDED
    assert tie_of(database, people, "dora@example.org").ended_why == "unsubscribed"
    assert [address for _, address in notices(database)] == ["dora@example.org"]
    assert tidy(database, now=NOW + timedelta(days=15)) == 0


def test_a_new_link_asks_the_same_once_more(database: Database, people: Cast) -> None:
    join(database, people, "eve@example.org", zone="Asia/Tokyo")
    later = NOW + timedelta(days=8)
    eve = find(database, "eve@example.org")
    given = {"newsletter_id": people.newsletter, "network": "a", "caps": CAPS, "key": cast.KEY, "now": later}
    assert ask_again(database, subscriber_id=eve, **given) is None
    assert ask_again(database, subscriber_id=people.anna, **given) is None
    done = decide_signups(database, caps=CAPS, key=cast.KEY, now=later)
    assert (done.confirmations, done.total) == (1, 1)
    tie = tie_of(database, people, "eve@example.org")
    assert (tie.consent.at, tie.consent.origin, tie.consent.version) == (later, "192.0.2.9", "1-en")
