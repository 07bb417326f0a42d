"""One-click (RFC 8058) as mailbox providers call it: by the headers of a message that was really sent, over real TLS."""

import asyncio
import re
import socket
import ssl
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

from tests import cast
from tests.actions.delivering import KEY, prepare
from tests.bench.sink import stunnel
from tests.smtp_server import ScriptedServer
from tests.web.served import served
from tests.web.test_leave import everything, state_of

from digest.actions.deliver import deliver
from digest.mail.smtp import SmtpTransport
from digest.store.database import Database
from digest.store.subscribers import get_subscriber


def send(database: Database, base_url: str) -> bytes:
    """The issue, sent to the test's mail server; the message as it arrived."""

    async def run() -> bytes:
        async with ScriptedServer() as server:
            transport = SmtpTransport(host="127.0.0.1", port=server.port, security="plain", connections=1)
            report = await deliver(
                database, transport=transport, key=KEY, base_url=base_url, clock=lambda: cast.NOW, owner="one"
            )
            assert report.problem is None
            ((_, _, message),) = server.accepted
            return message

    return asyncio.run(run())


def post(url: str, ca_file: Path, *, kind: bytes, body: bytes) -> bytes:
    """What a provider writes to the socket, and all that comes back."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    request = (
        b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        % (parts.path.encode(), parts.netloc.encode(), kind, len(body), body)
    )
    wire = socket.create_connection(("127.0.0.1", parts.port or 443), timeout=20)
    with context.wrap_socket(wire, server_hostname=parts.hostname) as secure:
        secure.sendall(request)
        return b"".join(iter(lambda: secure.recv(65536), b""))


def test_the_headers_of_a_sent_message_let_its_reader_leave_by_one_click(
    sqlite_database: Database, tmp_path: Path
) -> None:
    prepare(sqlite_database)
    with served(sqlite_database, tmp_path) as site, stunnel(tmp_path, site.port) as (port, ca_file):
        message = message_from_bytes(send(sqlite_database, f"https://localhost:{port}"), policy=policy.SMTP)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        https, mailto = re.findall(r"<([^>]+)>", message["List-Unsubscribe"])
        assert (https.startswith(f"https://localhost:{port}/"), mailto.startswith("mailto:")) == (True, True)
        assert "@" not in https, "the address is not in the link"
        with sqlite_database.read() as session:
            anna = get_subscriber(session, "anna@example.org").id
        body = message["List-Unsubscribe-Post"].encode()
        answer = post(https, ca_file, kind=b"application/x-www-form-urlencoded", body=body)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"location:" not in answer.lower()
        assert b"set-cookie:" not in answer.lower()
        assert state_of(sqlite_database, anna) == ("ended", "unsubscribed")
        kept = everything(sqlite_database)
        again = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
        assert post(https, ca_file, kind=b"multipart/form-data; boundary=b", body=again).startswith(b"HTTP/1.1 200 ")
        assert everything(sqlite_database) == kept
