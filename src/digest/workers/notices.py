"""Notices have a loop of their own: a long issue delays no confirmation."""

import asyncio
import logging
from datetime import timedelta

from digest.app import App, notify_due, tidy_people
from digest.errors import DigestError

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=5)
"""Where the pages are another process, nobody knocks."""
TIDY_EVERY = timedelta(hours=1)


async def notify_on(app: App, *, stop: asyncio.Event, knock: asyncio.Event, every: timedelta = LOOK_EVERY) -> None:
    """Decide about sign-ups and send notices when somebody knocks, and every few seconds, until `stop`."""
    failing, loop = False, asyncio.get_running_loop()
    tidied = -TIDY_EVERY.total_seconds()
    while not stop.is_set():
        knock.clear()
        try:
            report = await notify_due(app, stop=stop)
            if loop.time() - tidied >= TIDY_EVERY.total_seconds():
                await asyncio.to_thread(tidy_people, app)
                tidied = loop.time()
        except DigestError as error:
            if not failing:  # told once, not every few seconds
                log.error("notices stopped", extra={"problem": error.message, "next_step": error.next_step})  # noqa: TRY400
            failing = True
        except Exception:
            log.exception("a fault in digest itself stopped the notices")
            failing = True
        else:
            failing = report.problem is not None
            if report.accepted or report.decided:
                log.info("notices", extra={"decided": report.decided, "sent": report.accepted})
        await _wait(stop, knock, seconds=every.total_seconds() * (6 if failing else 1))


async def _wait(stop: asyncio.Event, knock: asyncio.Event, *, seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (stop, knock)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
