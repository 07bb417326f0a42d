"""Addresses: absolute, shown, compared (docs/sources.md P7, P8)."""

import pytest

from digest.sources.links import canonical_link, clean_link, resolve


@pytest.mark.parametrize(
    ("href", "bases", "expected"),
    [
        ("/a", ("https://e.org/b/c",), "https://e.org/a"),
        ("x.jpg", ("posts/", "https://e.org/blog/"), "https://e.org/blog/posts/x.jpg"),
        ("//e.org/a", ("https://e.com/",), "https://e.org/a"),
        ("https://e.org/a", ("https://e.com/",), "https://e.org/a"),
        ("", ("https://e.org/",), None),
        (None, ("https://e.org/",), None),
        ("tag:e.org,2017:1", ("https://e.org/",), None),
        ("javascript:alert(1)", ("https://e.org/",), None),
        ("/a", (), None),
        ("http://[::1", ("https://e.org/",), None),
    ],
)
def test_only_web_addresses_are_links(href: str | None, bases: tuple[str, ...], expected: str | None) -> None:
    assert resolve(href, *bases) == expected


def test_the_shown_link_loses_its_tracking_and_keeps_all_else_in_order() -> None:
    url = "https://e.org/p?z=1&utm_source=rss&a=2&fbclid=x#part"
    assert clean_link(url) == "https://e.org/p?z=1&a=2#part"
    assert clean_link("https://e.org/p?b=%20x&a") == "https://e.org/p?b=%20x&a"


def test_ref_is_tracking_only_where_it_names_the_source() -> None:
    assert clean_link("https://e.org/p?ref=blog.org", home="https://www.blog.org/") == "https://e.org/p"
    assert clean_link("https://e.org/p?ref=3", home="https://www.blog.org/") == "https://e.org/p?ref=3"


@pytest.mark.parametrize(
    "other",
    ["https://E.org/p?a=1&b=2", "https://e.org:443/p?b=2&a=1", "https://e.org/p?a=1&b=2&utm_medium=x#top"],
)
def test_addresses_of_the_same_page_compare_equal(other: str) -> None:
    assert canonical_link(other) == "https://e.org/p?a=1&b=2"


def test_a_fragment_that_is_the_address_is_kept() -> None:
    assert canonical_link("https://e.org/#!page") == "https://e.org/#!page"
    assert canonical_link("https://e.org/2017.html#a1", keep_fragment=True) == "https://e.org/2017.html#a1"
