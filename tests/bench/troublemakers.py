"""Clients that do harm by being slow or broken, one connection a call. What becomes of them is not looked at."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_HEAD = b"GET /archive/weekly HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        yield wire


def drip(port: int) -> None:
    """Headers that take their time."""
    with _connected(port) as wire:
        wire.sendall(_HEAD)
        for number in range(10):
            wire.sendall(b"X-%d: 1\r\n" % number)
            time.sleep(0.05)


def break_off(port: int) -> None:
    """A form that is never finished."""
    with _connected(port) as wire:
        wire.sendall(b"POST /unsubscribe/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50000\r\n\r\nabc")
        time.sleep(0.05)


def rubbish(port: int) -> None:
    """No HTTP at all."""
    with _connected(port) as wire:
        wire.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50)
        wire.recv(4096)
        time.sleep(0.02)


def take_nothing(port: int) -> None:
    """Asks for much, and goes without a word of it."""
    with _connected(port) as wire:
        wire.sendall((_HEAD + b"\r\n") * 20)
        time.sleep(0.1)


def too_much(port: int) -> None:
    """A header and a body that are too large."""
    for head in (
        _HEAD + b"X: " + b"x" * 60_000,
        b"POST /unsubscribe/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999\r\n\r\n",
    ):
        with _connected(port) as wire:
            wire.sendall(head + b"y" * 70_000)
            wire.recv(4096)
    time.sleep(0.05)


TROUBLE = (drip, break_off, rubbish, take_nothing, too_much)
