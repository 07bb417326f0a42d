"""The gate refuses what must never leave."""

import pytest
from tests.core.test_message import build

from digest.core.gate import check_message
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
