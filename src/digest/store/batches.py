"""What a sender's lanes have done and want, written in one transaction: settled, turned away, marked, claimed."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.core.addresses import domain_of
from digest.core.people import Claimed
from digest.core.states import DeliveryState
from digest.store import deliveries, destinations, refusals
from digest.store.claiming import CLAIM, PROBE
from digest.store.database import Database
from digest.store.deliveries import Settlement
from digest.store.paced_claims import PacedClaims
from digest.store.prepared import Prepared, PreparedRows, as_time

_RESET_EVERY = timedelta(seconds=1)
"""An acceptance ends the issue's row of sender refusals; while all goes well, that is written this often."""
_LOOK_EVERY = timedelta(minutes=1)
"""Destinations that wait, and what other processes know of them, are looked at this often while there is other mail."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """What waits to be written."""

    settlements: list[Settlement] = field(default_factory=list)
    turned_away: list[Claimed] = field(default_factory=list)
    released: list[Claimed] = field(default_factory=list)
    marks: list[tuple[Claimed, str]] = field(default_factory=list)  # with the Message-ID
    claims: list[int] = field(default_factory=list)  # how many each wants

    def __bool__(self) -> bool:
        return bool(self.settlements or self.turned_away or self.released or self.marks or self.claims)


class Written(NamedTuple):
    """What came of it, after the commit."""

    marked: frozenset[int] = frozenset()
    claimed: tuple[tuple[Claimed, ...], ...] = ()  # for each that asked
    waiting: frozenset[str] = frozenset()  # domains that get nothing now
    again_in: float | None = None  # seconds after which a claim that got nothing may get something
    given_up: tuple[int, ...] = ()  # deliveries that expired with their destination


NOTHING = Written()


class _Statements(NamedTuple):
    """What a writer runs, compiled."""

    claim: Prepared
    mark: PreparedRows
    mark_again: PreparedRows
    settle: PreparedRows
    both: Prepared | None  # settled and marked in one, where that is quicker


@lru_cache(maxsize=4)
def _statements_for(dialect: Dialect) -> _Statements:
    """Once for an engine: compiling takes ten milliseconds, and a daemon begins an issue, or goes on with one, every few minutes."""
    is_sqlite = dialect.name == "sqlite"
    again = partial(deliveries.mark_statement, again=True)
    return _Statements(
        claim=Prepared(CLAIM, dialect),
        mark=PreparedRows(deliveries.mark_statement, deliveries.MARK_ROW, dialect),
        mark_again=PreparedRows(again, deliveries.MARK_ROW, dialect),
        settle=PreparedRows(deliveries.settle_statement, deliveries.SETTLE_ROW, dialect),
        both=None if is_sqlite else Prepared(deliveries.settle_and_mark(dialect.name), dialect),
    )


class BatchWriter:
    """One connection, kept while an issue goes out. Used by one thread at a time."""

    def __init__(
        self,
        database: Database,
        *,
        issue_id: int,
        owner: str,
        claim_lease: timedelta,
        dot_lease: timedelta,
        paced: PacedClaims | None = None,
    ) -> None:
        self.database, self.issue_id, self.owner = database, issue_id, owner
        self.claim_lease, self.dot_lease = claim_lease, dot_lease
        statements = _statements_for(database.engine.dialect)
        self._claim, self._both = statements.claim, statements.both
        self._mark, self._mark_again, self._settle = statements.mark, statements.mark_again, statements.settle
        self._paced = paced  # None where nothing limits the pace
        self._connection: Connection | None = None
        self._doubted: dict[str, datetime | None] = {}  # domains that have deferred our mail; until when they wait
        self._looked_at: datetime | None = None  # at the destinations
        self._reset_at: datetime | None = None  # when an acceptance last ended a row of refusals

    def write(self, batch: Batch, *, now: datetime, again: bool = False) -> Written:
        """All of it or nothing, durable when this returns.

        `again`: an attempt before ended without a word, and may have been committed all the same.

        Raises:
            DatabaseBusy: locked for longer than the timeout, or the connection is gone; may be tried again.
            DatabaseError: anything else the database refused.
        """
        known = self._doubted.copy(), self._reset_at, self._looked_at
        try:
            with self.database.translated():
                connection = self._connection = self._connection or self.database.open_writer()
                if not again and self._is_usual(batch, now):
                    write_usual = self._write_in_steps if self._both is None else self._write_at_once
                    if (marked := write_usual(connection, batch, now)) is not None:
                        return Written(marked, waiting=self._waiting(now))
                with connection.begin():
                    settlements = self._unsettled(connection, batch) if again else batch.settlements
                    self._settle_all(connection, batch, settlements, now)
                    given_up = self._follow(connection, settlements, now)
                    marked = self._mark_all(connection, batch, now, again=again)
                    claimed = self._claim_all(connection, batch, now)
        except BaseException:
            self.close()  # whatever is wrong with it, the next attempt gets a new one
            self._doubted, self._reset_at, self._looked_at = known  # what was written with it is undone, too
            raise
        again_in = self._paced.again_in if self._paced else None
        return Written(marked, claimed, self._waiting(now), again_in, given_up)

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, sqlite3.Error):  # broken already, as a rule: then it is not given back
                self.database.close_writer(connection)

    def _is_usual(self, batch: Batch, now: datetime) -> bool:
        """Nothing but marks, and acceptances of which nothing follows: nearly every batch."""
        if batch.claims or batch.turned_away or batch.released:
            return False
        return not batch.settlements or not (self._is_reset_due(now) or self._telling(batch.settlements))

    def _write_in_steps(self, connection: Connection, batch: Batch, now: datetime) -> frozenset[int] | None:
        """On SQLite's own connection. None where one was not marked: then nothing is written, and the long way tells which."""
        self.database.begin_writing(connection)
        driver, dialect = connection.connection, connection.dialect
        if batch.settlements:
            rows = [deliveries.accepted_row(one) for one in batch.settlements]
            self._settle.run(connection, rows, holder=self.owner, now=now)
        if batch.marks and self._run_mark(connection, batch, now) != len(batch.marks):
            dialect.do_rollback(driver)
            return None
        dialect.do_commit(driver)
        return frozenset([one.id for one, _ in batch.marks])

    def _write_at_once(self, connection: Connection, batch: Batch, now: datetime) -> frozenset[int]:
        """In one statement, which is a transaction by itself and tells what it has marked (Postgres)."""
        assert self._both is not None
        settled = json.dumps([deliveries.accepted_row(one) for one in batch.settlements])
        given = {"holder": self.owner, "now": now, "lease": now + self.dot_lease}
        rows = json.dumps(_rows_to_mark(batch))
        marked = self._both.run_alone(connection, rows=rows, settled=settled, **given)
        return frozenset([number for (number,) in marked])

    def _is_reset_due(self, now: datetime) -> bool:
        return self._reset_at is None or abs(now - self._reset_at) >= _RESET_EVERY

    def _run_mark(self, connection: Connection, batch: Batch, now: datetime, *, again: bool = False) -> int:
        statement = self._mark_again if again else self._mark
        return statement.run(connection, _rows_to_mark(batch), holder=self.owner, now=now, lease=now + self.dot_lease)

    def _unsettled(self, connection: Connection, batch: Batch) -> list[deliveries.Settlement]:
        """Without what the attempt before has written: an answer counts once."""
        self._looked_at = None  # nor is known what that attempt has written of the destinations
        with Session(connection, join_transaction_mode="rollback_only") as session:
            return deliveries.unsettled_among(session, batch.settlements)

    def _settle_all(
        self, connection: Connection, batch: Batch, settlements: list[deliveries.Settlement], now: datetime
    ) -> None:
        if not (settlements or batch.turned_away or batch.released):
            return
        plain = all(one.step.state is DeliveryState.ACCEPTED for one in settlements)
        if plain and not (self._is_reset_due(now) or batch.turned_away or batch.released):
            rows = [deliveries.accepted_row(one) for one in settlements]
            self._settle.run(connection, rows, holder=self.owner, now=now)
            return
        with Session(connection, join_transaction_mode="rollback_only") as session:
            deliveries.settle(session, settlements, now=now)
            # Only those that were still ours: others were sent, or given back already.
            unused = deliveries.turn_away(session, batch.turned_away, now=now)
            unused += deliveries.release(session, batch.released)
            if self._paced:
                self._paced.give_back(session, unused, now)
        self._reset_at = now if plain else None

    def _follow(self, connection: Connection, settlements: list[Settlement], now: datetime) -> tuple[int, ...]:
        """What the answers mean beyond their own deliveries: for addresses and for destinations. As a rule, nothing."""
        if not (telling := self._telling(settlements)):
            return ()
        with Session(connection, join_transaction_mode="rollback_only") as session:
            given_up = destinations.note_answers(session, self.issue_id, telling, doubted=self._doubted, now=now)
            refusals.suppress_dead(session, telling, now=now)
        return given_up

    def _telling(self, settlements: list[Settlement]) -> list[Settlement]:
        """Those that say something of an address or a destination."""
        accepted, doubted = DeliveryState.ACCEPTED, self._doubted
        return [one for one in settlements if one.step.state is not accepted
                or (doubted and domain_of(one.delivery.address) in doubted)]  # fmt: skip

    def _waiting(self, now: datetime) -> frozenset[str]:
        return frozenset([name for name, until in self._doubted.items() if until and until > now])

    def _mark_all(self, connection: Connection, batch: Batch, now: datetime, *, again: bool) -> frozenset[int]:
        if not batch.marks:
            return frozenset()
        wanted = [one for one, _ in batch.marks]
        if self._run_mark(connection, batch, now, again=again) == len(wanted):
            return frozenset(one.id for one in wanted)
        with Session(connection, join_transaction_mode="rollback_only") as session:
            return deliveries.marked_among(session, wanted)

    def _claim_all(self, connection: Connection, batch: Batch, now: datetime) -> tuple[tuple[Claimed, ...], ...]:
        if not batch.claims or (self._paced and not self._paced.begin(now)):
            return ((),) * len(batch.claims)
        given = {"issue": self.issue_id, "new_owner": self.owner, "now": now, "lease": now + self.claim_lease}

        def take(limit: int) -> Iterator[Claimed]:
            rows = self._claim.run(connection, most=limit, **given).fetchall()
            return (Claimed._make((*row[:-2], as_time(row[-2]), as_time(row[-1]))) for row in rows)

        with Session(connection, join_transaction_mode="rollback_only") as session:
            way = partial(self._paced.take, session, given=given) if self._paced else take
            taken = [deliveries.claim_eligible(session, partial(way, limit), now=now) for limit in batch.claims]
            looked = self._looked_at is not None and abs(now - self._looked_at) < _LOOK_EVERY
            if not (looked and taken[-1]):
                taken[-1] = (*taken[-1], *self._probe(session, given, now))
            return tuple(taken)

    def _probe(self, session: Session, given: dict[str, Any], now: datetime) -> Iterator[Claimed]:
        """One delivery of each destination that has waited long enough."""
        self._looked_at = now
        self._doubted = {each.domain: each.standing.not_before for each in destinations.list_destinations(session)}
        for domain in destinations.due_probes(session, now=now) if self._doubted else ():
            take = partial(deliveries.run_claim, session, PROBE, {**given, "destination": domain, "most": 1})
            yield from deliveries.claim_eligible(session, take, now=now)


def _rows_to_mark(batch: Batch) -> list[tuple[int, int, str]]:
    return [(one.id, one.fence, message_id) for one, message_id in batch.marks]
