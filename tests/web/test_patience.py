"""Clients that are slow on purpose, and clients that lie about who they are."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.web.served import Served, served

from digest.store.database import Database
from digest.web.patience import Patience

QUICK = Patience(headers=0.6, taking=0.6, look=0.1)


@pytest.fixture
def quick(sqlite_database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(sqlite_database, tmp_path, patience=QUICK) as site:
        yield site


@contextmanager
def connected(site: Served, *, take: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as wire:
        if take:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, take)
        wire.settimeout(10)
        wire.connect(("127.0.0.1", site.port))
        yield wire


def drip(wire: socket.socket, pieces: Callable[[int], bytes]) -> tuple[bytes, float]:
    """Send one piece each 50 ms until the other end has had enough; what it said, and after how many seconds."""
    began, said = time.monotonic(), b""
    wire.setblocking(False)
    for number in range(200):
        try:
            with suppress(BlockingIOError):  # heard first: what is sent to who has gone may undo what they said
                part = wire.recv(4096)
                if not part:
                    break
                said += part
            with suppress(BlockingIOError):
                wire.send(pieces(number))
        except OSError:
            break
        time.sleep(0.05)
    return said, time.monotonic() - began


def test_headers_that_never_end_are_ended(quick: Served) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    with connected(quick) as wire:
        said, seconds = drip(wire, lambda n: head if n == 0 else b"X-%d: 1\r\n" % n)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.5 < seconds < 5


def test_the_second_request_of_a_connection_has_no_more_time(quick: Served) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(quick) as wire:
        said, seconds = drip(wire, lambda n: request if n == 0 else b"G" if n == 1 else b"E")
    assert said.count(b"HTTP/1.1 200 OK") == 1
    assert b"HTTP/1.1 408 " in said
    assert seconds < 5


def test_a_body_that_nobody_asked_for_is_not_waited_for(quick: Served) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
    with connected(quick) as wire:
        said, seconds = drip(wire, lambda n: head if n == 0 else b"x")
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 200 ")
    assert seconds < 5


def test_who_says_nothing_is_not_waited_for(quick: Served) -> None:
    with connected(quick) as wire:
        assert wire.recv(99).startswith(b"HTTP/1.1 408 ")


def test_who_takes_nothing_of_the_answer_is_left(quick: Served) -> None:
    """Many answers asked for and none read: what cannot be sent is thrown away with the connection."""
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(quick, take=2048) as wire:
        wire.setblocking(False)
        began, broken = time.monotonic(), False
        while not broken and time.monotonic() - began < 10:
            try:
                wire.send(asked * 20)
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                broken = True
    assert broken
    assert quick.get("/healthz").status == 200


def test_a_patient_reader_keeps_the_connection(quick: Served) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(quick) as wire:
        for _ in range(3):
            wire.sendall(request)
            said = b""
            while not said.endswith(b"ok\n"):
                part = wire.recv(4096)
                assert part, said
                said += part
            time.sleep(0.4)


def test_only_named_proxies_are_believed(sqlite_database: Database, tmp_path: Path) -> None:
    """/metrics tells who is believed to ask: it is for the loopback network alone."""
    stranger = {"X_Forwarded_For": "192.0.2.1", "X_Forwarded_Proto": "https"}
    with served(sqlite_database, tmp_path, proxies=["127.0.0.1"]) as site:
        assert site.get("/metrics").status == 200
        assert site.get("/metrics", **stranger).status == 404
        assert site.get("/metrics", X_Forwarded_For="127.0.0.1, 192.0.2.1").status == 404  # forged before a proxy
    with served(sqlite_database, tmp_path, proxies=["192.0.2.0/24"]) as site:
        assert site.get("/metrics", **stranger).status == 200
        assert site.get("/metrics", Forwarded="for=192.0.2.1").status == 200


def test_the_log_has_routes_and_no_tokens_and_no_addresses(quick: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="digest.web.access"):
        quick.get("/unsubscribe/1-1.secrettoken?who=anna@example.org", X_Forwarded_For="192.0.2.7")
        quick.get("/no/secrettoken")
        quick.get("/archive/weekly", "BREW")
        quick.get("/healthz")
    told = [record for record in caplog.records if record.name == "digest.web.access"]
    facts = [(r.__dict__["method"], r.__dict__["route"], r.__dict__["status"]) for r in told]
    assert facts == [("GET", "/unsubscribe/{token}", 404), ("GET", "none", 404), ("other", "/archive/{slug}", 405)]
    assert all(record.__dict__["ms"] >= 0 for record in told)
    from digest.logs import JsonFormatter

    lines = "".join(JsonFormatter().format(record) for record in caplog.records)
    for secret in ("secrettoken", "anna", "192.0.2", "127.0.0.1"):
        assert secret not in lines
