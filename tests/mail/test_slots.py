"""How many connections: no more than the server has room for, all of them again when it is well, none left idle."""

import asyncio
import time

import pytest
from tests.smtp_server import DEFAULTS, PIPELINED, ScriptedServer

from digest.core.people import Envelope
from digest.core.states import OutcomeKind
from digest.errors import TransportError
from digest.mail.smtp import SmtpTransport

LANES = 8


class SmallServer(ScriptedServer):
    """Has room for so many connections at once, and turns others away at the door."""

    room, inside, most, turned_away = 3, 0, 0, 0

    async def _converse(self, reader: asyncio.StreamReader) -> None:
        if self.inside >= self.room:
            self.turned_away += 1
            self._writer_of().write(b"421 4.7.0 too many connections\r\n")
            return
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await super()._converse(reader)
        finally:
            self.inside -= 1

    async def _take_message(self, reader: asyncio.StreamReader, sender: str, recipient: str) -> None:
        await asyncio.sleep(0.002)
        await super()._take_message(reader, sender, recipient)


def letter(number: int) -> Envelope:
    message = b"Subject: %d\r\n\r\nHello.\r\n" % number
    return Envelope(sender="list@news.example", recipient=f"r{number}@x.example", pieces=(message,))


def transport_to(server: ScriptedServer, **more: float) -> SmtpTransport:
    return SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=LANES, **more)


async def send_by_lanes(transport: SmtpTransport, number: int, *, announces: bool = True) -> list[OutcomeKind]:
    """As a delivery does: lane by lane, each message made while the one before it is marked."""
    letters, kinds = [letter(each) for each in range(number)], []

    async def lane() -> None:
        following = letters.pop() if letters else None
        while following:
            current, following = following, None

            async def before_dot() -> bool | Envelope:
                nonlocal following
                await asyncio.sleep(0.001)
                following = letters.pop() if letters else None
                return following if announces and following else True

            kinds.append((await transport.send(current, before_dot=before_dot)).kind)

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return kinds


@pytest.mark.parametrize("ehlo", [DEFAULTS["ehlo"], PIPELINED], ids=["one by one", "announced"])
def test_a_small_server_takes_everything_over_the_connections_it_has_room_for(ehlo: bytes) -> None:
    async def talk() -> SmallServer:
        async with SmallServer({"ehlo": ehlo}) as server:
            transport = transport_to(server)
            assert await send_by_lanes(transport, 200) == [OutcomeKind.ACCEPTED] * 200
            await transport.close()
            return server

    server = asyncio.run(talk())
    assert (len(server.accepted), server.most) == (200, 3)
    assert server.turned_away <= LANES, "an announced message keeps its connection, so no lane tries one more for it"


def test_what_was_announced_and_is_not_sent_keeps_no_slot_from_others() -> None:
    """As when a run is stopped while the server has room for fewer than there are lanes: those that wait must end, too."""

    async def talk() -> SmallServer:
        async with SmallServer({"ehlo": PIPELINED}) as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=2)
            began = asyncio.Event()

            async def announce() -> Envelope:
                began.set()
                return letter(9)

            async def go() -> bool:
                return True

            first = [asyncio.create_task(transport.send(letter(number), before_dot=announce)) for number in (1, 2)]
            await began.wait()
            third = asyncio.create_task(transport.send(letter(3), before_dot=go))
            async with asyncio.timeout(20):
                assert [(await each).kind for each in (*first, third)] == [OutcomeKind.ACCEPTED] * 3
            await transport.close()
            return server

    assert len(asyncio.run(talk()).accepted) == 3


def test_who_is_turned_away_when_all_others_are_through_goes_on_with_their_connection() -> None:
    """The last ones of an issue: the server was not gone."""

    class Slow(SmallServer):
        room = 1

        async def _converse(self, reader: asyncio.StreamReader) -> None:
            come.set()
            if self.inside >= self.room:
                full.set()
                await through.wait()
            await super()._converse(reader)

    come, full, through = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def talk() -> Slow:
        async with Slow() as server:
            transport = transport_to(server)

            async def once_full() -> bool:
                await full.wait()
                return True

            async def go() -> bool:
                return True

            first = asyncio.create_task(transport.send(letter(1), before_dot=once_full))
            await come.wait()
            second = asyncio.create_task(transport.send(letter(2), before_dot=go))
            assert (await first).kind is OutcomeKind.ACCEPTED
            through.set()
            assert (await second).kind is OutcomeKind.ACCEPTED
            await transport.close()
            return server

    server = asyncio.run(talk())
    assert (len(server.accepted), server.turned_away) == (2, 1)


def test_a_server_that_was_gone_gets_every_connection_again() -> None:
    async def talk() -> None:
        async with SmallServer() as server:
            server.room = 0
            transport = transport_to(server)
            with pytest.raises(TransportError, match="421"):
                await send_by_lanes(transport, LANES)
            await asyncio.sleep(0.05)
            assert server.turned_away == LANES, "nobody tries again what has just failed for all"
            server.room = LANES
            await send_by_lanes(transport, 100)
            assert server.most == LANES
            await transport.close()

    asyncio.run(talk())


def test_one_bad_moment_does_not_cost_a_connection_for_good() -> None:
    async def talk() -> None:
        async with SmallServer() as server:
            transport = transport_to(server, slot_again=0.02)
            await send_by_lanes(transport, 50)
            assert server.most == 3
            server.room = LANES
            await send_by_lanes(transport, 1000, announces=False)
            assert server.most > 3
            await transport.close()

    asyncio.run(talk())


def test_a_connection_that_nobody_uses_any_more_is_ended_while_others_go_on() -> None:
    async def talk() -> None:
        async with SmallServer() as server:
            server.room = LANES
            transport = transport_to(server, idle_seconds=0.1)
            await send_by_lanes(transport, 40)
            until = time.monotonic() + 10

            async def go() -> bool:
                return True

            while server.inside > 1 and time.monotonic() < until:
                await transport.send(letter(0), before_dot=go)
            assert server.inside == 1
            await transport.close()
            assert server.commands.count("QUIT") == server.connections

    asyncio.run(talk())


def test_a_lane_that_is_cut_off_while_it_takes_leave_closes_its_connection() -> None:
    async def talk() -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        class Silent(ScriptedServer):
            async def _converse(self, reader: asyncio.StreamReader) -> None:
                self.reader = reader
                await super()._converse(reader)

            async def _say(self, phase: str) -> bytes:
                if phase != "quit":
                    return await super()._say(phase)
                asked.set()
                assert await self.reader.read() == b""
                left.set()
                return b""

        async def go() -> bool:
            return True

        async with Silent() as server:
            transport = transport_to(server)
            transport.per_connection = 1
            sending = asyncio.create_task(transport.send(letter(1), before_dot=go))
            await asyncio.wait_for(asked.wait(), 20)
            sending.cancel()
            await asyncio.wait_for(left.wait(), 20)

    asyncio.run(talk())
