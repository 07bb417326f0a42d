"""Web addresses that an admin writes: into mails and into a header, so nothing but plain ASCII (RFC 3986)."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


def check_web_address(text: str) -> SplitResult:
    """The parts of an http or https URL.

    Raises:
        ValueError: it is none, or has spaces, control characters or letters beyond ASCII, in words.
    """
    if not text.isascii():
        raise ValueError("write letters beyond ASCII percent-encoded, and a host by its xn-- name")
    if not text.isprintable() or " " in text:
        raise ValueError("it has a space or a control character in it")
    parts = urlsplit(text)
    _ = parts.port  # raises where it is no number
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it must be a web address such as https://news.example.org")
    return parts


def check_public_address(text: str) -> None:
    """Whether links in mails may begin with it: https (RFC 8058 asks for it), or http on this machine.

    Raises:
        ValueError: they may not, in words.
    """
    parts = check_web_address(text)
    if parts.username is not None:
        raise ValueError("it must not hold a user name: every reader would see it")
    if "?" in text or "#" in text:
        raise ValueError("it must end before any ? or #: paths are put after it")
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValueError("it must begin with https://, as one-click unsubscribing needs it (RFC 8058)")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
