"""A loopback proxy that stretches the round trip: `python -m tests.bench.delay LISTEN CONNECT MILLISECONDS`.

What comes in leaves half the round trip later, in order, whichever way it goes. It limits no bandwidth.
"""

import asyncio
import sys
from functools import partial


class Side(asyncio.Protocol):
    """One end of a connection; what it hears the other end says, later."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []  # heard before the other end was there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        else:
            asyncio.get_running_loop().call_later(self.seconds, self.other.say, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other:
            asyncio.get_running_loop().call_later(self.seconds, self.other.leave)

    def say(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)

    def leave(self) -> None:
        if self.transport:
            self.transport.close()

    def join(self, other: "Side") -> None:
        self.other = other
        for data in self.early:
            self.data_received(data)


class Front(Side):
    """The end that clients connect to."""

    def __init__(self, seconds: float, port: int) -> None:
        super().__init__(seconds)
        self.port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.task = asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        _, back = await loop.create_connection(partial(Side, self.seconds), "127.0.0.1", self.port)
        back.join(self)
        self.join(back)


async def serve(listen: int, connect: int, milliseconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Front, milliseconds / 2000, connect), "127.0.0.1", listen, backlog=200)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
