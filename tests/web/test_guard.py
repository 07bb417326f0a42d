"""What every request passes first, and what every answer carries."""

import socket
import time
from pathlib import Path

from tests.web.served import Served, served

from digest.store.database import Database


def test_another_host_is_not_served(site: Served) -> None:
    assert site.get("/", Host="evil.example").status == 421
    assert site.get("/", Host="localhost:99").status == 200


def test_a_host_that_is_an_address_is_served_as_a_browser_writes_it(sqlite_database: Database, tmp_path: Path) -> None:
    with served(sqlite_database, tmp_path, hosts=("2001:DB8::1", "[2001:db8::2]")) as site:
        asked = [site.get("/", Host=host).status for host in ("[2001:db8::1]:8025", "[2001:db8::2]", "[2001:db8::3]")]
    assert asked == [200, 200, 421]


def test_a_large_body_is_refused(site: Served) -> None:
    assert site.post("/unsubscribe/x", {"a": "b" * 100_000}).status == 413


def test_every_answer_has_the_headers_of_safety_and_no_cookie(site: Served) -> None:
    for answer in (site.get("/none"), site.get("/unsubscribe/x"), site.get("/unsubscribe/x", "DELETE")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers


def test_a_client_that_breaks_off_harms_nobody(site: Served) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as wire:
        wire.sendall(b"POST /unsubscribe/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\nabc")
        time.sleep(0.2)
    assert site.get("/none").status == 404
