"""Signed messages: what two verifiers that are not ours make of them."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_message import addresses, build, hostile, words
from tests.mail.dkim_verifiers import (
    DOMAIN,
    ED_KEY,
    ED_SELECTOR,
    RSA_KEY,
    RSA_SELECTOR,
    SIGNER,
    dkimpy_says,
    opendkim_says,
)

from digest.core.gate import check_message
from digest.core.people import Envelope
from digest.core.relaxed import relax_body
from digest.errors import MessageError
from digest.mail.dkim import Signer

HEAD = b"From: a@news.example\r\nTo: b@example.org\r\nSubject: s\r\nDate: Mon, 14 Aug 2017 15:05:00 +0000\r\n"
MIME = b"Message-ID: <1@news.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"

BODIES = [
    b"",
    b"\r\n",
    b"\r\n\r\n\r\n",
    b" \r\n",
    b"\t \r\n \r\n",
    b"x\r\n",
    b"x \t\r\n",
    b"x\r\n\r\n \r\n\t\r\n",
    b"\r\n\r\nx\r\n",
    b" x  y\t\tz \r\n\tq\r\n",
    b".\r\n..\r\nFrom x\r\n",
    b"a" * 998 + b"\r\n",
    (b"word  " * 160 + b"\r\n") * 40,
    b" " * 990 + b"x\r\n",
    b"x=20\r\n=\r\n\r\n",
    b"DKIM-Signature: v=1; b=; \r\n\r\n",
]

NAMES = [
    "Anna",
    "Jörg Müller",
    "李小龍",
    "Владимир",
    "אברהם",
    "محمد",
    "अमित",
    "👩‍👩‍👧",
    'O\'Neil, "Bob"',
    "=?utf-8?q?x?=",
]


def raw(body: bytes) -> bytes:
    return HEAD + MIME + b"\r\n" + body


def field(message: bytes, number: int = 0) -> bytes:
    return re.split(rb"\r\n(?![ \t])", message)[number]


@settings(deadline=None, max_examples=60)
@given(words, addresses, words, words)
def test_every_composed_message_is_verified_and_passes_the_gate(name, address, subject, text) -> None:
    message = SIGNER.sign(build(name, address, subject=subject, text=text, html=f"<p>{text}</p>"))
    check_message(message)
    assert dkimpy_says(message, 0)
    assert dkimpy_says(message, 1)


@pytest.mark.parametrize("body", BODIES)
def test_every_shape_of_a_body_is_verified(body: bytes) -> None:
    message = SIGNER.sign(raw(body))
    assert message.endswith(raw(body))
    assert [dkimpy_says(message, number) for number in (0, 1)] == [True, True]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"x", b".", b"=", b"yz"]), max_size=40).map(b"".join))
def test_white_space_of_any_kind_is_verified(body: bytes) -> None:
    assert dkimpy_says(SIGNER.sign(raw(body + b"\r\n")))


def test_a_second_verifier_agrees_on_every_shape_name_and_script(tmp_path: Path) -> None:
    messages = [raw(body) for body in BODIES]
    messages += [build(name, subject=f"{name}: {name * 9}", text=f"{name}  \n\n", html=name) for name in NAMES]
    messages += [build(address=address) for address in ("jörg@example.org", "用户@例子.example", "=ab@example.org")]
    signed = [SIGNER.sign(message) for message in messages]
    assert opendkim_says(signed, tmp_path) == [(2, 2)] * len(messages)


def test_a_second_verifier_sees_a_change(tmp_path: Path) -> None:
    message = SIGNER.sign(build(text="Hello"))
    assert opendkim_says([message.replace(b"Hello", b"Hallo")], tmp_path)[0][1] == 0


def test_the_bytes_are_the_same_on_every_attempt() -> None:
    message = build()
    again = Signer(domain=DOMAIN, selector=RSA_SELECTOR, key=RSA_KEY, second=(ED_SELECTOR, ED_KEY))
    assert SIGNER.sign(message) == again.sign(message) == SIGNER((message,)) + message
    assert not re.search(rb"[;\s][tx]=\d", field(SIGNER.sign(message))), "no time of its own"


def test_one_key_makes_one_field_and_two_make_the_rsa_one_first() -> None:
    alone = Signer(domain=DOMAIN, selector=RSA_SELECTOR, key=RSA_KEY).sign(build())
    both = SIGNER.sign(build())
    assert alone.count(b"DKIM-Signature:") == 1
    assert both.startswith(field(alone))
    assert b"a=rsa-sha256" in field(both)
    assert b"a=ed25519-sha256" in field(both, 1)


@pytest.mark.parametrize("name", ["Reply-To", "From", "Subject", "To", "Date", "Content-Type"])
def test_a_field_that_is_added_later_breaks_the_signature(name: str) -> None:
    message = SIGNER.sign(build())
    assert not dkimpy_says(name.encode() + b": x@evil.example\r\n" + message)


@pytest.mark.parametrize(
    "name",
    ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Unsubscribe",
     "List-Unsubscribe-Post", "List-Id", "Feedback-ID"],
)  # fmt: skip
def test_the_fields_that_matter_are_covered(name: str) -> None:
    message = SIGNER.sign(build())
    start = message.lower().index(b"\r\n" + name.lower().encode() + b": ") + len(name) + 4
    changed = message[:start] + b"x" + message[start:]
    assert dkimpy_says(message)
    assert not dkimpy_says(changed)


def test_what_relays_do_to_white_space_and_to_other_fields_breaks_nothing() -> None:
    message = SIGNER.sign(raw(b"one two\r\nthree\r\n"))
    relayed = b"Received: by relay.example\r\nX-Spam: no\r\n" + message
    relayed = relayed.replace(b"one two\r\n", b"one\t  two  \r\n").replace(b"Subject: s", b"subject:\r\n\ts ")
    assert dkimpy_says(relayed + b"\r\n\r\n")


def test_of_several_fields_of_one_name_all_are_covered() -> None:
    message = raw(b"x\r\n").replace(b"Subject: s", b"References: <1@x>\r\nReferences: <2@x>\r\nSubject: s")
    signed = SIGNER.sign(message)
    assert dkimpy_says(signed)
    assert not dkimpy_says(signed.replace(b"<1@x>", b"<3@x>"))
    assert not dkimpy_says(signed.replace(b"<2@x>", b"<3@x>"))


@pytest.mark.parametrize(
    "message", [b"From: a@b.example\r\nno end", raw(b"no end "), b"", b"To: x@y.example\r\n\r\nx\r\n"]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(MessageError):
        SIGNER.sign(message)


def test_the_hash_of_an_empty_body_is_that_of_nothing() -> None:
    """RFC 6376 3.4.4 gives it."""
    assert sha256(relax_body(b"")).hexdigest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert relax_body(b"\r\n \r\n") == relax_body(b"") == b""


def test_an_envelope_is_signed_or_left_alone() -> None:
    """Wherever its pieces begin and end."""
    message = build()
    end = message.index(b"\r\n\r\n")
    for cut in (0, 1, end - 1, end + 1, end + 2, end + 3, end + 4, end + 40, len(message) - 2):
        pieces = (message[:cut], message[cut : cut + 2], message[cut + 2 :])
        pieces = pieces if pieces[-1] else pieces[:-1]
        envelope = Envelope(sender="a@news.example", recipient="b@example.org", pieces=pieces)
        assert envelope.signed(None) is envelope
        assert envelope.signed(SIGNER).message == SIGNER.sign(message)


@given(st.lists(hostile).map("".join))
def test_no_value_of_a_reader_reaches_the_signature_field(name: str) -> None:
    lines = SIGNER.sign(build(name)).partition(b"\r\nFrom:")[0].split(b"\r\n")
    assert all(len(line) <= 80 for line in lines)
    assert b"".join(lines).isascii()
