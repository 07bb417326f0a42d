"""Outcomes on the disk: taken up once, by owner and fence, whole or torn."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast

from digest.core.people import Claimed, Outcome
from digest.core.policy import after
from digest.core.states import DeliveryState, IssueState, OutcomeKind
from digest.errors import DatabaseBusy
from digest.store import deliveries, destinations, held, sending
from digest.store.database import Database
from digest.store.deliveries import Settlement
from digest.store.spool import Spool, TakenUp

LEASE = cast.NOW + timedelta(minutes=3)


def inflight(database: Database, people: int) -> tuple[Claimed, ...]:
    """So many messages whose final dot is out."""
    with database.write() as session:
        company = cast.assemble(session)
        for number in range(people - 1):
            person = cast.add_subscriber(session, f"reader{number}@x.example")
            cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue, html="<p>Hi</p>")
        sending.start_sending(session, issue, now=cast.NOW)
        claimed = deliveries.claim(session, issue, owner="one", limit=99, now=cast.NOW, lease_until=LEASE)
        deliveries.mark_inflight(
            session, [(one, "id") for one in claimed], owner="one", now=cast.NOW, lease_until=LEASE
        )
    return claimed


def settlement(delivery: Claimed, kind: OutcomeKind = OutcomeKind.ACCEPTED, code: int = 250) -> Settlement:
    outcome = Outcome(kind=kind, phase="dot", code=code, reply=f"<{delivery.address}> ok", server="mx")
    return Settlement(
        delivery=delivery, outcome=outcome, step=after(outcome, tries=1, first_try=cast.NOW, now=cast.NOW)
    )


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.execute(text("SELECT state FROM delivery ORDER BY id")).scalars())


def test_every_kind_of_outcome_comes_back_as_it_was(database: Database, tmp_path: Path) -> None:
    one, two, three = inflight(database, 3)
    spool = Spool(tmp_path / "spool")
    kept = [settlement(one), settlement(two, OutcomeKind.DEFERRED, 451), settlement(three, OutcomeKind.REFUSED, 553)]
    file = spool.keep(kept, at=cast.NOW + timedelta(minutes=1))
    assert file is not None
    assert "@" not in file.read_text()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["outcome"]["kind"] for line in lines] == ["accepted", "deferred", "refused"], (
        "by name, for who reads it"
    )
    assert spool.take_up(database) == TakenUp(settled=3, passed=0)
    assert states(database) == ["accepted", "queued", "refused"]
    with database.read() as session:
        rows = deliveries.list_deliveries(session, one.issue_id)
    assert [(row.code, row.phase, row.reply) for row in rows] == [
        (250, "dot", "<…> ok"), (451, "dot", "<…> ok"), (553, "dot", "<…> ok")
    ]  # fmt: skip
    assert rows[1].not_before == cast.NOW + timedelta(minutes=15)
    with database.read() as session:
        assert [each.domain for each in destinations.list_destinations(session)] == ["x.example"], "which deferred us"
    assert not file.exists()
    assert spool.take_up(database) == TakenUp()


def test_what_the_reaper_called_uncertain_takes_its_outcome_and_what_an_admin_decided_does_not(
    database: Database, tmp_path: Path
) -> None:
    one, two = inflight(database, 2)
    spool = Spool(tmp_path)
    spool.keep([settlement(one), settlement(two)], at=cast.NOW)
    with database.write() as session:
        assert deliveries.reap(session, now=LEASE + timedelta(minutes=1)).uncertain == 2
        held.resolve_held(
            session, two.issue_id, to=DeliveryState.QUEUED, states=[DeliveryState.UNCERTAIN],
            address_keys=[two.address.lower()], now=cast.NOW,
        )  # fmt: skip
    assert spool.take_up(database) == TakenUp(settled=1, passed=1)
    assert states(database) == ["accepted", "queued"]


def test_a_torn_last_line_costs_only_itself(sqlite_database: Database, tmp_path: Path) -> None:
    one, two = inflight(sqlite_database, 2)
    file = Spool(tmp_path).keep([settlement(one), settlement(two)], at=cast.NOW)
    assert file is not None
    file.write_bytes(file.read_bytes()[:-40])
    assert Spool(tmp_path).take_up(sqlite_database) == TakenUp(settled=1, passed=0)
    assert states(sqlite_database) == ["accepted", "inflight"]


def test_an_outcome_that_is_kept_twice_is_written_down_once(database: Database, tmp_path: Path) -> None:
    (one,) = inflight(database, 1)
    for _ in range(2):
        Spool(tmp_path).keep([settlement(one)], at=cast.NOW)
    assert Spool(tmp_path).take_up(database) == TakenUp(settled=1, passed=1)
    assert states(database) == ["accepted"]


def test_what_cannot_be_written_down_stays_on_the_disk(sqlite_database: Database, tmp_path: Path) -> None:
    (one,) = inflight(sqlite_database, 1)
    file = Spool(tmp_path).keep([settlement(one)], at=cast.NOW)
    assert file is not None
    impatient = Database(str(sqlite_database.url), busy_timeout_ms=50)
    with sqlite_database.write() as session:
        session.execute(text("UPDATE issue SET reason = reason"))  # has the lock from here on
        with pytest.raises(DatabaseBusy):
            Spool(tmp_path).take_up(impatient)
    impatient.close()
    assert file.exists()
    assert Spool(tmp_path).take_up(sqlite_database) == TakenUp(settled=1, passed=0)


def test_two_processes_at_once_write_an_outcome_down_once(database: Database, tmp_path: Path) -> None:
    claimed = inflight(database, 40)
    for one in claimed:
        Spool(tmp_path).keep([settlement(one)], at=cast.NOW)
    taken: list[TakenUp] = []
    hands = [threading.Thread(target=lambda: taken.append(Spool(tmp_path).take_up(database))) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sum(one.settled for one in taken) == 40
    assert states(database) == ["accepted"] * 40
    assert list(tmp_path.glob("*.jsonl")) == []


def test_where_nothing_was_kept_there_is_no_folder(sqlite_database: Database, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.keep([], at=cast.NOW) is None
    assert spool.take_up(sqlite_database) == TakenUp()
    assert not spool.folder.exists()
