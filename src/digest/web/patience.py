"""How long a connection may keep us waiting: uvicorn ends an idle one, but not one that sends a header's letter a second.

Checked once a second, by what the loop's clock says: a request must have begun to be answered so long after its first byte,
and what was answered must be taken so long after it was written.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 17\r\n"
    b"Connection: close\r\n\r\nit took too long\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds."""

    headers: float = 10.0  # from the first byte, or from connecting, to the end of the headers
    taking: float = 60.0  # for the client to take what it asked for
    look: float = 1.0  # between two looks at a connection


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to slow clients."""

    def __init__(self, *, patience: Patience, **given: Any) -> None:
        super().__init__(**given)
        self._patience = patience
        self._begun: float | None = None  # since when a request is on its way in
        self._full: float | None = None  # since when an answer is on its way out
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._begun = self.loop.time()
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        if self._watch:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        super().data_received(data)
        if self._is_in_hand:
            self._begun = None
        elif self._begun is None:
            self._begun = self.loop.time()

    @property
    def _is_in_hand(self) -> bool:
        """The application has the request; the guard sees to its time."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's types forget that there is none at first
        return cycle is not None and not cycle.response_complete

    def _look_again(self) -> None:
        self._watch = self.loop.call_later(self._patience.look, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        if not self.transport.get_write_buffer_size():
            self._full = None
        elif self._full is None:
            self._full = now
        if self._full is not None and now - self._full > self._patience.taking:
            self.transport.abort()
        elif self._begun is not None and now - self._begun > self._patience.headers and not self._is_in_hand:
            self._end()
        else:
            self._look_again()

    def _end(self) -> None:
        if not self.transport.is_closing():
            if self.conn.our_state is h11.IDLE:  # else an answer was given already
                self.transport.write(_TOO_SLOW)
            self.transport.close()
        self._begun = None
        self._look_again()


def protocol_with(patience: Patience) -> Any:
    """What uvicorn makes a connection's protocol with."""
    return partial(PatientProtocol, patience=patience)
