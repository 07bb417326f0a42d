"""A URL taken apart once: what is checked is what is requested."""

import base64
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urljoin, urlsplit

from digest.core.discretion import hide_password
from digest.errors import RefusedAddress

_PORTS = {"http": 80, "https": 443}
SAFE = "%/:?#[]@!$&'()*+,;=~"  # reserved characters keep their meaning; the rest is percent-encoded (RFC 3986)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Scheme, host, port and request target. A user's name and password travel apart and are never shown."""

    scheme: str
    host: str  # ASCII, lower case, without brackets
    port: int
    target: str  # path and query, percent-encoded
    credentials: str | None = None  # the value of an Authorization header
    userinfo: str = ""  # as written, for storing an address that moved within its origin

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take a URL apart.

        Raises:
            RefusedAddress: it has no host, or is no URL.
        """
        try:
            parts = urlsplit("".join(url.split()))
            scheme = parts.scheme.lower()
            host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii").decode()
            port = parts.port or _PORTS.get(scheme, 0)
            target = quote(parts.path or "/", safe=SAFE)
            target += f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
            userinfo = parts.netloc.rpartition("@")[0]
            credentials = _basic(userinfo)
        except ValueError as error:  # UnicodeError among them
            raise RefusedAddress(
                f"{hide_password(url)!r} is not a web address", next_step="check its spelling"
            ) from error
        if scheme in _PORTS and not host:
            raise RefusedAddress(f"{hide_password(url)!r} names no host", next_step="check its spelling")
        return cls(
            scheme=scheme, host=host.lower(), port=port, target=target, credentials=credentials, userinfo=userinfo
        )

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme, 0) else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL without a password, for messages."""
        return f"{self.scheme}://{self.authority}{self.target}" if self.host else f"{self.scheme}:{self.target}"

    def with_login(self, userinfo: str) -> str:
        """The URL with `user:password@`, for the database only."""
        return self.shown.replace("://", f"://{userinfo}@", 1) if userinfo else self.shown

    def follow(self, location: str) -> Self:
        """Where a redirect leads, resolved against this URL.

        Raises:
            RefusedAddress: that is no URL.
        """
        try:
            there = urljoin(self.shown, location)
        except ValueError as error:
            raise RefusedAddress(
                f"{self.shown} redirects to {hide_password(location)!r}, which is no address",
                next_step="tell the site's owner",
            ) from error
        return type(self).parse(there)


def _basic(user: str) -> str | None:
    """The Authorization header that user:password@ stands for (RFC 7617)."""
    return "Basic " + base64.b64encode(unquote(user).encode()).decode() if user else None
