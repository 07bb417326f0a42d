"""`unsubscribe TOKEN` by mail, as the mailto of List-Unsubscribe writes it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from tests import cast

from digest.actions.mail_verbs import obey
from digest.core.links import Purpose, sign, unsubscribe_links
from digest.core.states import SubscriptionState
from digest.store.database import Database
from digest.store.subscriptions import find_subscription


@pytest.fixture
def people(sqlite_database: Database) -> cast.Cast:
    with sqlite_database.write() as session:
        return cast.assemble(session)


def state(database: Database, people: cast.Cast) -> SubscriptionState:
    with database.read() as session:
        tie = find_subscription(session, newsletter_id=people.newsletter, subscriber_id=people.anna)
    assert tie
    return tie.state


@pytest.mark.parametrize("prefix", ["", "Re: ", "AW: Re:  "])
def test_the_subject_of_the_mailto_lets_its_reader_leave(
    sqlite_database: Database, people: cast.Cast, prefix: str
) -> None:
    links = unsubscribe_links(None, key=cast.KEY, newsletter_id=people.newsletter, subscriber_id=people.anna,
                              reply_to="weekly@example.org")  # fmt: skip
    (subject,) = parse_qs(urlsplit(links.mailto).query)["subject"]
    for _ in range(2):
        assert obey(sqlite_database, prefix + subject, keys=(b"newer", cast.KEY), now=cast.NOW) is not None
        assert state(sqlite_database, people) is SubscriptionState.ENDED


def test_nothing_else_does(sqlite_database: Database, people: cast.Cast) -> None:
    token = sign(cast.KEY, Purpose.UNSUBSCRIBE, people.anna, people.newsletter)
    other = sign(cast.KEY, Purpose.PREFERENCES, people.anna, people.newsletter)
    for subject in ("", "unsubscribe", f"unsubscribe {token}x", f"subscribe {token}", f"unsubscribe {other}", token,
                    f"unsubscribe {token}\r\nBcc: x@example.org", f"unsubscribe {sign(b'x', Purpose.UNSUBSCRIBE, 1, 1)}"):  # fmt: skip
        assert obey(sqlite_database, subject, keys=(cast.KEY,), now=cast.NOW) is None
    assert state(sqlite_database, people) is SubscriptionState.ACTIVE
