"""DKIM seen from outside: every way in which a published key can be, and a saved message that was changed."""

import mailbox
import socket
from pathlib import Path

import dns.rcode
import pytest
from tests.core.test_message import build
from tests.mail.dkim_verifiers import RECORDS, SIGNER
from tests.mail.dns_server import name_server

from digest.errors import TryLater
from digest.mail.dkim_check import (
    Alignment,
    KeyState,
    Texts,
    alignment_of,
    dns_texts,
    known_texts,
    look_up,
    verify_message,
)

RSA, ED = RECORDS


def quoted(*strings: str) -> str:
    return " ".join(f'"{string}"' for string in strings)


def asking(where: str) -> Texts:
    host, port = where.split(":")
    return dns_texts((host, int(port)))


PUBLISHED = [
    ([quoted(*RSA.strings)], KeyState.RIGHT, "our key"),
    ([quoted("v=DKIM1; p=", RSA.value.partition("p=")[2][:200], RSA.value.partition("p=")[2][200:])], KeyState.RIGHT, ""),
    ([quoted(*RSA.strings, "; t=y:s")], KeyState.TESTING, "t=y"),
    ([], KeyState.MISSING, "no TXT record at digest._domainkey.news.example"),
    (None, KeyState.MISSING, "no TXT record"),
    ([quoted("v=DKIM1; k=rsa; p=")], KeyState.REVOKED, "revoked"),
    ([quoted(ED.value.replace("ed25519", "rsa"))], KeyState.WRONG, "another key"),
    ([quoted(ED.value)], KeyState.WRONG, "of the kind ed25519, ours is rsa"),
    ([quoted(RSA.strings[0])], KeyState.BROKEN, "cut off"),
    ([quoted("v=DKIM1; k=rsa; p=***")], KeyState.WRONG, "another key"),
    ([quoted("v=spf1 -all")], KeyState.BROKEN, "no DKIM key"),
    ([quoted(*RSA.strings).replace("DKIM1", "DKIM2")], KeyState.BROKEN, "no DKIM key"),
    ([quoted(*RSA.strings, "; h=sha1")], KeyState.BROKEN, "forbids SHA-256"),
    ([quoted(*RSA.strings, "; s=tlsrpt")], KeyState.BROKEN, "forbids email"),
    ([quoted(*RSA.strings), quoted(ED.value)], KeyState.SEVERAL, "2 TXT records"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "state", "says"), PUBLISHED)
def test_a_published_key_is_judged_in_words(records: list[str] | None, state: KeyState, says: str) -> None:
    table = {} if records is None else {RSA.name: records}
    with name_server(table) as where:
        found = look_up(RSA, asking(where))
    assert (found.state, says in found.meaning) == (state, True), found.meaning
    assert found.is_usable is (state in {KeyState.RIGHT, KeyState.TESTING})


def test_a_dns_that_fails_is_no_missing_key() -> None:
    with name_server({}, rcode=dns.rcode.SERVFAIL) as where, pytest.raises(TryLater, match="did not answer"):
        look_up(RSA, asking(where))


def test_a_dns_that_is_silent_is_no_missing_key() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(TryLater, match=r"no answer within 0\.3 seconds"):
            look_up(RSA, dns_texts(("127.0.0.1", deaf.getsockname()[1]), patience=0.3))


@pytest.mark.parametrize(
    ("sender", "signing", "wanted"),
    [
        ("news.example", "news.example", Alignment.ALIGNED),
        ("mail.news.example", "news.example", Alignment.ALIGNED),
        ("news.example", "mail.news.example", Alignment.ALIGNED),
        ("a.news.example", "b.news.example", Alignment.SIBLING),
        ("goodnews.example", "news.example", Alignment.FOREIGN),
        ("news.example", "news.example.org", Alignment.FOREIGN),
    ],
)
def test_a_signature_speaks_for_its_own_organisation(sender: str, signing: str, wanted: Alignment) -> None:
    assert alignment_of(sender, signing) is wanted


def test_both_signatures_of_a_message_are_verified_against_the_dns() -> None:
    with name_server({record.name: [quoted(*record.strings)] for record in RECORDS}) as where:
        found = verify_message(SIGNER.sign(build()), asking(where))
    assert [(each.domain, each.selector, each.algorithm, each.valid) for each in found] == [
        ("news.example", "digest", "rsa-sha256", True),
        ("news.example", "digest-ed", "ed25519-sha256", True),
    ]


def test_a_saved_message_with_unix_line_ends_is_verified(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "mbox")
    box.add(SIGNER.sign(build()).replace(b"\r\n", b"\n"))
    saved = box.get_bytes(0)
    box.close()
    assert all(each.valid for each in verify_message(saved, known_texts(*RECORDS)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b"<p>Hi</p>", b"<p>Ho</p>"), "the body was changed"),
        ((b"Subject: Hello", b"Subject: Hallo"), "a signed header was changed"),
        ((b"bh=", b"hb="), "missing"),
        ((b"v=1;", b"v=2;"), "v= value is not 1"),
        ((b"s=digest;", b"s=other;"), "there is no key at other._domainkey.news.example"),
        ((b"d=news.example;", "d=ü.example;".encode()), "malformed"),
        ((b"h=from:", b"h=:"), ""),
    ],
)
def test_a_message_that_was_changed_says_what_is_wrong(change: tuple[bytes, bytes], says: str) -> None:
    message = SIGNER.sign(build(subject="Hello")).replace(*change, 1)
    first = verify_message(message, known_texts(*RECORDS))[0]
    assert not first.valid
    assert says in first.meaning


@pytest.mark.parametrize(
    ("record", "valid", "says"),
    [
        (b"v=DKIM1; k=rsa; p=", False, "revoked"),
        (b"hello", False, "no DKIM key"),
        (RSA.value.encode() + b"; t=y", True, "testing mode"),
    ],
)
def test_the_reason_may_lie_with_the_key(record: bytes, valid: bool, says: str) -> None:
    found = verify_message(SIGNER.sign(build()), lambda name: (record,) if name == RSA.name else ())
    assert (found[0].valid, says in found[0].meaning) == (valid, True), found[0].meaning


@pytest.mark.parametrize("message", [b"", b"\x00\xff", b"no header at all", b"From: a@b.example\r\n\r\nunsigned\r\n"])
def test_what_has_no_signature_has_no_verdict(message: bytes) -> None:
    assert verify_message(message, known_texts()) == ()
