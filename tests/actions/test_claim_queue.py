"""Claims ahead of the lanes: whatever is claimed is taken or given back, also when who closes the queue is cut off."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from tests import cast
from tests.actions.delivering import counts, prepare

from digest.actions.claim_queue import ClaimQueue
from digest.actions.ledger import LedgerWriter
from digest.store import sending
from digest.store.database import Database

LEASE = timedelta(minutes=3)


def test_closing_that_is_cut_off_loses_no_claim(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, people=3)
    with sqlite_database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)

    async def close_twice() -> None:
        async with LedgerWriter(
            sqlite_database, issue_id=issue, owner="one", clock=lambda: cast.NOW, lanes=2, claim_lease=LEASE, dot_lease=LEASE
        ) as writer:  # fmt: skip
            queue = ClaimQueue(writer, lanes=2)
            taking = asyncio.create_task(queue.take())
            await asyncio.sleep(0)
            closing = asyncio.create_task(queue.close())
            await asyncio.sleep(0)
            closing.cancel()
            with suppress(asyncio.CancelledError):
                await closing
            taken = await taking
            for delivery in (*await queue.close(), *((taken,) if taken else ())):
                writer.release(delivery)

    asyncio.run(close_twice())
    assert counts(sqlite_database, issue) == {"queued": 4}
