"""What a site does every minute besides answering: old limits are forgotten, visits become counts, who was erased leaves the files."""

import asyncio
import logging

from digest.actions.clicks import settle_visits
from digest.errors import DigestError
from digest.store.tallies import forget_old
from digest.web.desk import Desk, in_thread

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds."""


async def do_chores(desk: Desk, *, stop: asyncio.Event, every: float = EVERY) -> None:
    """Until `stop`. What fails is tried again the next time."""
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), every)
        except TimeoutError:
            try:
                await in_thread(tidy, desk)
            except DigestError as error:
                log.warning("a chore was put off", extra={"problem": error.message})


def tidy(desk: Desk) -> None:
    """One round.

    Raises:
        DatabaseError: the database refused.
    """
    app = desk.app
    with app.database.write() as session:
        forget_old(session, now=app.clock())
    settle_visits(app.database, now=app.clock())
    desk.leftovers.scrub(app.database)
