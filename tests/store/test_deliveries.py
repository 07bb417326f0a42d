"""The ledger's moves, on both databases: every one is compare-and-set."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from tests import cast

from digest.core.people import Claimed, Delivery, Outcome
from digest.core.policy import after
from digest.core.states import DeliveryState, IssueState, OutcomeKind, SubscriptionState
from digest.errors import Conflict, NotFound
from digest.store import deliveries, held, sending
from digest.store.database import Database

LEASE = timedelta(minutes=5)
ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250, reply="queued")


def prepare(database: Database, *people: str, variants: tuple[str, ...] = ("en",)) -> tuple[cast.Cast, int]:
    """An issue that is going out, to anna and these people; its deliveries made."""
    with database.write() as session:
        company = cast.assemble(session)
        for address in people:
            person = cast.add_subscriber(session, address)
            cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        for language in variants:
            cast.add_variant(session, issue, f"*/{language}", language=language)
    with database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)
    return company, issue


def take(
    database: Database, issue: int, *, owner: str = "one", limit: int = 10, now: datetime = cast.NOW
) -> tuple[Claimed, ...]:
    with database.write() as session:
        return deliveries.claim(session, issue, owner=owner, limit=limit, now=now, lease_until=now + LEASE)


def mark(database: Database, *taken: Claimed, owner: str = "one", now: datetime = cast.NOW) -> frozenset[int]:
    with database.write() as session:
        named = [(one, f"<{one.id}@x.example>") for one in taken]
        return deliveries.mark_inflight(session, named, owner=owner, now=now, lease_until=now + LEASE)


def settle(database: Database, delivery: Claimed, outcome: Outcome = ACCEPTED, now: datetime = cast.NOW) -> int:
    step = after(outcome, tries=delivery.tries + 1, first_try=delivery.trying_since or now, now=now)
    with database.write() as session:
        given = deliveries.Settlement(delivery=delivery, outcome=outcome, step=step)
        return deliveries.settle(session, [given], now=now)


def reap(database: Database, now: datetime) -> deliveries.Reaped:
    with database.write() as session:
        return deliveries.reap(session, now=now)


def rows(database: Database, issue: int) -> tuple[Delivery, ...]:
    with database.read() as session:
        return deliveries.list_deliveries(session, issue)


def states(database: Database, issue: int) -> list[str]:
    return [str(row.state) for row in rows(database, issue)]


def test_only_the_active_and_unsuppressed_get_a_delivery_and_their_number_is_kept(database: Database) -> None:
    company, issue = prepare(database)
    (row,) = rows(database, issue)
    assert (row.subscriber_id, row.address, row.name) == (company.anna, "anna@example.org", "Anna")
    with database.read() as session:
        assert session.execute(text("SELECT expected FROM issue")).scalar() == 1


def test_an_issue_starts_once(database: Database) -> None:
    _, issue = prepare(database)
    with database.write() as session:
        assert sending.start_sending(session, issue, now=cast.NOW) is None
    assert len(rows(database, issue)) == 1


def test_an_issue_that_was_never_rendered_does_not_start(database: Database) -> None:
    with database.write() as session:
        issue = cast.add_issue(session, cast.assemble(session), state=IssueState.SENDING)
    with pytest.raises(Conflict, match="never rendered"), database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)
    with database.read() as session:
        assert session.execute(text("SELECT expected FROM issue")).scalar() is None


def test_readers_get_their_language_and_their_cadence(database: Database) -> None:
    with database.write() as session:
        company = cast.assemble(session)
        daily = cast.add_cadence(session, company.newsletter, "daily")
        for address, language, cadence in (
            ("de@x.example", "de", None), ("fa@x.example", "fa", company.cadence), ("daily@x.example", "en", daily)
        ):  # fmt: skip
            person = cast.add_subscriber(session, address, language=language)
            cast.add_subscription(session, company.newsletter, person, cadence_id=cadence)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        english, german = (cast.add_variant(session, issue, f"*/{code}", language=code) for code in ("en", "de"))
        assert sending.start_sending(session, issue, now=cast.NOW) == 3
    wanted = {"anna@example.org": english, "de@x.example": german, "fa@x.example": english}
    assert {row.address: row.variant_id for row in rows(database, issue)} == wanted


def test_the_whole_way_to_accepted(database: Database) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    assert (states(database, issue), taken.owner, taken.fence, taken.dated) == (["claimed"], "one", 1, cast.NOW)
    assert mark(database, taken) == {taken.id}
    assert rows(database, issue)[0].message_id == f"<{taken.id}@x.example>"
    assert settle(database, taken) == 1
    (row,) = rows(database, issue)
    assert (row.state, row.tries, row.code, row.reply) == (DeliveryState.ACCEPTED, 1, 250, "queued")
    with database.write() as session:
        assert sending.finish(session, issue, now=cast.NOW)
        assert not sending.finish(session, issue, now=cast.NOW)


def test_what_one_has_claimed_another_does_not_get(database: Database) -> None:
    _, issue = prepare(database, "b@x.example", "c@x.example")
    first, second = take(database, issue, limit=2), take(database, issue, owner="two")
    assert (len(first), len(second)) == (2, 1)
    assert not {row.id for row in first} & {row.id for row in second}
    assert mark(database, *first, owner="two") == frozenset()


def test_a_claim_whose_lease_is_over_goes_back_and_its_old_owner_cannot_send(database: Database) -> None:
    _, issue = prepare(database)
    (old,) = take(database, issue)
    later = cast.NOW + LEASE + timedelta(seconds=1)
    assert reap(database, cast.NOW) == deliveries.Reaped(queued=0, uncertain=0)
    assert reap(database, later) == deliveries.Reaped(queued=1, uncertain=0)
    assert mark(database, old, now=later) == frozenset()
    (new,) = take(database, issue, owner="one", now=later)  # the same owner again: the fence tells them apart
    assert mark(database, old, now=later) == frozenset()
    assert mark(database, new, now=later) == {new.id}
    assert new.dated == cast.NOW, "the Date is the first attempt's"


def test_a_message_in_flight_becomes_uncertain_and_nothing_sends_it_again(database: Database) -> None:
    _, issue = prepare(database)
    mark(database, *take(database, issue))
    later = cast.NOW + timedelta(days=300)
    assert reap(database, later) == deliveries.Reaped(queued=0, uncertain=1)
    assert states(database, issue) == ["uncertain"]
    assert take(database, issue, now=later) == ()
    assert reap(database, later) == deliveries.Reaped(queued=0, uncertain=0)
    with database.write() as session:
        assert sending.finish(session, issue, now=later), "a held delivery does not keep the issue open"


def test_a_lease_that_a_clock_a_year_ahead_has_given_is_over_and_a_late_answer_still_counts(database: Database) -> None:
    _, issue = prepare(database)
    ahead = cast.NOW + timedelta(days=365)
    (slow,) = take(database, issue, now=ahead)
    assert reap(database, cast.NOW) == deliveries.Reaped(queued=1, uncertain=0), "the clock is set back"
    (slow,) = take(database, issue, now=ahead)
    mark(database, slow, now=ahead)
    assert reap(database, cast.NOW) == deliveries.Reaped(queued=0, uncertain=1)
    assert settle(database, slow) == 1
    assert states(database, issue) == ["accepted"]


def test_a_late_answer_is_still_the_truth(database: Database) -> None:
    _, issue = prepare(database)
    (slow,) = take(database, issue)
    mark(database, slow)
    reap(database, cast.NOW + timedelta(days=1))
    assert settle(database, slow) == 1
    assert states(database, issue) == ["accepted"]


def test_only_the_operator_sends_an_uncertain_one_again_and_the_old_owner_is_then_fenced_off(
    database: Database,
) -> None:
    _, issue = prepare(database)
    (slow,) = take(database, issue)
    mark(database, slow)
    reap(database, cast.NOW + timedelta(days=1))
    with database.write() as session:
        assert (
            held.resolve_held(
                session,
                issue,
                to=DeliveryState.QUEUED,
                states=[DeliveryState.UNCERTAIN],
                address_keys=None,
                now=cast.NOW,
            )
            == 1
        )
    assert settle(database, slow) == 0
    assert states(database, issue) == ["queued"]
    assert rows(database, issue)[0].fence == slow.fence + 1


@pytest.mark.parametrize("change", ["unsubscribe", "rest", "suppress", "pause", "cancel"])
def test_leaving_pausing_and_cancelling_act_up_to_the_final_dot(database: Database, change: str) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    with database.write() as session:
        if change == "unsubscribe":
            session.execute(text("UPDATE subscription SET state = :s"), {"s": str(SubscriptionState.ENDED)})
        elif change == "rest":
            session.execute(text("UPDATE subscription SET paused_until = '2017-09-01 00:00:00+00:00'"))
        elif change == "suppress":
            cast.add_suppression(session, "anna@example.org")
        elif change == "pause":
            assert sending.pause(session, issue, reason="by hand", now=cast.NOW)
        else:
            assert sending.cancel(session, issue, reason="by hand", now=cast.NOW)
    assert mark(database, taken) == frozenset()
    with database.write() as session:
        deliveries.turn_away(session, [taken], now=cast.NOW)
    (row,) = rows(database, issue)
    reasons = {"unsubscribe": "unsubscribed", "rest": "paused", "suppress": "suppressed"}
    reasons["cancel"] = "the issue was cancelled"
    assert (str(row.state), row.reason) == (("queued", None) if change == "pause" else ("skipped", reasons[change]))


def test_who_left_before_the_claim_is_skipped_without_a_conversation(database: Database) -> None:
    _, issue = prepare(database, "b@x.example")
    with database.write() as session:
        cast.add_suppression(session, "b@x.example")
    assert [row.address for row in take(database, issue)] == ["anna@example.org"]
    assert [(str(row.state), row.reason) for row in rows(database, issue)] == [
        ("claimed", None), ("skipped", "suppressed")
    ]  # fmt: skip


def test_who_pauses_gets_no_delivery_until_the_pause_is_over(database: Database) -> None:
    with database.write() as session:
        company = cast.assemble(session)
        for address, until in (("away@x.example", timedelta(seconds=1)), ("back@x.example", timedelta(0))):
            person = cast.add_subscriber(session, address)
            cast.add_subscription(session, company.newsletter, person, paused_until=cast.NOW + until)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue)
        assert sending.start_sending(session, issue, now=cast.NOW) == 2
    assert [row.address for row in rows(database, issue)] == ["anna@example.org", "back@x.example"]


def test_who_pauses_before_the_claim_is_skipped_and_does_not_get_it_later(database: Database) -> None:
    _, issue = prepare(database)
    with database.write() as session:
        session.execute(text("UPDATE subscription SET paused_until = '2017-09-01 00:00:00+00:00'"))
    assert take(database, issue) == ()
    assert [(str(row.state), row.reason) for row in rows(database, issue)] == [("skipped", "paused")]
    assert take(database, issue, now=cast.NOW + timedelta(days=30)) == ()


def test_a_paused_issue_is_not_claimed_from_and_goes_on_when_resumed(database: Database) -> None:
    _, issue = prepare(database)
    with database.write() as session:
        assert sending.pause(session, issue, reason="by hand", now=cast.NOW)
        assert not sending.pause(session, issue, reason="again", now=cast.NOW)
    assert take(database, issue) == ()
    with database.write() as session:
        assert sending.resume(session, issue, now=cast.NOW)
    assert len(take(database, issue)) == 1


def test_a_deferred_one_waits_and_keeps_its_count(database: Database) -> None:
    _, issue = prepare(database)
    deferred = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450, enhanced="4.2.0", reply="greylisted")
    (taken,) = take(database, issue)
    assert settle(database, taken, deferred) == 1
    assert take(database, issue, now=cast.NOW + timedelta(minutes=14)) == ()
    (again,) = take(database, issue, now=cast.NOW + timedelta(minutes=15))
    assert (again.tries, again.fence, rows(database, issue)[0].code) == (1, 2, 450)


def test_acceptance_is_never_written_on_what_was_not_in_flight(database: Database) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    assert settle(database, taken) == 0
    assert settle(database, taken._replace(fence=9)) == 0
    assert states(database, issue) == ["claimed"]


def test_a_mark_is_given_once(database: Database) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    assert mark(database, taken) == {taken.id}
    assert mark(database, taken) == frozenset(), "its dot may be out"
    settle(database, taken)
    assert mark(database, taken) == frozenset()
    assert states(database, issue) == ["accepted"]


@pytest.mark.parametrize("kind", [OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED])
@pytest.mark.parametrize("whose", [{"owner": "two"}, {"fence": 9}], ids=["owner", "fence"])
def test_an_answer_to_another_claim_is_not_written(database: Database, kind: OutcomeKind, whose: dict) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    mark(database, taken)
    assert settle(database, taken._replace(**whose), Outcome(kind=kind, phase="dot", code=250)) == 0
    assert states(database, issue) == ["inflight"]


def test_what_was_accepted_stays_accepted_whatever_is_said_later(database: Database) -> None:
    _, issue = prepare(database)
    (taken,) = take(database, issue)
    mark(database, taken)
    assert settle(database, taken) == 1
    assert settle(database, taken, Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451)) == 0
    assert settle(database, taken) == 0
    assert states(database, issue) == ["accepted"]


def test_a_released_claim_can_be_taken_at_once(database: Database) -> None:
    _, issue = prepare(database)
    taken = take(database, issue)
    with database.write() as session:
        assert deliveries.release(session, taken) == 1
    assert len(take(database, issue, owner="two")) == 1


def test_pausing_what_is_not_there_says_so(database: Database) -> None:
    with pytest.raises(NotFound, match="no issue 99"), database.write() as session:
        sending.pause(session, 99, reason="by hand", now=cast.NOW)


def test_claiming_walks_the_index_of_queued_rows(sqlite_database: Database) -> None:
    _, issue = prepare(sqlite_database)
    seen: list[str] = []
    from sqlalchemy import event

    def note(connection, cursor, statement, parameters, context, many):
        if "WITH due AS" in statement:
            seen.append(" ".join(str(row[3]) for row in cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)))

    event.listen(sqlite_database.engine, "after_cursor_execute", note)
    with sqlite_database.write() as session:
        deliveries.claim(session, issue, owner="a", limit=5, now=cast.NOW, lease_until=cast.NOW)
    assert "ix_delivery_queued" in seen[0]
    assert "TEMP B-TREE" not in seen[0]


def test_the_reaper_walks_the_index_of_what_is_held(sqlite_database: Database) -> None:
    _, issue = prepare(sqlite_database)
    take(sqlite_database, issue)
    seen: list[str] = []
    from sqlalchemy import event

    def note(connection, cursor, statement, parameters, context, many):
        if statement.startswith("UPDATE"):
            seen.append(" ".join(str(row[3]) for row in cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)))

    event.listen(sqlite_database.engine, "before_cursor_execute", note)
    reap(sqlite_database, cast.NOW + timedelta(days=1))
    assert len(seen) == 2
    assert all("ix_delivery_leased" in plan for plan in seen), seen


def test_marking_and_settling_find_their_rows_by_id(sqlite_database: Database) -> None:
    _, issue = prepare(sqlite_database, *(f"reader{number}@x.example" for number in range(5)))
    taken = take(sqlite_database, issue)
    seen: list[str] = []
    from sqlalchemy import event

    def note(connection, cursor, statement, parameters, context, many):
        if "json_each" in statement:
            seen.append(" ".join(str(row[3]) for row in cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)))

    event.listen(sqlite_database.engine, "before_cursor_execute", note)
    assert len(mark(sqlite_database, *taken)) == 6
    for one in taken:
        settle(sqlite_database, one)
    assert len(seen) == 7
    for plan in seen:
        assert "SEARCH delivery USING INTEGER PRIMARY KEY" in plan, plan
        assert "SCAN delivery" not in plan


def test_who_left_while_claimed_fails_at_the_mark_and_takes_no_new_claim_away(database: Database) -> None:
    _, issue = prepare(database, "ben@x.example")
    (early,) = take(database, issue, limit=1)
    with database.write() as session:
        session.execute(
            text("UPDATE subscription SET state = :state WHERE subscriber_id = :id"),
            {"state": str(SubscriptionState.ENDED), "id": early.subscriber_id},
        )
    (later,) = take(database, issue, limit=1)
    assert later.id != early.id
    assert mark(database, early, later) == {later.id}
    with database.write() as session:
        deliveries.turn_away(session, [early], now=cast.NOW)
    assert [row.state for row in rows(database, issue)] == [DeliveryState.SKIPPED, DeliveryState.INFLIGHT]
