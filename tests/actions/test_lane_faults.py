"""A fault of the program itself in one lane: it is told, and costs nobody else anything."""

import asyncio

import pytest
from tests import cast
from tests.actions.delivering import Scripted, counts, prepare, run

from digest.core.people import Envelope, Outcome
from digest.core.states import IssueState
from digest.mail.transport import BeforeDot
from digest.store.database import Database


class Breaking(Scripted):
    """Its third message meets a fault while the first two wait for the reply to their final dot."""

    begun, closed = 0, False

    def __init__(self) -> None:
        super().__init__()
        self.two_wait = asyncio.Event()

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        self.begun += 1
        if self.begun == 3:
            await self.two_wait.wait()
            raise ZeroDivisionError
        outcome = await super().send(envelope, before_dot=before_dot)
        if len(self.finished) == 2:
            self.two_wait.set()
        await self.two_wait.wait()
        await asyncio.sleep(0.05)
        return outcome

    async def close(self) -> None:
        self.closed = True


def test_a_fault_in_one_lane_lets_the_others_hear_what_became_of_their_messages(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=9)
    server = Breaking()
    with pytest.raises(ZeroDivisionError):
        run(sqlite_database, server, concurrency=3)
    assert counts(sqlite_database, issue) == {"accepted": 2, "queued": 8}
    assert server.closed


def test_a_fault_in_one_issue_lets_the_next_one_go_out(sqlite_database: Database) -> None:
    first = prepare(sqlite_database)
    with sqlite_database.write() as session:
        company = cast.Cast(newsletter=1, cadence=1, anna=1, ben=2, carl=3, dora=4)
        second = cast.add_issue(session, company, 2, state=IssueState.SENDING)
        cast.add_variant(session, second, html="<p>Hi</p>")
    with pytest.raises(ZeroDivisionError):
        run(sqlite_database, Scripted(ZeroDivisionError()))
    assert counts(sqlite_database, first) == {"queued": 1}
    assert counts(sqlite_database, second) == {"accepted": 1}
