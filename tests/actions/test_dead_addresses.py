"""An address that is refused in issue after issue is suppressed, says why, and can be taken back."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.actions.delivering import KEY, Scripted, run

from digest.actions.subscribe import unsuppress
from digest.core.addresses import address_hash
from digest.core.people import Outcome, Suppression
from digest.core.policy import after
from digest.core.states import IssueState, OutcomeKind
from digest.store import deliveries, sending
from digest.store.database import Database
from digest.store.events import list_events
from digest.store.spool import Spool, TakenUp
from digest.store.suppressions import find_suppression

ANNA = "anna@example.org"
GONE = Outcome(kind=OutcomeKind.REFUSED, phase="rcpt", code=550, enhanced="5.1.1", reply=f"<{ANNA}> who?", server="mx")
BLOCKED = Outcome(kind=OutcomeKind.REFUSED, phase="rcpt", code=550, enhanced="5.7.1", reply="no", server="mx")
FULL = Outcome(kind=OutcomeKind.REFUSED, phase="rcpt", code=552, enhanced="5.2.2", reply="full", server="mx")


@pytest.fixture
def company(database: Database) -> cast.Cast:
    with database.write() as session:
        return cast.assemble(session)


def send(database: Database, company: cast.Cast, number: int, day: float, *answers: Outcome) -> datetime:
    """One more issue, so many days later, and what anna's server says."""
    now = cast.NOW + timedelta(days=day)
    with database.write() as session:
        issue = cast.add_issue(session, company, number, state=IssueState.SENDING, due_at=now)
        cast.add_variant(session, issue, html="<p>Hi %%k3y:name%%</p>", text="Hi %%k3y:name%%")
    run(database, Scripted(*answers), now=now, owner=f"run {number}")
    return now


def suppressed(database: Database) -> Suppression | None:
    with database.read() as session:
        return find_suppression(session, address_hash(KEY, ANNA))


def test_the_second_hard_refusal_days_later_suppresses_by_hash_without_an_address(
    database: Database, company: cast.Cast
) -> None:
    send(database, company, 1, 0, GONE)
    assert suppressed(database) is None
    now = send(database, company, 2, 7, GONE)
    found = suppressed(database)
    assert found
    assert (found.reason, found.created_at) == ("hard bounce", now)
    assert found.note == "refused 2 times since 2017-08-14, the last time with 550 5.1.1"
    with database.read() as session:
        (event,) = list_events(session, kind="subscriber.suppressed", subscriber_id=company.anna)
    assert event.data == {"reason": "hard bounce", "code": "550 5.1.1", "times": 2}
    assert "anna" not in f"{found}{event}"


def test_a_refusal_that_waited_on_the_disk_counts_as_if_it_had_been_written_at_once(
    database: Database, company: cast.Cast, tmp_path: Path
) -> None:
    send(database, company, 1, 0, GONE)
    now = cast.NOW + timedelta(days=7)
    with database.write() as session:
        issue = cast.add_issue(session, company, 2, state=IssueState.SENDING, due_at=now)
        cast.add_variant(session, issue)
        sending.start_sending(session, issue, now=now)
        (claimed,) = deliveries.claim(session, issue, owner="two", limit=9, now=now, lease_until=now)
    step = after(GONE, tries=1, first_try=now, now=now)
    Spool(tmp_path).keep([deliveries.Settlement(delivery=claimed, outcome=GONE, step=step)], at=now)
    assert Spool(tmp_path).take_up(database) == TakenUp(settled=1, passed=0)
    found = suppressed(database)
    assert found
    assert found.note == "refused 2 times since 2017-08-14, the last time with 550 5.1.1"


@pytest.mark.parametrize("answer", [BLOCKED, FULL])
def test_policy_and_a_full_mailbox_never_suppress(database: Database, company: cast.Cast, answer: Outcome) -> None:
    for number in range(1, 6):
        send(database, company, number, number * 7, answer)
    assert suppressed(database) is None


def test_a_day_on_which_a_provider_denies_everybody_costs_nobody(database: Database, company: cast.Cast) -> None:
    for number in range(1, 5):
        send(database, company, number, number * 0.5, GONE)
    send(database, company, 5, 3, Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250))
    send(database, company, 6, 7, GONE)
    assert suppressed(database) is None


def test_who_is_allowed_again_begins_anew(database: Database, company: cast.Cast) -> None:
    send(database, company, 1, 0, GONE)
    now = send(database, company, 2, 7, GONE)
    assert unsuppress(database, ANNA, secret=KEY, now=now + timedelta(hours=1)) == "hard bounce"
    send(database, company, 3, 14, GONE)
    assert suppressed(database) is None
    send(database, company, 4, 21, GONE)
    assert suppressed(database)


def test_another_address_of_the_same_person_is_not_blamed(database: Database, company: cast.Cast) -> None:
    from digest.actions.subscribe import edit_subscriber

    send(database, company, 1, 0, GONE)
    edit_subscriber(database, ANNA, secret=KEY, now=cast.NOW, new_address="anna@new.example")
    send(database, company, 2, 7, GONE)
    assert suppressed(database) is None
    with database.read() as session:
        assert find_suppression(session, address_hash(KEY, "anna@new.example")) is None
