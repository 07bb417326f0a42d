"""A real mail server on this machine: plain, STARTTLS, implicit TLS, login; and what goes wrong before the first message."""

import asyncio
import gc
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult
from tests.core.test_message import build
from tests.listening import MailController, drop_connections
from tests.smtp_server import PIPELINED, ScriptedServer

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.errors import LoginRefused, SettingsError, TransportError
from digest.mail.smtp import SmtpTransport

ENVELOPE = Envelope(sender="ana@news.example", recipient="anna@example.org", pieces=(build(),))


class Inbox:
    """Keeps what arrived, as bytes."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd names it
        self.messages.append(envelope.original_content)
        return "250 2.0.0 kept"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[[str], ssl.SSLContext]]:
    root = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    root.cert_pem.write_to_path(path)

    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        root.issue_cert(name).configure_cert(made)
        return made

    return path, context


@contextmanager
def serving(**options) -> Iterator[tuple[Inbox, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inbox = Inbox()
    controller = MailController(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


def send(port: int, **options) -> Outcome:
    async def talk() -> Outcome:
        async def before_dot() -> bool:
            return True

        transport = SmtpTransport(host="127.0.0.1", port=port, connect_timeout=5, **options)
        await transport.open()
        outcome = await transport.send(ENVELOPE, before_dot=before_dot)
        await transport.close()
        return outcome

    return asyncio.run(talk())


def check(server, session, envelope, mechanism, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"ana", b"right"), handled=False)


def test_a_message_goes_out_plain_on_this_machine() -> None:
    with serving() as (inbox, port):
        assert send(port, security="plain").kind is OutcomeKind.ACCEPTED
        assert inbox.messages == [ENVELOPE.message]


def test_starttls_and_a_login(authority) -> None:
    ca_file, context = authority
    tls = {"tls_context": context("127.0.0.1"), "require_starttls": True}
    with serving(**tls, auth_required=True, authenticator=check) as (inbox, port):
        outcome = send(port, security="starttls", ca_file=ca_file, username="ana", password="right")
        assert outcome.kind is OutcomeKind.ACCEPTED
        assert inbox.messages == [ENVELOPE.message]


@pytest.mark.parametrize("ehlo", ["ehlo", "pipelined"])
def test_message_after_message_goes_over_tls_without_a_pause(authority, ehlo: str) -> None:
    ca_file, context = authority
    server = ScriptedServer({"ehlo": PIPELINED} if ehlo == "pipelined" else {}, tls=context("127.0.0.1"))
    large = Envelope(
        sender="a@news.example", recipient="b@example.org", pieces=(build(), (b"x" * 74 + b"\r\n") * 20_000)
    )

    async def talk() -> list[OutcomeKind]:
        async def before_dot() -> bool:
            return True

        async with server:
            given = {"security": "tls", "ca_file": ca_file, "connections": 1, "patience": {"body": 2.0, "dot": 2.0}}
            transport = SmtpTransport(host="127.0.0.1", port=server.port, **given)
            outcomes = [
                await transport.send(each, before_dot=before_dot) for each in [ENVELOPE] * 7 + [large, ENVELOPE]
            ]
            await transport.close()
            return [outcome.kind for outcome in outcomes]

    assert asyncio.run(talk()) == [OutcomeKind.ACCEPTED] * 9
    assert [message for _, _, message in server.accepted] == [ENVELOPE.message] * 7 + [large.message, ENVELOPE.message]


def test_tls_from_the_first_byte(authority) -> None:
    ca_file, context = authority
    # aiosmtpd's own start-up probe fails without our authority, so the server is asked to speak TLS by hand.
    inbox = Inbox()

    async def talk() -> Outcome:
        from aiosmtpd.smtp import SMTP

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(inbox, loop=loop), "127.0.0.1", 0, ssl=context("127.0.0.1"))
        port = server.sockets[0].getsockname()[1]
        transport = SmtpTransport(host="127.0.0.1", port=port, security="tls", ca_file=ca_file)

        async def before_dot() -> bool:
            return True

        outcome = await transport.send(ENVELOPE, before_dot=before_dot)
        await transport.close()
        server.close()
        drop_connections(loop)
        return outcome

    assert asyncio.run(talk()).kind is OutcomeKind.ACCEPTED
    assert inbox.messages == [ENVELOPE.message]


def test_a_wrong_password_is_said_clearly_and_not_repeated_in_the_words(authority) -> None:
    ca_file, context = authority
    tls = {"tls_context": context("127.0.0.1"), "require_starttls": True}
    with serving(**tls, auth_required=True, authenticator=check) as (inbox, port):
        with pytest.raises(LoginRefused, match=r"refused the user name or password: 535") as caught:
            send(port, security="starttls", ca_file=ca_file, username="ana", password="wrong-one")
        assert "wrong-one" not in caught.value.message + str(caught.value.next_step)
        assert inbox.messages == []
    del caught
    gc.collect()  # a connection that is still open would complain here, not in whatever test comes next


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_of_an_unknown_authority_is_refused(authority, security: str) -> None:
    _, context = authority
    with serving(tls_context=context("127.0.0.1")) as (inbox, port):
        if security == "tls":
            with pytest.raises(TransportError, match="does not speak TLS there"):
                send(port, security="tls")
        else:
            with pytest.raises(TransportError, match="its certificate cannot be trusted"):
                send(port, security="starttls")
        assert inbox.messages == []


def test_a_certificate_for_another_name_is_refused(authority) -> None:
    ca_file, context = authority
    with serving(tls_context=context("other.example")) as (inbox, port):
        with pytest.raises(TransportError, match="its certificate cannot be trusted: IP address mismatch"):
            send(port, security="starttls", ca_file=ca_file)
        assert inbox.messages == []


def test_starttls_is_never_downgraded() -> None:
    with serving() as (inbox, port):
        with pytest.raises(TransportError, match="does not offer STARTTLS; nothing was sent in the clear"):
            send(port, security="starttls")
        assert inbox.messages == []


def test_a_closed_port_is_one_clear_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(TransportError, match=rf"127.0.0.1:{port} cannot be reached: Connection refused"):
        send(port, security="plain")


def test_a_connection_that_is_given_up_before_its_login_is_closed() -> None:
    async def give_up() -> bytes:
        asked, left = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 slow.example ESMTP\r\n")
            assert (await reader.readline()).startswith(b"EHLO")
            asked.set()
            left.set_result(await reader.read())
            writer.close()

        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        async with server:
            transport = SmtpTransport(host="127.0.0.1", port=server.sockets[0].getsockname()[1], security="plain")
            opening = asyncio.create_task(transport.open())
            await asyncio.wait_for(asked.wait(), 20)
            opening.cancel()
            return await asyncio.wait_for(left, 20)

    assert asyncio.run(give_up()) == b""


def test_plain_text_to_another_machine_is_refused_unless_forced() -> None:
    with pytest.raises(SettingsError, match=r"plain, but mail\.example is another machine") as caught:
        SmtpTransport(host="mail.example", security="plain")
    assert "allow_plain_anywhere" in caught.value.next_step
    assert SmtpTransport(host="mail.example", security="plain", allow_plain_anywhere=True).name == "mail.example:25"
    for host in ("localhost", "127.0.0.1", "::1"):
        SmtpTransport(host=host, security="plain")


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no password"):
        SmtpTransport(host="mail.example", username="ana")
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(SettingsError, match=f"{name} cannot be read as a certificate"):
            SmtpTransport(host="mail.example", ca_file=tmp_path / name)


@pytest.mark.parametrize(
    ("answers", "tried", "problem"),
    [
        (["535 5.7.8 no"], ["PLAIN"], "refused the user name or password: 535"),
        (["454 4.7.0 not now"], ["PLAIN"], "does not take messages now: 454"),
        (["504 5.5.4 no such method", "334 UGFzc3dvcmQ6"], ["PLAIN", "LOGIN"], None),
        (["534 5.7.9 too weak", "535 5.7.8 no"], ["PLAIN", "CRAM-MD5"], "refused the user name or password: 535"),
        # Gmail's answer to a password that is right, where it wants another.
        (
            ["534 5.7.9 Application-specific password required", "504 no"],
            ["PLAIN", "CRAM-MD5"],
            "password: 534 5.7.9 Appl",
        ),
        (["504 no"] * 3, ["PLAIN", "LOGIN", "CRAM-MD5"], "offers no way to log in"),
    ],
)
def test_a_password_is_tried_by_one_method_that_the_server_takes(
    answers: list[str], tried: list[str], problem: str | None
) -> None:
    """Each wrong try counts towards the lock of an account."""
    ehlo = b"250-scripted.example\r\n250 AUTH CRAM-MD5 LOGIN PLAIN\r\n"
    password = b64encode(b"right").decode()
    said = [f"{answer}\r\n".encode() for answer in answers]
    server = ScriptedServer({"ehlo": ehlo, "auth": said, password.lower(): b"235 2.7.0 yes\r\n"})

    async def talk() -> None:
        async with server:
            given = {"security": "plain", "username": "ana", "password": "right"}
            transport = SmtpTransport(host="127.0.0.1", port=server.port, **given)
            try:
                await transport.open()
                await transport.close()
            finally:
                await asyncio.sleep(0.01)  # until the connection is closed

    with pytest.raises(TransportError, match=problem) if problem else nullcontext():
        asyncio.run(talk())
    assert [line.split(" ")[1] for line in server.commands if line.startswith("AUTH")] == tried


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(b"535 5.7.8 no\r\n", LoginRefused), (b"454 4.7.0 not now\r\n", TransportError), (b"421 bye\r\n", TransportError)],
)
def test_a_login_that_cannot_be_checked_now_is_not_one_that_is_refused(answer: bytes, problem: type) -> None:
    ehlo = b"250-scripted.example\r\n250 AUTH PLAIN\r\n"

    async def talk() -> None:
        async with ScriptedServer({"ehlo": ehlo, "auth": answer}) as server:
            given = {"security": "plain", "username": "ana", "password": "right"}
            await SmtpTransport(host="127.0.0.1", port=server.port, **given).open()

    with pytest.raises(TransportError) as found:
        asyncio.run(talk())
    assert type(found.value) is problem, "only a refused login pauses the issue"
