"""Signed links: who may leave, without a login.

A token says what it is for and for whom, and carries an HMAC-SHA256 tag of 128 bits under a key derived for that one
purpose: an unsubscribe token opens no preferences page. It never expires, because old mails must still let people
leave, and it is the same on every attempt, because the bytes of a message are.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_BYTES = 16


class Purpose(StrEnum):
    """What a token lets its bearer do."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLinks:
    """How a reader leaves: an https page (None without a public address), and a mail to a person."""

    https: str | None
    mailto: str

    @property
    def best(self) -> str:
        """The one that the message's body shows."""
        return self.https or self.mailto


def derive_key(key: bytes, purpose: str) -> bytes:
    """A key for one purpose: what signs one thing verifies nothing else."""
    return _derived(key, purpose)


def sign(key: bytes, purpose: Purpose, *numbers: int) -> str:
    """A short url-safe token that holds the numbers (ids, never negative): `3f-1.Qm9v…`."""
    body = "-".join(_base36(number) for number in numbers)
    return f"{body}.{_tag(key, purpose, body)}"


def verify(key: bytes, purpose: Purpose, token: str) -> tuple[int, ...] | None:
    """The numbers of a token that we signed for this purpose; None for anything else. Constant-time."""
    body, dot, tag = token.partition(".")
    if not dot or not token.isascii() or not hmac.compare_digest(_tag(key, purpose, body), tag):
        return None
    return tuple(int(part, 36) for part in body.split("-"))


def unsubscribe_links(
    base_url: str | None, *, key: bytes, newsletter_id: int, subscriber_id: int, reply_to: str
) -> ListLinks:
    """Both ways to leave one newsletter (RFC 2369; RFC 8058 for the https one)."""
    token = sign(key, Purpose.UNSUBSCRIBE, subscriber_id, newsletter_id)
    return ListLinks(https=_page(base_url, "unsubscribe", token), mailto=_mailto(reply_to, f"unsubscribe {token}"))


def preferences_url(base_url: str | None, *, key: bytes, subscriber_id: int, reply_to: str) -> str:
    """Where a reader changes name, language or cadence; a `mailto:` without a public address."""
    token = sign(key, Purpose.PREFERENCES, subscriber_id)
    return _page(base_url, "preferences", token) or _mailto(reply_to, f"preferences {token}")


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


def _base36(number: int) -> str:
    digits = ""
    while number >= len(_DIGITS):
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return _DIGITS[number] + digits


def _page(base_url: str | None, page: str, token: str) -> str | None:
    return f"{base_url.rstrip('/')}/{page}/{token}" if base_url else None


def _mailto(address: str, subject: str) -> str:
    return f"mailto:{quote(address, safe='@.+-_')}?subject={quote(subject, safe='')}"
