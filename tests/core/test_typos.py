"""Slips in common domains, and names that are merely near them."""

import pytest

from digest.core.typos import suggest_address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"), ("gmail.con", "gmail.com"), ("gmai.com", "gmail.com"), ("GMAILL.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"), ("yahooo.com", "yahoo.com"), ("outlok.com", "outlook.com"), ("gmail.co", "gmail.com"),
        ("iclould.com", "icloud.com"), ("protonmial.com", "protonmail.com"), ("t-onlin.de", "t-online.de"),
    ],
)  # fmt: skip
def test_a_slip_is_found(typed: str, meant: str) -> None:
    assert suggest_address(f"eve@{typed}") == f"eve@{meant}"


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "mail.com", "ymail.com", "gmx.de", "gmx.es", "example.org", "yahoo.it", "hotmail.nl", "outlook.es",
     "live.nl", "university.edu", "email.example", "me.com", "w.de", "mailbox.example", "orange.es"],
)  # fmt: skip
def test_a_right_one_is_left_alone(domain: str) -> None:
    assert suggest_address(f"eve@{domain}") is None
