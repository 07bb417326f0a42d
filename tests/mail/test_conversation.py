"""What each phase of a conversation makes certain: a scripted server drops, refuses and garbles at every one."""

import asyncio
import time

import pytest
from tests.smtp_server import CLOSE, DEFAULTS, HANG, PIPELINED, RESET, ScriptedServer

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.errors import TransportError
from digest.mail.conversation import stuff_dots
from digest.mail.replies import BrokenReply, ReplyReader
from digest.mail.smtp import SmtpTransport

MESSAGE = b"Subject: Hi\r\n\r\n" + b"Hello, reader of this line.\r\n" * 50
ENVELOPE = Envelope(sender="list@news.example", recipient="anna@x.example", pieces=(MESSAGE,))
SHORT = dict.fromkeys(("mail", "rcpt", "data", "body", "dot", "rset", "quit"), 0.3)
LONG = dict.fromkeys(SHORT, 30.0)
"""Where nobody is silent, on a machine that may be busy."""


@pytest.fixture(params=["one by one", "in one go"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server takes MAIL, RCPT and DATA one by one, or offers PIPELINING."""
    if request.param == "in one go":
        monkeypatch.setitem(DEFAULTS, "ehlo", PIPELINED)
    return request.param


def converse(server: ScriptedServer, *, times: int = 1, marks: bool = True, **options) -> tuple[list[Outcome], int]:
    """So many messages one after another; the outcomes, and how often the mark was asked for."""

    async def talk() -> tuple[list[Outcome], int]:
        asked = 0

        async def before_dot() -> bool:
            nonlocal asked
            asked += 1
            assert len(server.accepted) < asked, "marked before the server can have accepted it"
            return marks

        async with server:
            given = {"security": "plain", "connections": 1, "patience": SHORT, **options}
            transport = SmtpTransport(host="127.0.0.1", port=server.port, **given)
            outcomes = [await transport.send(ENVELOPE, before_dot=before_dot) for _ in range(times)]
            await transport.close()
            return outcomes, asked

    return asyncio.run(talk())


def test_a_message_arrives_octet_for_octet() -> None:
    server = ScriptedServer()
    (outcome,), asked = converse(server)
    assert outcome == Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250, enhanced="2.0.0",
                              reply="2.0.0 queued", server=f"127.0.0.1:{server.port}")  # fmt: skip
    assert server.accepted == [("list@news.example", "anna@x.example", MESSAGE)]
    assert asked == 1


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [(450, OutcomeKind.DEFERRED), (451, OutcomeKind.DEFERRED), (452, OutcomeKind.DEFERRED), (421, OutcomeKind.DEFERRED),
     (550, OutcomeKind.REFUSED), (552, OutcomeKind.REFUSED), (554, OutcomeKind.REFUSED), (530, OutcomeKind.REFUSED)],
)  # fmt: skip
def test_a_refusal_says_where_it_happened_and_the_connection_goes_on(phase: str, code: int, kind: OutcomeKind) -> None:
    server = ScriptedServer({phase: [f"{code} {code // 100}.7.1 no\r\n".encode()]})
    (first, second), asked = converse(server, times=2, patience=LONG)
    assert (first.kind, first.phase, first.code, first.enhanced) == (kind, phase, code, f"{code // 100}.7.1")
    assert second.kind is OutcomeKind.ACCEPTED
    assert len(server.accepted) == 1
    assert asked == (2 if phase == "dot" else 1)
    assert server.connections == (2 if code == 421 else 1)
    assert ("RSET" in server.commands) == (code != 421)


@pytest.mark.parametrize("drop", [CLOSE, RESET, HANG])
@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "body"])
def test_an_end_before_the_dot_is_certain_and_unsent(phase: str, drop: str) -> None:
    server = ScriptedServer({phase: [drop]})
    # A body that no buffer of the system swallows, so that a server which stops reading is noticed.
    (outcome,), _ = converse(server) if phase != "body" else converse_large(server)
    assert (outcome.kind, outcome.phase) == (OutcomeKind.UNSENT, phase)
    assert server.accepted == []


def converse_large(server: ScriptedServer) -> tuple[list[Outcome], int]:
    async def talk() -> tuple[list[Outcome], int]:
        asked = 0

        async def before_dot() -> bool:
            nonlocal asked
            asked += 1
            return True

        large = Envelope(
            sender="a@x.example", recipient="b@x.example", pieces=(MESSAGE + b"x" * 78 * 300_000 + b"\r\n",)
        )
        async with server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", patience=SHORT)
            outcomes = [await transport.send(large, before_dot=before_dot)]
            await transport.close()
            return outcomes, asked

    return asyncio.run(talk())


@pytest.mark.parametrize("drop", [CLOSE, RESET])
def test_an_end_between_the_dot_and_its_reply_is_uncertain(drop: str) -> None:
    server = ScriptedServer(accept_then=drop)
    (outcome,), _ = converse(server)
    assert (outcome.kind, outcome.phase) == (OutcomeKind.UNCERTAIN, "dot")
    assert len(server.accepted) == 1


@pytest.mark.parametrize("answer", [HANG, b"garbage\r\n", b"354 what\r\n", b"250", b"2" * 40_000])
def test_no_answer_to_the_dot_that_can_be_understood_is_uncertain(answer: object) -> None:
    (outcome,), _ = converse(ScriptedServer({"dot": [answer]}))
    assert (outcome.kind, outcome.phase) == (OutcomeKind.UNCERTAIN, "dot")


def test_a_reply_that_comes_octet_by_octet_gets_no_more_time_than_another() -> None:
    class Dripping(ScriptedServer):
        async def _say(self, phase: str) -> bytes:
            if phase == "dot":
                for octet in b"250-" + b"x" * 200:
                    self._writer_of().write(bytes([octet]))
                    await asyncio.sleep(SHORT["dot"] / 10)
            return await super()._say(phase)

    began = time.monotonic()
    (outcome,), _ = converse(Dripping())
    assert (outcome.kind, outcome.phase) == (OutcomeKind.UNCERTAIN, "dot")
    assert time.monotonic() - began < 10 * SHORT["dot"]


def test_without_the_mark_the_message_is_never_finished() -> None:
    server = ScriptedServer()
    (first, second), _ = converse(server, times=2, marks=False)
    assert {first.kind, second.kind} == {OutcomeKind.UNSENT}
    assert server.accepted == []
    assert server.connections == 2, "the broken-off connection is not used again"


def test_no_dot_goes_out_before_the_mark_stands() -> None:
    async def talk() -> tuple[Outcome, list[int]]:
        there: list[int] = []
        async with ScriptedServer() as server:

            async def before_dot() -> bool:
                await asyncio.sleep(0.2)  # a slow commit: a dot that is out would have been answered
                there.append(len(server.accepted))
                return True

            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", patience=SHORT)
            outcome = await transport.send(ENVELOPE, before_dot=before_dot)
            await transport.close()
            return outcome, there

    outcome, there = asyncio.run(talk())
    assert (outcome.kind, there) == (OutcomeKind.ACCEPTED, [0])


def test_a_refusal_in_the_middle_of_the_body_is_heard_before_the_mark() -> None:
    async def talk() -> tuple[Outcome, int]:
        asked = 0

        async def before_dot() -> bool:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.2)  # a slow commit: the server speaks meanwhile
            return True

        async with ScriptedServer({"body": [b"552 5.3.4 too big\r\n"]}) as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", patience=SHORT)
            outcome = await transport.send(ENVELOPE, before_dot=before_dot)
            assert server.accepted == []
            await transport.close()
            return outcome, asked

    outcome, _ = asyncio.run(talk())
    assert (outcome.kind, outcome.phase, outcome.code) == (OutcomeKind.REFUSED, "body", 552)


def test_a_server_that_ends_the_session_after_some_messages_is_learnt_from() -> None:
    ok = b"250 ok\r\n"
    server = ScriptedServer({"mail": [ok, ok, b"421 too many messages in this session\r\n"]})
    outcomes, _ = converse(server, times=6)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 6
    assert server.connections == 3, "two messages each, once it is known"


def test_a_connection_carries_at_most_fifty_messages() -> None:
    server = ScriptedServer()
    converse(server, times=101)
    assert server.connections == 3


def test_a_server_that_takes_fewer_connections_is_used_with_those() -> None:
    async def talk() -> tuple[list[Outcome], ScriptedServer]:
        async def before_dot() -> bool:
            await asyncio.sleep(0.02)
            return True

        script = {"greeting": [b"220 hi\r\n"] * 2 + [b"421 too many connections\r\n"] * 99}
        async with ScriptedServer(script) as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=8)
            done = await asyncio.gather(*(transport.send(ENVELOPE, before_dot=before_dot) for _ in range(24)))
            await transport.close()
            return done, server

    outcomes, server = asyncio.run(talk())
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 24
    assert len(server.accepted) == 24


@pytest.mark.parametrize("greeting", [b"421 busy\r\n", b"554 go away\r\n"])
def test_a_server_that_is_closed_is_one_clear_sentence(greeting: bytes) -> None:
    with pytest.raises(TransportError, match=r"127.0.0.1:\d+ does not take messages now: (421 busy|554 go away)"):
        converse(ScriptedServer({"greeting": greeting}))


def test_addresses_in_other_scripts_go_only_where_the_server_takes_them() -> None:
    envelope = Envelope(sender="list@news.example", recipient="jörg@x.example", pieces=(MESSAGE,))

    async def talk(ehlo: bytes) -> tuple[Outcome, ScriptedServer]:
        async def before_dot() -> bool:
            return True

        async with ScriptedServer({"ehlo": ehlo}) as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain")
            outcome = await transport.send(envelope, before_dot=before_dot)
            await transport.close()
            return outcome, server

    outcome, server = asyncio.run(talk(b"250-x\r\n250 SMTPUTF8\r\n"))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert "MAIL FROM:<list@news.example> SMTPUTF8" in server.commands
    outcome, server = asyncio.run(talk(b"250 x\r\n"))
    assert (outcome.kind, outcome.enhanced, server.accepted) == (OutcomeKind.REFUSED, "5.6.7", [])


def test_dots_are_stuffed_and_nothing_else_is_touched() -> None:
    assert stuff_dots(b".\r\n..a\r\nb.\r\n") == b"..\r\n...a\r\nb.\r\n"
    assert stuff_dots(MESSAGE) is MESSAGE


def test_replies_are_read_however_they_are_cut() -> None:
    stream = b"250-first\r\n250-\r\n250 2.1.0 last\r\n550 5.1.1 no\r\n354\r\n"
    reader, found = ReplyReader(), []
    for octet in stream:
        found += reader.feed(bytes([octet]))
    assert [(reply.code, reply.enhanced) for reply in found] == [(250, None), (550, "5.1.1"), (354, None)]
    assert found[0].text == "first  2.1.0 last"
    assert ReplyReader().feed(stream) == found
    for junk in (b"hello\r\n", b"\r\n", b"99 x\r\n", b"600 x\r\n", b"250x\r\n"):
        with pytest.raises(BrokenReply):
            ReplyReader().feed(junk)


@pytest.mark.parametrize("phase", ["mail", "rcpt"])
def test_a_server_that_lets_data_through_after_a_refusal_gets_nothing(phase: str, way: str) -> None:
    no = [b"550 5.1.1 no such mailbox\r\n"]
    server = ScriptedServer({phase: no}, strict=False)
    (first, second), asked = converse(server, times=2)
    assert (first.kind, first.phase, first.code) == (OutcomeKind.REFUSED, phase, 550)
    assert second.kind is OutcomeKind.ACCEPTED
    assert (len(server.accepted), asked) == (1, 1)
    assert (b"RSET\r\n" in server.reads) == (way == "one by one"), "after DATA it would be part of a message"


@pytest.mark.parametrize("drop", [CLOSE, RESET])
def test_a_refusal_counts_although_the_connection_ends_after_it(drop: str) -> None:
    server = ScriptedServer({"rcpt": [b"550 5.1.1 no such mailbox\r\n"], "data": [drop], "rset": [drop]}, strict=False)
    (outcome,), _ = converse(server)
    assert (outcome.kind, outcome.phase, outcome.code) == (OutcomeKind.REFUSED, "rcpt", 550)


def test_one_go_is_one_go(way: str) -> None:
    server = ScriptedServer()
    converse(server, times=2)
    groups = [group for group in server.reads if b"MAIL" in group]
    wanted = b"MAIL FROM:<list@news.example>\r\n" + (
        b"RCPT TO:<anna@x.example>\r\nDATA\r\n" if way == "in one go" else b""
    )
    assert groups == [wanted, wanted]


def test_what_is_larger_than_the_server_takes_is_not_offered() -> None:
    ehlo = DEFAULTS["ehlo"].replace(b"250-SMTPUTF8", b"250-SIZE 1000\r\n250-SMTPUTF8")
    server = ScriptedServer({"ehlo": ehlo})
    (outcome,), _ = converse(server)
    assert (outcome.kind, outcome.phase, outcome.code, outcome.enhanced) == (OutcomeKind.REFUSED, "mail", 552, "5.3.4")
    assert outcome.reply == "the server takes no more than 1000 octets"
    assert not any("MAIL" in command for command in server.commands)
    roomy = ScriptedServer({"ehlo": ehlo.replace(b"1000", b"0")})
    converse(roomy)
    assert f"MAIL FROM:<list@news.example> SIZE={len(MESSAGE)}" in roomy.commands
