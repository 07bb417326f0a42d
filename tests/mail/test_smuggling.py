"""SMTP smuggling: what looks like the end of a message, and commands after it, arrive as one message with that content.

The scripted server ends a message at any line of a dot, after a bare LF too, as the servers did that could be fooled.
"""

import asyncio

import pytest
from aiosmtpd.smtp import SMTP
from tests.core.test_message import BASE, KEY, MERGE, WHEN, make_skeleton
from tests.listening import drop_connections
from tests.reading import read_message
from tests.smtp_server import DEFAULTS, PIPELINED, ScriptedServer

from digest.core.gate import check_message
from digest.core.merge import token
from digest.core.message import compose
from digest.core.people import Envelope, Recipient
from digest.core.states import OutcomeKind
from digest.errors import MessageError
from digest.mail.smtp import SmtpTransport

ENDS = (
    "\r\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\n.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r.\r\n",
    "\n.\r",
    "\r\n\x00.\r\n",
    "\r\n.\x00\r\n",
    ".\r\n",
)
COMMANDS = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo\r\n.\r\nQUIT\r\n"
BARE = [end for end in ENDS if "\x00" not in end and end.replace("\r\n", "").strip(".")]


def smuggling(end: str, address: str = "anna@example.org") -> Envelope:
    """A message with this end and commands after it in its text, its HTML, its subject and its reader's name."""
    words = f"before{end}{COMMANDS}after"
    field = token(MERGE, "name")
    skeleton = make_skeleton(f"{words}{field}", f"{words}\n{field}{words}", f"<pre>{words}</pre><i title='{field}'>")
    return compose(
        skeleton,
        Recipient(delivery_id=1, subscriber_id=9, address=address, name=words),
        key=KEY,
        base_url=BASE,
        dated=WHEN,
    )


ENVELOPES = [smuggling(end) for end in ENDS]
STUFFED = [
    Envelope(sender="a@news.example", recipient="b@example.org", pieces=(f"Subject: s\r\n\r\n{body}".encode(),))
    for body in (f"x\r\n.\r\n{COMMANDS}", f".\r\n{COMMANDS}", f"..\r\n.\r\n..\r\n{COMMANDS}", ".\r\n")
]
"""Not ours: the conversation stuffs the dots of others, too."""


async def send_all(port: int, envelopes: list[Envelope], **options: object) -> None:
    async def before_dot() -> bool:
        return True

    given = {"security": "plain", "connections": 1, **options}
    transport = SmtpTransport(host="127.0.0.1", port=port, **given)
    outcomes = [await transport.send(envelope, before_dot=before_dot) for envelope in envelopes]
    await transport.close()
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


@pytest.mark.parametrize("ehlo", [DEFAULTS["ehlo"], PIPELINED], ids=["one by one", "in one go"])
@pytest.mark.parametrize("envelopes", [ENVELOPES, STUFFED], ids=["ours", "of others"])
def test_a_server_that_can_be_fooled_is_not(ehlo: bytes, envelopes: list[Envelope]) -> None:
    server = ScriptedServer({"ehlo": ehlo})

    async def talk() -> None:
        async with server:
            await send_all(server.port, envelopes)

    asyncio.run(talk())
    assert server.accepted == [(each.sender, each.recipient, each.message) for each in envelopes]
    assert server.connections == 1
    assert [line for line in server.commands if "evil" in line or "victim" in line] == []


class Inbox:
    """Keeps what arrived."""

    def __init__(self, offers: list[str]) -> None:
        self.arrived: list[tuple[str, list[str], bytes]] = []
        self.offers = offers  # what the server can do and does not say by itself

    async def handle_EHLO(self, server, session, envelope, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802 - aiosmtpd names it
        session.host_name = hostname
        return [responses[0], *self.offers, *responses[1:]]

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd names it
        self.arrived.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 kept"


@pytest.mark.parametrize("offers", [[], ["250-PIPELINING"]], ids=["one by one", "in one go"])
@pytest.mark.parametrize("envelopes", [ENVELOPES, STUFFED], ids=["ours", "of others"])
def test_another_server_takes_each_as_one_message(offers: list[str], envelopes: list[Envelope]) -> None:
    inbox = Inbox(offers)

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(inbox, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
        await send_all(server.sockets[0].getsockname()[1], envelopes)
        server.close()
        drop_connections(loop)

    asyncio.run(talk())
    assert inbox.arrived == [(each.sender, [each.recipient], each.message) for each in envelopes]


@pytest.mark.parametrize("end", ENDS)
def test_the_reader_finds_the_words_and_no_more_headers(end: str) -> None:
    ours = read_message(smuggling(end).message)
    words = f"before{end}{COMMANDS}after".replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    for part in ours.parts:
        assert words in part.body.replace("\r\n", "\n")
    assert {name.lower() for name, _ in ours.headers} & {"bcc", "mail from", "rcpt to", "data"} == set()
    assert "smuggled" not in [value for name, value in ours.headers if name == "Subject"]


@pytest.mark.parametrize("end", BARE)
def test_a_bare_line_break_never_gets_through_the_gate(end: str) -> None:
    good = smuggling("\r\n").message
    with pytest.raises(MessageError, match="bare CR or LF"):
        check_message(good + f"x{end}{COMMANDS}".encode())
