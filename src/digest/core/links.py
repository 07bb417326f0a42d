"""Signed links: who may leave, without a login.

A token says what it is for and for whom, and carries an HMAC-SHA256 tag (RFC 2104) of 128 bits under a key derived for that
one purpose: an unsubscribe token opens no preferences page. Those in issues never expire, because old mails must still
let people leave, and are the same on every attempt, because the bytes of a message are. The newest key signs; every
older one still verifies.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

_TAG_BYTES = 16
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLinks:
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


def sign(key: bytes, purpose: Purpose, *numbers: int) -> str:
    """A short url-safe token that holds the numbers (ids, never negative): `3f-1.Qm9v…`."""
    body = "-".join([f"{number:x}" for number in numbers])
    return f"{body}.{_tag(key, purpose, body)}"


def verify(keys: bytes | Sequence[bytes], purpose: Purpose, token: str) -> tuple[int, ...] | None:
    """The numbers of a token that one of these keys signed for this purpose; None for anything else.

    The same work for every wrong token and every key, so that time tells nothing.
    """
    body, _, tag = token.partition(".")
    body, tag = (part if part.isascii() else "" for part in (body[:_LONGEST_BODY], tag[:_LONGEST_BODY]))
    right = False
    for key in (keys,) if isinstance(keys, bytes) else keys:
        right |= hmac.compare_digest(_tag(key, purpose, body), tag)
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


def unsubscribe_links(
    base_url: str | None, *, key: bytes, newsletter_id: int, subscriber_id: int, reply_to: str
) -> ListLinks:
    """Both ways to leave one newsletter (RFC 2369; RFC 8058 for the https one)."""
    token = sign(key, Purpose.UNSUBSCRIBE, subscriber_id, newsletter_id)
    return ListLinks(https=_page(base_url, "unsubscribe", token), mailto=_mailto(reply_to, "unsubscribe", token))


def preferences_url(base_url: str | None, *, key: bytes, subscriber_id: int, reply_to: str) -> str:
    """Where a reader changes name, language or cadence; a `mailto:` without a public address."""
    token = sign(key, Purpose.PREFERENCES, subscriber_id)
    return _page(base_url, "preferences", token) or _mailto(reply_to, "preferences", token)


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


def _tag(key: bytes, purpose: Purpose, body: str) -> str:
    tag = hmac.digest(_derived(key, purpose), body.encode(), hashlib.sha256)[:_TAG_BYTES]
    return base64.urlsafe_b64encode(tag).rstrip(b"=").decode("ascii")


def _page(base_url: str | None, page: str, token: str) -> str | None:
    return f"{base_url.rstrip('/')}/{page}/{token}" if base_url else None


def _mailto(address: str, verb: str, token: str) -> str:
    """RFC 6068. A token needs no quoting."""
    return f"mailto:{_quoted(address)}?subject={verb}%20{token}"


@lru_cache(maxsize=64)
def _quoted(address: str) -> str:
    return quote(address, safe="@.+-_")
