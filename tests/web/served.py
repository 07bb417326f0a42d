"""The readers' pages, really served: uvicorn on a port of its own, over a database of the test."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests import cast
from tests.listening import drop_connections

from digest.app import App
from digest.clock import Clock, system_clock
from digest.config import Settings
from digest.secret_files import KeyRing
from digest.settings_sections import DatabaseSettings, WebSettings
from digest.store.database import Database
from digest.web.desk import Desk
from digest.web.patience import Patience
from digest.web.server import serve_site


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Served:
    """A running site."""

    desk: Desk
    port: int
    knocks: list[int]

    @property
    def app(self) -> App:
        return self.desk.app

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request."""
        return self._ask(method, path, None, headers)

    def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """A form, posted as a browser does."""
        return self._ask("POST", path, urlencode(form or {}, doseq=True), headers)

    def raw(self, request: bytes, *, seconds: float = 10) -> bytes:
        """These octets on a socket, and all that is answered until the other end closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as wire:
            wire.sendall(request)
            parts = []
            while part := wire.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, named)
            got = connection.getresponse()
            return Answer(got.status, dict(got.getheaders()), got.read().decode(errors="replace"))
        finally:
            connection.close()


@contextmanager
def served(
    database: Database,
    folder: Path,
    *,
    clock: Clock = system_clock,
    patience: Patience | None = None,
    turned_at: Callable[[], datetime | None] = lambda: None,
    sections: Mapping[str, Any] | None = None,
    **web: Any,
) -> Iterator[Served]:
    """The pages over this database, for a while. `web` are settings of [web], `sections` those of others."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    settings = Settings(
        database=DatabaseSettings(url=str(database.url)), home=folder, secret_key=cast.KEY.decode(), **(sections or {}),
        web=WebSettings(**{"base_url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}", **web}),
    )  # fmt: skip
    app = App(
        settings=settings,
        database=database,
        key=cast.KEY,
        keyring=KeyRing(settings.link_keys_file, cast.KEY),
        clock=clock,
    )
    knocks: list[int] = []
    desk = Desk(app=app, knock=lambda: knocks.append(1), turned_at=turned_at)
    site = Served(desk, port, knocks)
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        up = asyncio.Event()
        serving = asyncio.ensure_future(serve_site(desk, stop=stop, ready=up, patience=patience))
        waiting = asyncio.ensure_future(up.wait())
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        ready.set()
        waiting.cancel()
        await serving

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:  # ends whatever the server had not heard of yet, too
            runner.run(run())
            drop_connections(loop)

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(30)
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
