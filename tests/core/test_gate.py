"""The gate refuses what must never leave."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.test_message import build, make_skeleton

from digest.core.gate import check_message, check_personal
from digest.core.merge import token
from digest.errors import MessageError

GOOD = build()


def test_a_whole_message_passes() -> None:
    assert check_message(GOOD) is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (GOOD.replace(b"Hi", b"H\ni"), "bare"),
        (GOOD.replace(b"Hi", b"H\ri"), "bare"),
        (GOOD.replace(b"Hi", b"H\r\n.\ri"), "bare"),
        (GOOD.replace(b"Hi", b"H\x00i"), "NUL"),
        (GOOD.replace(b"Hi", b"x" * 999), "998"),
        (GOOD.replace(b"Hi", "é".encode()), "seven-bit"),
        (GOOD.replace(b"MIME-Version: 1.0\r\n", b""), "0 mime-version"),
        (b"To: me@x.example\r\n" + GOOD, "2 to"),
        (b"List-Id: <a.b>\r\n" + GOOD, "2 list-id"),
        (b"no header\r\n" + GOOD, "no header"),
        (b"X-A: b\r\n \r\n" + GOOD, "empty line"),
        (b"X-A: \x07\r\n" + GOOD, "control"),
        (GOOD.split(b"\r\n\r\n")[0] + b"\r\n", "no body"),
        (GOOD[:-2], "end"),
    ],
)
def test_a_broken_message_is_refused_and_named(broken: bytes, why: str) -> None:
    with pytest.raises(MessageError, match=why):
        check_message(broken)


NAMES = (b"Date", b"Message-ID", b"To", b"Subject", b"List-Unsubscribe", b"List-Unsubscribe-Post")
OPEN = token("k3y", "name")
SKELETON = make_skeleton("Hello", f"Hi {OPEN}!\n", f"<p>{OPEN}</p>")

octets = st.sampled_from(
    [b"x", b"a b", b"\xc3\xa9", b" ", b"\t", b"\r\n", b"\r\n ", b"\r\n\t\t", b"\n", b"\r", b"\x00", b"\x07", b"\x0b", b"\x7f", b".",
     b"..", b"\r\n.\r\n", b"\r\n\r\n", b"=", b"=\r\n", b":", b"\r\nBcc: x", b"\r\nFrom: x", b"x" * 76, b"x" * 77, b"x" * 990, b" " * 990]
)  # fmt: skip
contents = st.lists(octets, max_size=4).map(b"".join)
fields = st.tuples(
    st.sampled_from([*NAMES, b"From", b"Bcc", b"X-A", b"to", b""]), st.sampled_from([b": ", b":\t", b":"]), contents
)
good_heads = st.lists(contents, min_size=6, max_size=6).map(
    lambda each: [(name, b": ", content) for name, content in zip(NAMES, each, strict=True)]
)
heads = st.one_of(good_heads, good_heads.map(lambda each: each[:5]), st.lists(fields, max_size=8))
values = st.one_of(contents, contents.map(lambda each: each + b"=\r\n"))


@settings(deadline=None, max_examples=1_000)
@given(heads, st.lists(values, min_size=2, max_size=2))
@example([(name, b": ", b"x") for name in NAMES], [b"x=\r\n", b""])
@example([(name, b": ", b"x\r\n" + b" " * 2000 + b"x") for name in NAMES], [b"", b""])
def test_what_passes_for_one_reader_passes_as_a_whole(head, values) -> None:
    personal = b"".join(name + colon + content + b"\r\n" for name, colon, content in head)
    try:
        check_personal(personal, values)
    except MessageError:
        return
    whole = b"".join(SKELETON.fill(personal, values))
    assert check_message(whole) is None
    assert not re.search(rb"^\.", whole, re.MULTILINE)
    assert [name for name, _, _ in head] == [*NAMES[: len(head)]]


@pytest.mark.parametrize(
    "change",
    [(b"To: t", b"Cc: t"), (b"To: t\r\n", b""), (b"To: t", b"To: t\r\nBcc: x"), (b"To: t", b"To: t\r\nTo: t"), (b"To: t", b"To: t\r\n"),
     (b"To: t", b"To: t\r\n \r\n"), (b"To: t", b"To: t\ru"), (b"To: t", b"To: t\x00"), (b"To: t", b"To: " + b"t" * 990)],
)  # fmt: skip
def test_a_field_that_is_not_as_it_should_be_is_refused(change: tuple[bytes, bytes]) -> None:
    personal = b"Date: d\r\nMessage-ID: m\r\nTo: t\r\nSubject: s\r\nList-Unsubscribe: u\r\n"
    assert check_personal(personal, []) is None
    with pytest.raises(MessageError, match="not one of its own"):
        check_personal(personal.replace(*change), [])


@pytest.mark.parametrize(
    "value", [b"x", b".=\r\n", b"x\n", b"x\r\n.\r\n", b"\xc3\xa9\r\n", b"x" * 77 + b"\r\n", b"\x00\r\n"]
)
def test_a_value_that_could_break_its_lines_is_refused(value: bytes) -> None:
    with pytest.raises(MessageError, match="breaks its lines"):
        check_personal(
            b"Date: d\r\nMessage-ID: m\r\nTo: t\r\nSubject: s\r\nList-Unsubscribe: u\r\n", [b"fine\r\n", value]
        )
