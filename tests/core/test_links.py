"""Signed links."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.links import (
    CONFIRM_WITHIN,
    Purpose,
    Seal,
    list_headers,
    preferences_url,
    sign,
    sign_until,
    unsubscribe_links,
    verify,
    verify_until,
)

KEY = b"a secret of the deployment"
numbers = st.lists(st.integers(0, 2**62), min_size=1, max_size=3)


@settings(deadline=None, max_examples=200)
@given(numbers)
def test_a_token_gives_its_numbers_back_and_to_one_purpose_and_key_only(ids: list[int]) -> None:
    token = sign(KEY, Purpose.UNSUBSCRIBE, *ids)
    assert verify(KEY, Purpose.UNSUBSCRIBE, token) == tuple(ids)
    assert verify(KEY, Purpose.PREFERENCES, token) is None
    assert verify(b"another", Purpose.UNSUBSCRIBE, token) is None
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@settings(deadline=None, max_examples=300)
@given(st.text(), st.integers(0, 30), st.characters())
def test_no_forged_or_damaged_token_passes(junk: str, at: int, letter: str) -> None:
    token = sign(KEY, Purpose.UNSUBSCRIBE, 77, 3)
    damaged = token[:at] + letter + token[at + 1 :]
    assert verify(KEY, Purpose.UNSUBSCRIBE, junk) is None
    assert damaged == token or verify(KEY, Purpose.UNSUBSCRIBE, damaged) is None


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=64), st.text(max_size=200))
def test_a_seal_is_what_the_library_says(key: bytes, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    whole = hmac.digest(key, text.encode(), "sha256")
    assert Seal(key)(text) == base64.urlsafe_b64encode(whole[:16]).rstrip(b"=").decode()


def test_a_token_is_short() -> None:
    assert len(sign(KEY, Purpose.UNSUBSCRIBE, 1_000_000, 12)) <= 32


def test_a_public_address_gives_a_page_and_one_click() -> None:
    links = unsubscribe_links("https://n.example/", key=KEY, newsletter_id=1, subscriber_id=2, reply_to="a@x.example")
    assert links.best == links.https
    assert links.https.startswith("https://n.example/unsubscribe/2-1.")
    (name, value), post = list_headers(links)
    assert (name, value) == ("List-Unsubscribe", f"<{links.https}>,\r\n <{links.mailto}>")
    assert post == ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def test_without_a_public_address_leaving_is_a_mail_and_nothing_claims_one_click() -> None:
    odd = unsubscribe_links(None, key=KEY, newsletter_id=1, subscriber_id=2, reply_to="edit?or@x.example")
    assert odd.best.startswith("mailto:edit%3For@x.example?subject=unsubscribe%202-1.")
    assert preferences_url(None, key=KEY, subscriber_id=2, reply_to="a@b.example").startswith("mailto:a@b.example?")
    links = unsubscribe_links(None, key=KEY, newsletter_id=1, subscriber_id=2, reply_to="a@b.example")
    assert [name for name, _ in list_headers(links)] == ["List-Unsubscribe"]


def test_one_click_is_never_promised_over_plain_http() -> None:
    links = unsubscribe_links("http://n.example", key=KEY, newsletter_id=1, subscriber_id=2, reply_to="a@b.example")
    assert list_headers(links) == (("List-Unsubscribe", f"<{links.mailto}>"),)


def test_after_a_rotation_old_links_still_verify_and_a_dropped_key_does_not() -> None:
    old, new = sign(b"old", Purpose.UNSUBSCRIBE, 2, 1), sign(b"new", Purpose.UNSUBSCRIBE, 2, 1)
    assert old != new
    assert [verify((b"new", b"old"), Purpose.UNSUBSCRIBE, one) for one in (old, new)] == [(2, 1), (2, 1)]
    assert verify((b"new",), Purpose.UNSUBSCRIBE, old) is None


def test_a_confirmation_is_good_for_seven_days_and_then_says_that_it_is_over() -> None:
    now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    token = sign_until(KEY, Purpose.CONFIRM, 5, now=now)
    for later, is_over in ((timedelta(0), False), (CONFIRM_WITHIN, False), (CONFIRM_WITHIN + timedelta(hours=2), True)):
        found = verify_until((KEY,), Purpose.CONFIRM, token, now=now + later)
        assert found
        assert (found.numbers, found.is_over) == ((5,), is_over)
    assert verify_until((KEY,), Purpose.MOVE, token, now=now) is None


def test_of_a_hundred_thousand_forged_tokens_none_passes() -> None:
    token = sign(KEY, Purpose.UNSUBSCRIBE, 2, 1)
    body, _, tag = token.partition(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = [f"{number:x}-1.{tag}" for number in range(3, 50_000)]
    forged += [
        f"{body}.{tag[:at]}{letter}{tag[at + 1 :]}"
        for at in range(len(tag) - 1)
        for letter in letters
        if letter != tag[at]
    ]
    forged += [f"{body}.{number:022x}" for number in range(100_000 - len(forged))]
    assert len(forged) == 100_000
    assert not [one for one in forged if verify((KEY, b"older"), Purpose.UNSUBSCRIBE, one)]
