"""A real mail server of this machine: Debian's Postfix in a folder of its own, with STARTTLS, a login and a mailbox.

It takes mail on a port of loopback only after STARTTLS and AUTH, puts what is for its domains into one Maildir, and
refuses the rest, so no mail leaves the machine. The system's Postfix, if one runs, is not touched.
"""

import mailbox
import os
import re
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.command import prctl
from tests.postgres import demanded

USER, PASSWORD, REALM = "ana", "right", "relay.example"
DOMAINS = ("example.org", "example.net", "xn--mller-kva.example")

_PROGRAMS = Path("/usr/lib/postfix/sbin")
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example
myorigin = relay.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:no mail leaves this machine
relay_transport = error:no mail leaves this machine
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mailbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_peername_lookup = no
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {realm}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtpd_forbid_bare_newline = no
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/passwords
mech_list: PLAIN LOGIN
"""


@dataclass(frozen=True)
class Arrived:
    """A file of the mailbox."""

    file: Path
    recipient: str  # whom the server delivered it for
    octets: bytes  # as stored, with the line ends of the wire again

    @property
    def was_encrypted_and_logged_in(self) -> bool:
        """By the server's own word: the S and the A of RFC 3848 and RFC 6531."""
        return re.search(rb"\r\n\tby relay\.example \(Postfix\) with (ESMTPSA|UTF8SMTPSA) id ", self.octets) is not None

    def is_unchanged(self, message: bytes) -> bool:
        """Whether it is `message` octet for octet, under nothing but the server's own trace fields."""
        trace = self.octets.removesuffix(message)
        names = [line.split(b":")[0] for line in trace.splitlines() if line[:1] not in {b"\t", b" "}]
        return trace != self.octets and names == [b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received"]


@dataclass(frozen=True)
class PostOffice:
    """Where it listens, who vouches for its certificate, and what came."""

    folder: Path
    port: int

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def arrived(self) -> list[Arrived]:
        """Everything in the mailbox, in the order of its recipients."""
        files = sorted((self.folder / "mailbox" / "new").glob("*"))
        return sorted(map(_read, files), key=lambda each: each.recipient)

    def wait_for(self, number: int, seconds: float = 30) -> list[Arrived]:
        """The mailbox as soon as it holds so many, and no message is on its way any more.

        Raises:
            AssertionError: another number is there in the end.
        """
        deadline = time.monotonic() + seconds
        while (len(self.arrived()) < number or self._queued()) and time.monotonic() < deadline:
            time.sleep(0.05)
        arrived = self.arrived()
        assert (len(arrived), self._queued()) == (number, []), self.log
        return arrived

    def clear(self) -> None:
        """Throw away what came."""
        for each in self.arrived():
            each.file.unlink()

    def _queued(self) -> list[Path]:
        queue = self.folder / "queue"
        return [
            file for name in ("incoming", "active", "deferred") for file in (queue / name).rglob("*") if file.is_file()
        ]


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """The server, from its start to its end. Skips, or fails where everything is demanded, when it cannot be had."""
    if why := _missing():
        if demanded():
            pytest.fail(why)
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="digest-postfix-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        _set_up(folder, port)
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [_PROGRAMS / "master", "-c", folder / "etc", "-d"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env={"PATH": os.defpath},
                start_new_session=True, preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, its library loaded before
            )  # fmt: skip
        office = PostOffice(folder, port)
        try:
            _wait(office, process)
            yield office
        finally:
            process.send_signal(signal.SIGTERM)  # it ends its own processes
            process.wait(20)


def _missing() -> str | None:
    needed = (_PROGRAMS / "master", Path("/usr/sbin/saslpasswd2"))
    if not all(file.exists() for file in needed) or not list(Path("/usr/lib").glob("*/sasl2/libplain.so")):
        return "no mail server: install Debian's postfix, sasl2-bin and libsasl2-modules"
    return "Postfix starts only as root" if os.geteuid() else None


def _set_up(folder: Path, port: int) -> None:
    import grp
    import pwd

    owner, group = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid
    reader = pwd.getpwnam("nobody")  # Postfix delivers to nobody's files as root
    folder.chmod(0o755)
    for name in ("etc", "etc/sasl", "queue", "queue/pid"):
        (folder / name).mkdir(mode=0o755)
    for name in ("data", *(f"queue/{queue}" for queue in _QUEUES)):
        (folder / name).mkdir(mode=0o700)
        os.chown(folder / name, owner.pw_uid, -1)
    for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
        (folder / "queue" / name).mkdir()
        os.chown(folder / "queue" / name, owner.pw_uid, group)
        (folder / "queue" / name).chmod(mode)
    values = {"folder": folder, "port": port, "domains": " ".join(DOMAINS), "realm": REALM,
              "uid": reader.pw_uid, "gid": reader.pw_gid}  # fmt: skip
    for name, text in (("etc/main.cf", _MAIN), ("etc/master.cf", _MASTER), ("etc/sasl/smtpd.conf", _SASL)):
        (folder / name).write_text(text.format(**values), encoding="utf-8")
    _make_certificate(folder)
    _make_password(folder, owner.pw_uid)
    mailbox.Maildir(folder / "mailbox")
    for made in (folder / "mailbox", *(folder / "mailbox").iterdir()):
        os.chown(made, reader.pw_uid, reader.pw_gid)


def _make_certificate(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")


def _make_password(folder: Path, owner: int) -> None:
    words = ["/usr/sbin/saslpasswd2", "-p", "-c", "-f", folder / "passwords", "-u", REALM, USER]
    subprocess.run(words, input=PASSWORD, text=True, check=True, capture_output=True)
    os.chown(folder / "passwords", owner, -1)


def _wait(office: PostOffice, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        said = (office.folder / "output").read_text(encoding="utf-8", errors="replace")
        assert process.poll() is None, said + office.log
        try:
            smtplib.SMTP("127.0.0.1", office.port, timeout=5).quit()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"Postfix does not answer: {office.log}")


def _read(file: Path) -> Arrived:
    octets = file.read_bytes().replace(b"\n", b"\r\n")
    line = next(line for line in octets.split(b"\r\n") if line.startswith(b"Delivered-To: "))
    return Arrived(file, line.decode("utf-8").partition(": ")[2], octets)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_us() -> None:
    """A test run that is killed leaves no server behind."""
    prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
