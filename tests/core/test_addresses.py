"""What is an address, and when two are the same mailbox."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.addresses import address_hash, address_key, parse_address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@Example.ORG", "anna@example.org"),
        (" anna@example.org\n", "anna@example.org"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("DO\u0308RTE@example.org", "dörte@example.org"),
    ],
)
def test_one_mailbox_written_two_ways_has_one_key(one, other):
    assert address_key(one) == address_key(other)


def test_idna_2008_keeps_two_german_domains_apart() -> None:
    """The standard library's IDNA 2003 would make strasse.de of straße.de: another registrant's domain."""
    assert address_key("a@straße.de") == "a@xn--strae-oqa.de"
    assert address_key("a@straße.de") != address_key("a@strasse.de")


def test_an_address_keeps_the_case_of_its_local_part_and_gets_an_ascii_domain() -> None:
    assert parse_address(" Anna.Berg@BÜCHER.example ") == "Anna.Berg@xn--bcher-kva.example"
    assert parse_address("dörte@example.org") == "dörte@example.org"


@pytest.mark.parametrize("address", ["+anna@example.org", "'+anna@example.org", "a=b@example.org", "-x@example.org"])
def test_an_address_may_begin_like_a_formula(address):
    assert parse_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "anna", "anna@", "@example.org", "anna@localhost", "a@b@example.org", "a..b@example.org", ".a@example.org",
        "a.@example.org", "anna@example..org", "anna@-example.org", "anna@ex_ample.org", "anna@example.invalid",
        '"anna berg"@example.org', "anna@[192.0.2.1]", "anna berg@example.org", "anna@example.org, ben@example.org",
        "anna\x00@example.org", "anna\r\nBcc: x@example.org", "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org", "a" * 64 + "@" + ".".join(["b" * 60] * 4) + ".org", "Anna <anna@example.org>",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason(text):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse_address(text)


LOCAL = st.text(alphabet="abAB09._%+-'=é@ \"", min_size=0, max_size=70)
DOMAIN = st.one_of(
    st.from_regex(r"[a-zA-Z0-9-]{0,66}(\.[a-z0-9-]{1,10}){0,3}", fullmatch=True),
    st.text(alphabet="abüß.-_1", max_size=12),
)


@given(local=LOCAL, domain=DOMAIN)
@settings(deadline=None, max_examples=300)
def test_the_quick_way_agrees_with_the_library(local, domain):
    text = f"{local}@{domain}"
    try:
        valid = validate_email(text.strip(), check_deliverability=False, strict=True)
    except EmailNotValidError:
        with pytest.raises(ValueError, match=r"\w"):
            parse_address(text)
    else:
        ours = parse_address(text)
        assert ours.lower() == f"{valid.local_part}@{valid.ascii_domain}".lower()
        assert parse_address(ours) == ours
        assert address_key(ours) == address_key(text)


def test_a_hash_depends_on_the_key_and_not_on_the_writing() -> None:
    assert address_hash(b"k", "ANNA@example.org") == address_hash(b"k", "anna@example.org")
    assert address_hash(b"k", "anna@example.org") != address_hash(b"other", "anna@example.org")
