"""Signed links: who may leave, without a login.

A token says what it is for and for whom, and carries an HMAC-SHA256 tag (RFC 2104) of 128 bits under a key derived for that
one purpose: an unsubscribe token opens no preferences page. Those in issues never expire, because old mails must still
let people leave, and are the same on every attempt, because the bytes of a message are. The newest key signs; every
older one still verifies.
"""

import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

_TAG_BYTES = 16
_BLOCK = 64  # octets of SHA-256's
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_LONGEST_BODY = 64

CONFIRM_WITHIN = timedelta(days=7)
"""How long a link that confirms something is good."""


class Purpose(StrEnum):
    """What a token lets its bearer do."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"  # a subscription
    CLICK = "click"  # not one reader's: the same in every mail of an issue
    FORM = "form"  # a sign-up form was shown, and when
    MOVE = "move"  # to another address, asked at the old one and at the new one


class ListLinks(NamedTuple):
    """How a reader leaves: an https page (None without a public address), and a mail to a person."""

    https: str | None
    mailto: str

    @property
    def best(self) -> str:
        """The one that the message's body shows."""
        return self.https or self.mailto


@dataclass(frozen=True, slots=True)
class Dated:
    """What a token with an end says."""

    numbers: tuple[int, ...]
    is_over: bool


def derive_key(key: bytes, purpose: str) -> bytes:
    """A key for one purpose: what signs one thing verifies nothing else."""
    return _derived(key, purpose)


def keyed_hash(derived: bytes, text: str, *, size: int) -> bytes:
    """A tag of `size` bytes under a derived key: BLAKE2b, half the time of an HMAC for what is in each message."""
    return hashlib.blake2b(text.encode(), digest_size=size, key=derived).digest()


class Seal:
    """HMAC-SHA256 under one key (RFC 2104), its two hashes begun once: a third of the time of `hmac.digest`.

    Every message has two such tags; with OpenSSL 3 most of a call's time went into finding the algorithm anew.
    """

    def __init__(self, key: bytes) -> None:
        """The key has at most 64 octets, as those that are derived do."""
        whole = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in whole))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in whole))

    def __call__(self, text: str) -> str:
        """The first 128 bits, in characters that a URL may hold."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return b2a_base64(outer.digest()[:_TAG_BYTES], newline=False).translate(_URL_SAFE, b"=").decode()


def sign(key: bytes, purpose: Purpose, *numbers: int) -> str:
    """A short url-safe token that holds the numbers (ids, never negative): `3f-1.Qm9v…`."""
    body = "-".join([f"{number:x}" for number in numbers])
    return f"{body}.{_seal(key, purpose)(body)}"


def verify(keys: bytes | Sequence[bytes], purpose: Purpose, token: str) -> tuple[int, ...] | None:
    """The numbers of a token that one of these keys signed for this purpose; None for anything else.

    The same work for every wrong token and every key, so that time tells nothing.
    """
    body, _, tag = token.partition(".")
    body, tag = (part if part.isascii() else "" for part in (body[:_LONGEST_BODY], tag[:_LONGEST_BODY]))
    right = False
    for key in (keys,) if isinstance(keys, bytes) else keys:
        right |= hmac.compare_digest(_seal(key, purpose)(body), tag)
    if not right or f"{body}.{tag}" != token:
        return None
    return tuple(int(part, 16) for part in body.split("-"))


def sign_until(key: bytes, purpose: Purpose, *numbers: int, now: datetime, within: timedelta = CONFIRM_WITHIN) -> str:
    """A token that is good for so long; its end is its last number, in whole hours since 1970."""
    return sign(key, purpose, *numbers, int((now + within).timestamp()) // 3600 + 1)


def verify_until(keys: Sequence[bytes], purpose: Purpose, token: str, *, now: datetime) -> Dated | None:
    """The numbers of a token with an end, and whether that has passed; None for one that is not ours."""
    if not (numbers := verify(keys, purpose, token)):
        return None
    *told, hours = numbers
    return Dated(numbers=tuple(told), is_over=now > datetime.fromtimestamp(hours * 3600, UTC))


class ReaderLinks:
    """A newsletter's links for many readers: all that they share is worked out once."""

    def __init__(self, base_url: str | None, *, key: bytes, newsletter_id: int, reply_to: str) -> None:
        self._leave, self._choose = _seal(key, Purpose.UNSUBSCRIBE), _seal(key, Purpose.PREFERENCES)
        self._page = f"{base_url.rstrip('/')}/" if base_url else None
        self._mail = f"mailto:{quote(reply_to, safe='@.+-_')}?subject="  # RFC 6068
        self._newsletter = f"-{newsletter_id:x}"

    def unsubscribe(self, subscriber_id: int) -> ListLinks:
        """Both ways to leave this newsletter (RFC 2369; RFC 8058 for the https one)."""
        body = f"{subscriber_id:x}{self._newsletter}"
        token = f"{body}.{self._leave(body)}"  # needs no quoting
        page = f"{self._page}unsubscribe/{token}" if self._page else None
        return ListLinks(page, f"{self._mail}unsubscribe%20{token}")

    def preferences(self, subscriber_id: int) -> str:
        """Where a reader changes name, language or cadence; a `mailto:` without a public address."""
        body = f"{subscriber_id:x}"
        token = f"{body}.{self._choose(body)}"
        return f"{self._page}preferences/{token}" if self._page else f"{self._mail}preferences%20{token}"


def unsubscribe_links(
    base_url: str | None, *, key: bytes, newsletter_id: int, subscriber_id: int, reply_to: str
) -> ListLinks:
    """As `ReaderLinks.unsubscribe`, for one reader."""
    return ReaderLinks(base_url, key=key, newsletter_id=newsletter_id, reply_to=reply_to).unsubscribe(subscriber_id)


def preferences_url(base_url: str | None, *, key: bytes, subscriber_id: int, reply_to: str) -> str:
    """As `ReaderLinks.preferences`, for one reader."""
    return ReaderLinks(base_url, key=key, newsletter_id=0, reply_to=reply_to).preferences(subscriber_id)


def list_headers(links: ListLinks) -> tuple[tuple[str, str], ...]:
    """List-Unsubscribe, and List-Unsubscribe-Post only where there is an https page to post to (RFC 8058)."""
    if links.https is None or not links.https.startswith("https://"):
        return (("List-Unsubscribe", f"<{links.mailto}>"),)
    return (
        ("List-Unsubscribe", f"<{links.https}>,\r\n <{links.mailto}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


@lru_cache(maxsize=64)
def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, b"digest:" + purpose.encode(), hashlib.sha256)


@lru_cache(maxsize=64)
def _seal(key: bytes, purpose: Purpose) -> Seal:
    return Seal(_derived(key, purpose))
