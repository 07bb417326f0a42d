"""The next message is announced along with the dot of the one before it, where the server takes commands in one go."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.smtp_server import CLOSE, DEFAULTS, PIPELINED, ScriptedServer

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.mail.pool import Server, ServerPool
from digest.mail.smtp import SmtpTransport

ACCEPTED = OutcomeKind.ACCEPTED


def letter(number: int) -> Envelope:
    message = b"Subject: %d\r\n\r\nHello.\r\n" % number
    return Envelope(sender="list@news.example", recipient=f"r{number}@x.example", pieces=(message,))


async def send_all(
    transport: SmtpTransport | ServerPool, letters: Sequence[Envelope], *, promised: int = 0
) -> list[Outcome]:
    """One after another, each promised while its predecessor is marked; `promised`: more that never come."""
    outcomes = []
    every = [*letters, *map(letter, range(100, 100 + promised))]
    for number, envelope in enumerate(letters):
        following = every[number + 1] if number + 1 < len(every) else True

        async def before_dot(following: bool | Envelope = following) -> bool | Envelope:
            return following

        outcomes.append(await transport.send(envelope, before_dot=before_dot))
    return outcomes


def converse(server: ScriptedServer, *, number: int = 2, promised: int = 0, pooled: bool = False) -> list[Outcome]:
    async def talk() -> list[Outcome]:
        async with server:
            only = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=1)
            transport = ServerPool([Server(only, weight=1, connections=1)]) if pooled else only
            outcomes = await send_all(transport, [letter(one) for one in range(number)], promised=promised)
            await transport.close()
            return outcomes

    return asyncio.run(talk())


def pipelining(**script: object) -> ScriptedServer:
    return ScriptedServer({"ehlo": PIPELINED, **script})


def dots_with_more(server: ScriptedServer) -> int:
    return sum(b".\r\nMAIL FROM" in read for read in server.reads)


def test_the_dot_and_the_next_commands_are_one_write_and_every_message_arrives_once() -> None:
    server = pipelining()
    outcomes = converse(server, number=5)
    assert [one.kind for one in outcomes] == [ACCEPTED] * 5
    assert [recipient for _, recipient, _ in server.accepted] == [f"r{number}@x.example" for number in range(5)]
    assert (server.connections, dots_with_more(server)) == (1, 4)


def test_a_server_without_pipelining_hears_of_one_message_at_a_time() -> None:
    server = ScriptedServer({"ehlo": DEFAULTS["ehlo"]})
    outcomes = converse(server, number=3)
    assert [one.kind for one in outcomes] == [ACCEPTED] * 3
    assert dots_with_more(server) == 0


@pytest.mark.parametrize("code", [450, 554])
def test_a_refusal_at_the_dot_leaves_the_announced_one_alone(code: int) -> None:
    server = pipelining(dot=[f"{code} {code // 100}.7.1 no\r\n".encode()])
    first, second = converse(server)
    assert (first.kind is ACCEPTED, first.phase, first.code) == (False, "dot", code)
    assert second.kind is ACCEPTED
    assert "RSET" not in server.commands, "it would take the announced message back"


def test_a_refusal_of_the_announced_one_is_its_own() -> None:
    server = pipelining(rcpt=[DEFAULTS["rcpt"], b"550 5.1.1 nobody\r\n"])
    first, second, third = converse(server, number=3)
    assert [one.kind for one in (first, second, third)] == [ACCEPTED, OutcomeKind.REFUSED, ACCEPTED]
    assert (second.phase, second.enhanced) == ("rcpt", "5.1.1")
    assert [recipient for _, recipient, _ in server.accepted] == ["r0@x.example", "r2@x.example"]


def test_an_end_after_the_dot_is_uncertain_for_one_and_harmless_for_the_announced() -> None:
    server = pipelining(dot=[CLOSE])
    first, second = converse(server)
    assert (first.kind, first.phase, second.kind) == (OutcomeKind.UNCERTAIN, "dot", ACCEPTED)
    assert server.connections == 2


def test_garbage_behind_the_answer_to_the_dot_takes_nothing_from_it() -> None:
    server = pipelining(dot=[b"250 2.0.0 queued\r\nwhat\r\n"])
    first, second = converse(server)
    assert (first.kind, first.reply) == (ACCEPTED, "2.0.0 queued")
    assert second.kind is not OutcomeKind.UNCERTAIN


def test_an_end_at_the_announced_one_begins_it_anew_and_teaches_how_many_a_connection_takes() -> None:
    server = pipelining(mail=[DEFAULTS["mail"], b"421 4.7.0 too many messages\r\n"])
    outcomes = converse(server, number=4)
    assert [one.kind for one in outcomes] == [ACCEPTED] * 4
    assert (server.connections, dots_with_more(server)) == (4, 1), "one message a connection from then on"


def test_what_is_announced_and_never_sent_is_never_accepted() -> None:
    server = pipelining()
    (outcome,) = converse(server, number=1, promised=1)
    assert outcome.kind is ACCEPTED
    assert len(server.accepted) == 1
    assert "MAIL FROM:<list@news.example>" in server.commands[-3:]


def test_the_last_message_of_a_connection_announces_none() -> None:
    server = pipelining()
    converse(server, number=51)
    assert (server.connections, dots_with_more(server), len(server.accepted)) == (2, 49, 51)


def test_a_pool_announces_none_because_the_next_may_go_to_another_server() -> None:
    server = pipelining()
    outcomes = converse(server, number=3, pooled=True)
    assert [one.kind for one in outcomes] == [ACCEPTED] * 3
    assert dots_with_more(server) == 0
