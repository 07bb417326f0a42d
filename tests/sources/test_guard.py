"""F15: where we never connect to, whatever the name or the form of the address."""

import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import FetchError, RefusedAddress, UsageError
from digest.sources.address import Address
from digest.sources.guard import REFUSED, Guard, parse_networks

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.1.1", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_or_special_address_is_refused(address: str) -> None:
    assert Guard().refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert Guard().refusal(address) is None


def test_every_line_of_the_table_gives_a_reason() -> None:
    assert all(REFUSED.values())


def test_a_network_of_the_settings_lifts_the_refusal_for_itself_only() -> None:
    guard = Guard(allow_private=parse_networks(["10.1.0.0/16", "fd00::/8"]))
    assert guard.refusal("10.1.2.3") is None
    assert guard.refusal("::ffff:10.1.2.3") is None
    assert guard.refusal("fd00::5") is None
    assert guard.refusal("10.2.0.1")


def test_a_misspelt_network_is_named() -> None:
    with pytest.raises(UsageError, match="allow_private"):
        parse_networks(["10.1.0.0/33"])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a.test/x", "gopher://a.test/", "data:text/xml,x", "javascript:1"]
)
def test_only_http_and_https_are_fetched(url: str) -> None:
    with pytest.raises(RefusedAddress, match="only http and https"):
        Guard().check_url(Address.parse(url))


@pytest.mark.parametrize("url", ["http://a.test:22/", "https://a.test:6379/", "http://a.test:8080/feed"])
def test_a_port_that_is_not_allowed_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress, match="port"):
        Guard().check_url(Address.parse(url))


@pytest.mark.parametrize("url", ["http:///feed", "http://", "http://[::1", "http://a.test:99999/"])
def test_a_url_without_a_host_is_refused_in_words(url: str) -> None:
    with pytest.raises(RefusedAddress):
        Guard().check_url(Address.parse(url))


def test_a_name_with_a_private_address_is_refused_and_a_mixed_one_uses_its_public_address() -> None:
    async def resolver(host: str, _port: int) -> list[str]:
        return {"inside.test": ["10.0.0.5"], "mixed.test": ["127.0.0.1", "8.8.8.8"]}[host]

    guard = Guard(resolver=resolver)
    with pytest.raises(RefusedAddress, match=r"10\.0\.0\.5"):
        asyncio.run(guard.addresses("inside.test", 80))
    assert asyncio.run(guard.addresses("mixed.test", 80)) == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_an_odd_spelling_of_loopback_is_refused(host: str) -> None:
    with pytest.raises(FetchError):
        asyncio.run(Guard().addresses(host, 80))


def test_a_password_is_never_shown() -> None:
    address = Address.parse("https://anna:s3cret@a.test/feed?x=1")
    assert address.shown == "https://a.test/feed?x=1"
    assert address.credentials == "Basic YW5uYTpzM2NyZXQ="


def test_names_and_paths_outside_ascii_are_encoded() -> None:
    address = Address.parse("http://Bücher.test/über uns?q=ä")
    assert address.shown == "http://xn--bcher-kva.test/%C3%BCberuns?q=%C3%A4"


PIECES = st.sampled_from(
    ["http", "https", "://", "//", ":", "@", "[", "]", "/", "?", "#", "%", "%zz", "\\", ".", "..", "\0", "\n", " ", "é", "\udc80",
     "127.0.0.1", "::1", "a.test", "xn--", "a" * 70, "99999", "-1", "80", "user", "ß", "\u2100", "１２７.０.０.１"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
def test_any_location_is_an_address_or_refused_in_words(location: str) -> None:
    """Whatever a server writes into Location, following it ends in an address or in our own error."""
    try:
        address = Address.parse("http://blog.test/feed").follow(location)
        Guard().check_url(address)
        assert address.target.isascii()
        assert address.host.isascii()
        reached = asyncio.run(Guard(resolver=_nothing_public).addresses(address.host, address.port))
    except FetchError:
        return
    assert reached == []


async def _nothing_public(host: str, port: int) -> list[str]:
    """The system's resolver for what needs no network; nothing else exists."""
    host.encode("idna")
    numeric = socket.AI_NUMERICHOST
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)]
