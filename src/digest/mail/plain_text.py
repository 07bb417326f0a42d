"""Plain text to a mail server: on this machine only, unless forced (RFC 8314)."""

import ipaddress

from digest.errors import SettingsError


def check_privacy(host: str, security: str, *, allow_plain_anywhere: bool) -> None:
    """Whether mail to this server is private on its way.

    Raises:
        SettingsError: plain text to another machine.
    """
    if security == "plain" and not (allow_plain_anywhere or is_loopback(host)):
        raise SettingsError(
            f"smtp.security is plain, but {host} is another machine: messages and password could be read on the way",
            next_step='set smtp.security = "starttls" or "tls", or force it with smtp.allow_plain_anywhere = true',
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
