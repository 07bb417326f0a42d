"""Ten thousand GET, HEAD and OPTIONS, as scanners and previews send them: the database is the same to the last byte."""

import asyncio
import hashlib
from itertools import cycle, islice
from pathlib import Path

from tests import cast

from digest.app import App
from digest.config import Settings
from digest.core.links import Purpose, sign
from digest.secret_files import KeyRing
from digest.settings_sections import DatabaseSettings, WebSettings
from digest.store.database import Database
from digest.web.desk import Desk
from digest.web.site import make_site

REQUESTS = 10_000


def test_ten_thousand_looks_change_no_byte_of_the_database(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as session:
        people = cast.assemble(session)
        cast.add_cadence(session, people.newsletter, "monthly", rule="monthly on day 1 at 09:00")
    everybody = (people.anna, people.ben, people.carl, people.dora)
    leaving = [f"/unsubscribe/{sign(cast.KEY, Purpose.UNSUBSCRIBE, who, people.newsletter)}" for who in everybody]
    choosing = [f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, who)}" for who in everybody]
    opened = [*leaving, *choosing, *(f"{path}/data.json" for path in choosing), *(f"{path}/erase" for path in choosing)]
    acted = [f"{path}/{what}" for path in leaving for what in ("undo", "why", "less", "pause", "topics")]
    # A page costs a millisecond or two, a refusal less: each is opened, and the many are the cheap ones.
    rounds = [("GET", path) for path in opened * 2] + [("HEAD", path) for path in opened * 2]
    rest = cycle([("OPTIONS", path) for path in (*opened, *acted)])
    rounds += [("GET", path) for path in acted] + [("HEAD", path) for path in acted]
    rounds += islice(rest, REQUESTS - len(rounds))
    app = _app(sqlite_database, tmp_path)
    before = _hash(sqlite_database)
    statuses = asyncio.run(_ask_all(app, rounds))
    assert len(statuses) == REQUESTS
    assert set(statuses) <= {200, 204, 405}
    assert _hash(sqlite_database) == before


async def _ask_all(app: App, rounds: list[tuple[str, str]]) -> list[int]:
    site = make_site(Desk(app=app))
    return [await _ask(site, method, path) for method, path in rounds]


async def _ask(site: object, method: str, path: str) -> int:
    statuses: list[int] = []
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
             "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": "",
             "client": ("192.0.2.1", 1), "server": ("localhost", 80)}  # fmt: skip

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await site(scope, receive, send)
    return statuses[0]


def _app(database: Database, folder: Path) -> App:
    settings = Settings(
        database=DatabaseSettings(url=str(database.url)), home=folder, secret_key=cast.KEY.decode(),
        web=WebSettings(base_url="http://localhost"),
    )  # fmt: skip
    return App(
        settings=settings,
        database=database,
        key=cast.KEY,
        keyring=KeyRing(settings.link_keys_file, cast.KEY),
        clock=lambda: cast.NOW,
    )


def _hash(database: Database) -> list[str]:
    assert database.path
    files = [database.path, database.path.with_name(database.path.name + "-wal")]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()]
