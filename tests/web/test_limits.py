"""Whose limit it is, and what who asked too often is told."""

import pytest
from starlette.requests import Request
from tests import cast
from tests.web.served import Served

from digest.web.desk import Desk
from digest.web.limits import HOUR, network_of, too_many, whose


def request_from(host: str | None, **headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client = (host, 1) if host else None
    return Request({"type": "http", "method": "POST", "path": "/", "headers": named, "client": client})


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_network_is_a_household(host: str | None, network: str) -> None:
    assert network_of(request_from(host)) == network


def test_the_name_of_a_limit_tells_nobody_whose_it_is() -> None:
    name = whose(cast.KEY, "join/network", "192.0.2.0/24")
    assert name.startswith("join/network:")
    assert len(name.partition(":")[2]) == 32
    assert name == whose(cast.KEY, "join/network", "192.0.2.0/24")
    assert name != whose(b"another key", "join/network", "192.0.2.0/24")
    assert name.partition(":")[2] != whose(cast.KEY, "join/address", "192.0.2.0/24").partition(":")[2]
    assert whose(cast.KEY, "join") == "join"


def test_who_asked_too_often_is_told_when_to_come_back(site: Served) -> None:
    answer = too_many(Desk(app=site.app), request_from("192.0.2.1", accept_language="de"), HOUR / 3)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1200")
    assert b'lang="de"' in answer.body
