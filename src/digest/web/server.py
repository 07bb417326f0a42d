"""uvicorn in our loop: it serves until `stop`, and finishes the requests in hand."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from digest.errors import TryLater
from digest.web.chores import do_chores
from digest.web.desk import Desk
from digest.web.patience import Patience, protocol_with
from digest.web.site import make_site

log = logging.getLogger(__name__)

AT_ONCE = 400
"""Connections; more are answered 503 by uvicorn."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's: it tells us by `stop`."""
        yield


async def serve_site(
    desk: Desk, *, stop: asyncio.Event, ready: asyncio.Event | None = None, patience: Patience | None = None
) -> None:
    """Serve the pages where web.listen says.

    Raises:
        TryLater: the place is taken.
    """
    web = desk.app.settings.web
    config = uvicorn.Config(
        make_site(desk), log_config=None, access_log=False, server_header=False, date_header=True, lifespan="off",
        proxy_headers=True, forwarded_allow_ips=list(web.proxies), limit_concurrency=AT_ONCE, timeout_keep_alive=15,
        timeout_graceful_shutdown=10, h11_max_incomplete_event_size=16 * 1024, ws="none",
        http=protocol_with(patience or Patience()),
    )  # fmt: skip
    server = _Server(config)
    with _listening(*web.place) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        log.info("pages", extra={"listen": "{}:{}".format(*listener.getsockname()[:2])})
        if ready:
            ready.set()
        chores = asyncio.create_task(do_chores(desk, stop=stop))
        await stop.wait()
        server.should_exit = True
        await running
        await chores


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise TryLater(
            f"the pages cannot be served at {host}:{port}: {error.strerror}",
            next_step="another program has that port: set web.listen, or web.serve = false",
        ) from error
    with listener:
        yield listener
