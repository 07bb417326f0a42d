"""Signed links."""

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.links import Purpose, list_headers, preferences_url, sign, unsubscribe_links, verify

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
