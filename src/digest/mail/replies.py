"""Replies of RFC 5321 §4.2, read from a stream however it is cut."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

LONGEST = 32_768
"""A whole reply; bounds memory against a server that never ends its line."""

_WHOLE = re.compile(rb"(?:[2-5]\d\d(?: [^\r\n]{0,900})?\r\n){1,8}")
"""Replies of one line each, which nearly all are, in one piece."""
_USUAL = 200
"""Octets of replies that are read whole and remembered: a server says the same to each MAIL, RCPT and DATA."""
_LINE = re.compile(rb"(\d\d\d)([^\r\n]*)\r\n")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class BrokenReply(Exception):
    """What came is no reply. `before`: those that came whole in front of it."""

    def __init__(self, why: str, before: Sequence["Reply"] = ()) -> None:
        super().__init__(why)
        self.before = before


class Reply(NamedTuple):
    """A code and the words."""

    code: int
    text: str

    @property
    def kind(self) -> int:
        """The first digit: 2 done, 3 go on, 4 later, 5 no."""
        return self.code // 100

    @property
    def enhanced(self) -> str | None:
        """The enhanced code (RFC 2034)."""
        match = _ENHANCED.match(self.text)
        return match[1] if match else None


class ReplyReader:
    """Fed with bytes, gives whole replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []

    def feed(self, data: bytes) -> Sequence[Reply]:
        """The replies that these bytes complete.

        Raises:
            BrokenReply: they cannot be one.
        """
        if not (self._buffer or self._lines) and len(data) <= _USUAL and (whole := _read_whole(data)):
            return whole
        self._buffer += data
        if len(self._buffer) + sum(map(len, self._lines)) > LONGEST:
            raise BrokenReply("the server's reply never ends")
        found: list[Reply] = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            try:
                reply = self._take(line)
            except BrokenReply as error:
                error.before = found
                raise
            if reply:
                found.append(reply)
        return found

    def _take(self, line: bytes) -> Reply | None:
        if not re.match(rb"[2-5]\d\d(?:[ -]|$)", line):
            raise BrokenReply("the server's answer is no SMTP reply")
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        if line[3:4] == b"-":
            return None
        text, self._lines = " ".join(self._lines).strip(), []
        return Reply(int(line[:3]), text)


@lru_cache(maxsize=64)
def _read_whole(data: bytes) -> tuple[Reply, ...]:
    """Replies of one line each; empty where that is not all that there is."""
    if not _WHOLE.fullmatch(data):
        return ()
    return tuple(Reply(int(code), words.decode("utf-8", "replace").strip()) for code, words in _LINE.findall(data))
