"""The guard: which URLs and addresses are never fetched (docs/fetching.md F15).

A feed's URL, or a redirect behind it, is a stranger's choice; without a guard it could make this program read what only
this machine may read (server-side request forgery). So every hop's scheme and port are checked, its name is resolved
here, every address is held against the table below, and the connection goes to the very address that was checked: a
second look-up could answer differently (DNS rebinding).

`ipaddress.is_global` is not enough: NAT64, 6to4 and IPv4-compatible forms of a private address pass it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore

from digest.errors import FetchError, RefusedAddress, UsageError
from digest.sources.address import Address

Resolver = Callable[[str, int], Awaitable[Iterable[str]]]
"""A name and a port → the addresses behind them, as text."""

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: dict[str, str] = {
    # IANA special-purpose registries (RFC 6890 and successors), and what clouds hide behind a public-looking address.
    "0.0.0.0/8": "this host",
    "10.0.0.0/8": "private, RFC 1918",
    "100.64.0.0/10": "carrier-grade NAT, RFC 6598",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a cloud's own services",
    "169.254.0.0/16": "link-local, and clouds' metadata",
    "172.16.0.0/12": "private, RFC 1918",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private, RFC 1918",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
    "::/96": "unspecified, loopback, and IPv4-compatible",
    "::ffff:0:0:0/96": "IPv4-translated, RFC 2765",
    "64:ff9b:1::/48": "local NAT64, RFC 8215",
    "100::/64": "discarded",
    "2001::/23": "protocol assignments, Teredo among them",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4, which wraps any IPv4 address",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_TABLE: tuple[tuple[Network, str], ...] = tuple((ip_network(net), why) for net, why in REFUSED.items())
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")  # judged by the IPv4 address inside: an IPv6-only host reaches all of IPv4 so

MAX_ADDRESSES = 4


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver.

    Raises:
        OSError: there is no such name.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from settings.

    Raises:
        UsageError: one of them is no network.
    """
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise UsageError(
            f"fetch.allow_private: {error}", next_step='write networks like "10.1.0.0/16" or "127.0.0.0/8"'
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What may be fetched. `allow_private` lifts the table for those networks only; ports are checked all the same."""

    ports: frozenset[int] = frozenset({80, 443})
    allow_private: tuple[Network, ...] = ()
    resolver: Resolver = resolve

    def check_url(self, address: Address) -> None:
        """Scheme and port.

        Raises:
            RefusedAddress: not http(s), or a port that is not allowed.
        """
        if address.scheme not in {"http", "https"}:
            raise RefusedAddress(
                f"{address.shown} is not fetched: only http and https are", next_step="give the blog's web address"
            )
        if address.port not in self.ports:
            raise RefusedAddress(
                f"{address.shown} is not fetched: port {address.port} is not allowed",
                next_step="add the port to fetch.ports in digest.toml if you trust that server",
            )

    def refusal(self, text: str) -> str | None:
        """Why this address is never connected to, or None."""
        ip = _unwrapped(ip_address(text.partition("%")[0]))
        if any(ip in network for network in self.allow_private if network.version == ip.version):
            return None
        return next((why for network, why in _TABLE if network.version == ip.version and ip in network), None)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses behind a name that may be connected to.

        Raises:
            FetchError: there is no such host.
            RefusedAddress: it has addresses, but none that may be connected to.
        """
        try:
            found = list(await self.resolver(host, port))
        except (OSError, ValueError) as error:  # ValueError: no name can look like that
            raise FetchError(f"there is no host named {host}", next_step="check the spelling of the address") from error
        allowed = [text for text in found if self.refusal(text) is None]
        if not allowed:
            reasons = "; ".join(f"{text}: {self.refusal(text)}" for text in found) or "it has no address"
            raise RefusedAddress(
                f"{host} is not fetched: it leads to a private place ({reasons})",
                next_step="add the network to fetch.allow_private in digest.toml if you trust that server",
            )
        return allowed[:MAX_ADDRESSES]


class GuardedNetwork(httpcore.AnyIOBackend):
    """Connects to the address that was checked. TLS and the Host header still see the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the allowed addresses one after the other, each for its share of the time.

        Raises:
            httpcore.ConnectError: none of them answers.
            FetchError: there is no such host, or it is refused.
        """
        addresses = await self._guard.addresses(host, port)
        share = timeout / len(addresses) if timeout else None
        problem: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem


def _unwrapped(ip: IP) -> IP:
    if isinstance(ip, IPv6Address) and (ip in _MAPPED or ip in _NAT64):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
