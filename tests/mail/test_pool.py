"""Several mail servers: shared out by weight, put aside when they fail, and no message twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import wraps

import pytest
from tests.smtp_server import CLOSE, DEFAULTS, HANG, PIPELINED, ScriptedServer

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.errors import LoginRefused, TransportError
from digest.mail.pool import ASIDE, Server, ServerPool, choose
from digest.mail.smtp import SmtpTransport

MESSAGE = b"Subject: Hi\r\n\r\n" + b"Hello, reader of this line.\r\n" * 50
PATIENCE = dict.fromkeys(("mail", "rcpt", "data", "body", "dot", "rset", "quit"), 0.3)
BUSY = b"451 4.3.2 not now\r\n"


def reached(server: ScriptedServer, *, weight: int = 1, connections: int = 1, **options) -> Server:
    given = {"security": "plain", "patience": PATIENCE, "connections": connections, **options}
    transport = SmtpTransport(host="127.0.0.1", port=server.port, **given)
    return Server(transport, weight=weight, connections=connections)


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @wraps(test)
    def run(**given: object) -> None:
        asyncio.run(test(**given))

    return run


class Watch:
    """Seconds that pass only when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def send(pool: ServerPool, number: int = 0) -> Outcome:
    async def mark() -> bool:
        return True

    envelope = Envelope(sender="list@news.example", recipient=f"reader{number}@x.example", pieces=(MESSAGE,))
    return await pool.send(envelope, before_dot=mark)


@pytest.fixture(params=["one by one", "in one go"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "in one go":
        monkeypatch.setitem(DEFAULTS, "ehlo", PIPELINED)
    return request.param


def test_weights_are_kept_and_evenly_mixed() -> None:
    servers = {name: Server(None, weight=weight, connections=1) for name, weight in (("a", 5), ("b", 1), ("c", 1))}
    names = {id(server): name for name, server in servers.items()}
    round_ = "".join(names[id(choose(list(servers.values())))] for _ in range(14))
    assert round_ == "aabacaaaabacaa"


@in_a_loop
async def test_messages_are_shared_out_by_weight() -> None:
    async with ScriptedServer() as heavy, ScriptedServer() as light:
        pool = ServerPool([reached(heavy, weight=3, connections=2), reached(light, weight=1, connections=2)])
        await pool.open()
        await asyncio.gather(*(send(pool, number) for number in range(40)))
        await pool.close()
    assert (len(heavy.accepted), len(light.accepted)) == (30, 10)


@pytest.mark.parametrize(
    ("phase", "answer"),
    [("greeting", b"421 4.3.2 full\r\n"), ("greeting", b"554 no\r\n"), ("mail", CLOSE), ("mail", b"421 4.7.0 bye\r\n"),
     ("mail", BUSY), ("mail", HANG), ("rcpt", CLOSE), ("data", CLOSE)],
)  # fmt: skip
@in_a_loop
async def test_a_message_that_was_not_begun_goes_to_the_next_server(phase: str, answer: object) -> None:
    async with ScriptedServer({phase: answer}) as broken, ScriptedServer() as sound:
        pool = ServerPool([reached(broken), reached(sound)])
        outcomes = [await send(pool, number) for number in range(6)]
        await pool.close()
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert Counter(to for _, to, _ in sound.accepted) == {f"reader{number}@x.example": 1 for number in range(6)}
    assert broken.accepted == []


@pytest.mark.parametrize(("phase", "answer"), [("dot", CLOSE), ("dot", HANG), ("dot", b"garbage\r\n")])
@in_a_loop
async def test_what_became_uncertain_stays_so_and_no_other_server_gets_it(phase: str, answer: object) -> None:
    async with ScriptedServer({phase: answer}) as broken, ScriptedServer() as sound:
        pool = ServerPool([reached(broken, weight=9), reached(sound)])
        assert (await send(pool)).kind is OutcomeKind.UNCERTAIN
        await pool.close()
    assert sound.accepted == []


@in_a_loop
async def test_a_message_whose_mark_failed_is_offered_to_no_other_server() -> None:
    async def refuse() -> bool:
        asked.append(1)
        return False

    asked: list[int] = []
    async with ScriptedServer() as one, ScriptedServer() as two:
        pool = ServerPool([reached(one), reached(two)])
        envelope = Envelope(sender="list@news.example", recipient="reader@x.example", pieces=(MESSAGE,))
        assert (await pool.send(envelope, before_dot=refuse)).kind is OutcomeKind.UNSENT
        await pool.close()
    assert (len(asked), one.connections + two.connections) == (1, 1)


@pytest.mark.parametrize(
    ("phase", "answer"),
    [("rcpt", b"450 4.2.0 greylisted\r\n"), ("rcpt", b"550 5.1.1 who\r\n"), ("mail", b"554 5.7.1 you\r\n"),
     ("data", b"451 4.3.0 later\r\n"), ("dot", b"451 4.3.0 later\r\n")],
)  # fmt: skip
@in_a_loop
async def test_what_a_server_says_of_a_message_is_asked_of_no_other(phase: str, answer: bytes) -> None:
    async with ScriptedServer({phase: answer}) as first, ScriptedServer() as second:
        pool = ServerPool([reached(first, weight=9), reached(second)])
        outcome = await send(pool)
        await pool.close()
    assert (outcome.kind, outcome.phase) != (OutcomeKind.ACCEPTED, "dot")
    assert (first.accepted, second.connections) == ([], 0)


@pytest.mark.parametrize("offers", [b"250-SMTPUTF8\r\n250 SIZE 1000", b"250 SIZE"], ids=["too large", "no SMTPUTF8"])
@in_a_loop
async def test_what_is_beyond_one_server_goes_to_the_one_that_takes_it(offers: bytes) -> None:
    small = {"ehlo": b"250-scripted.example\r\n" + offers + b"\r\n"}
    who = Envelope(sender="list@news.example", recipient="jörg@x.example", pieces=(MESSAGE,))

    async def mark() -> bool:
        return True

    async with ScriptedServer(small) as first, ScriptedServer() as second:
        pool = ServerPool([reached(first, weight=9), reached(second)])
        assert [(await pool.send(who, before_dot=mark)).kind for _ in range(5)] == [OutcomeKind.ACCEPTED] * 5
        assert pool.servers[0].aside_until == 0.0, "nothing is wrong with it"
        await pool.close()
    assert (len(first.accepted), len(second.accepted)) == (0, 5)
    async with ScriptedServer(small) as first, ScriptedServer(small) as second:
        pool = ServerPool([reached(first), reached(second)])
        assert (await pool.send(who, before_dot=mark)).kind is OutcomeKind.REFUSED, "none takes it"
        pool.servers[1].aside_until = float("inf")
        assert (await pool.send(who, before_dot=mark)).kind is OutcomeKind.UNSENT, "one cannot be asked now"
        await pool.close()


@in_a_loop
async def test_a_server_that_cannot_be_reached_is_left_alone_for_longer_and_longer_and_comes_back() -> None:
    async with ScriptedServer() as gone, ScriptedServer() as sound:
        watch = Watch()
        pool = ServerPool([reached(gone, weight=1000), reached(sound)], seconds=watch)
        gone._server.close()  # nobody listens there any more
        waits = []
        for number in range(7):
            assert (await send(pool, number)).kind is OutcomeKind.ACCEPTED
            waits.append(pool.servers[0].aside_until - watch.now)
            assert (await send(pool, 100 + number)).kind is OutcomeKind.ACCEPTED, "and it is not asked again"
            watch.now = pool.servers[0].aside_until
        assert waits == [*ASIDE, ASIDE[-1], ASIDE[-1]]
    async with ScriptedServer() as back, ScriptedServer() as sound:
        pool.servers[0].transport, pool.servers[1].transport = reached(back).transport, reached(sound).transport
        await asyncio.gather(*(send(pool, number) for number in range(10)))
        await pool.close()
        assert len(back.accepted) == 10
        assert (pool.servers[0].falls, pool.servers[0].failures) == (0, 0)


@in_a_loop
async def test_one_busy_moment_puts_no_server_aside_and_three_in_a_row_do() -> None:
    async with (
        ScriptedServer({"mail": [BUSY, BUSY, DEFAULTS["mail"], BUSY, BUSY, BUSY]}) as busy,
        ScriptedServer() as sound,
    ):
        watch = Watch()
        pool = ServerPool([reached(busy, weight=1000), reached(sound)], seconds=watch)
        for number in range(5):
            await send(pool, number)
        assert pool.servers[0].aside_until == 0.0
        await send(pool, 5)
        assert pool.servers[0].aside_until == ASIDE[0]
        await pool.close()
    assert len({to for _, to, _ in busy.accepted + sound.accepted}) == 6


@in_a_loop
async def test_a_refused_login_is_the_pools_only_where_every_server_refuses_it() -> None:
    no = {"ehlo": DEFAULTS["ehlo"].replace(b"250-SMTPUTF8", b"250-AUTH PLAIN LOGIN"), "auth": b"535 5.7.8 wrong\r\n"}
    login = {"username": "anna", "password": "x"}
    async with ScriptedServer(no) as first, ScriptedServer(dict(no)) as second, ScriptedServer() as sound:
        half = ServerPool([reached(first, weight=9, **login), reached(sound)])
        await half.open()
        assert (await send(half)).kind is OutcomeKind.ACCEPTED
        with pytest.raises(LoginRefused):
            await ServerPool([reached(first, **login), reached(second, **login)]).open()
        gone = reached(sound)
        await half.close()
        sound._server.close()
        mixed = ServerPool([reached(first, **login), gone])
        with pytest.raises(TransportError, match="cannot be reached") as mixture:
            await mixed.open()
        assert not isinstance(mixture.value, LoginRefused)


@in_a_loop
async def test_a_login_that_is_wanted_in_mid_conversation_is_one_servers_too() -> None:
    async with ScriptedServer({"mail": b"530 5.7.0 log in first\r\n"}) as first, ScriptedServer() as sound:
        pool = ServerPool([reached(first, weight=9), reached(sound)])
        assert (await send(pool)).kind is OutcomeKind.ACCEPTED
        assert isinstance(pool.servers[0].problem, LoginRefused)
        await pool.close()


@in_a_loop
async def test_with_no_server_left_nothing_was_sent_and_it_is_said() -> None:
    async with ScriptedServer() as one, ScriptedServer() as two:
        pool = ServerPool([reached(one), reached(two)], seconds=Watch())
        one._server.close()
        two._server.close()
        for _ in range(2):  # the second time nobody is asked
            with pytest.raises(TransportError, match="cannot be reached"):
                await send(pool)


@in_a_loop
async def test_a_server_that_hangs_keeps_its_own_connections_only() -> None:
    async with ScriptedServer({"dot": HANG}) as hung, ScriptedServer() as sound:
        slow = {"patience": {**PATIENCE, "dot": 3.0}}
        pool = ServerPool([reached(hung, connections=2, **slow), reached(sound, connections=2)], room_seconds=0.05)
        outcomes = await asyncio.wait_for(asyncio.gather(*(send(pool, number) for number in range(30))), 30)
        await pool.close()
    assert Counter(outcome.kind for outcome in outcomes)[OutcomeKind.UNCERTAIN] == 2
    assert len(sound.accepted) == 28


@in_a_loop
async def test_a_connection_that_still_takes_its_leave_is_one_that_the_server_has() -> None:
    full = b"421 4.7.0 too many connections\r\n"
    async with ScriptedServer({"greeting": [DEFAULTS["greeting"], full], "quit": [HANG]}) as server:
        transport = reached(server, connections=2).transport
        transport.per_connection = 1
        first = asyncio.create_task(send(transport))
        while "QUIT" not in server.commands:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)
        second = await send(transport, 1)
        await first
        await transport.close()
    assert second.kind is OutcomeKind.ACCEPTED, "once the first has gone"
