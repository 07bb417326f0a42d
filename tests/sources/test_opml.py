"""Lists of feeds come in from any reader and go out as OPML 2.0 (docs/sources.md, OPML)."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import NotAFeed
from digest.sources.opml import Outline, read_opml, write_opml

WORD = (
    st.text(string.ascii_letters + "äß&<>\"' ", min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
    .map(lambda text: " ".join(text.split()))
)
OUTLINES = st.lists(
    st.builds(
        Outline,
        url=st.integers(0, 999).map("https://e.org/{}?a=1&b=2".format),
        title=WORD,
        home=st.none() | st.just("https://e.org/"),
        tags=st.lists(WORD, max_size=3).map(tuple),
    ),
    unique_by=lambda outline: outline.url,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(OUTLINES)
def test_what_is_written_is_read_back(outlines: list[Outline]) -> None:
    from datetime import UTC, datetime

    body = write_opml(outlines, title="Mine", now=datetime(2017, 8, 14, tzinfo=UTC))
    assert sorted(read_opml(body), key=lambda one: one.url) == sorted(outlines, key=lambda one: one.url)
    assert b"Mon, 14 Aug 2017 00:00:00 +0000" in body


def test_attributes_are_known_in_any_case_and_folders_become_tags() -> None:
    body = b"""<opml version='1.0'><body><outline text='Garden'><outline TEXT='A' XMLURL=' https://e.org/a '/>
      <outline title='Beans' text='x'><outline xmlUrl='https://e.org/b' htmlUrl='https://e.org/'/></outline></outline>
      <outline text='again' xmlUrl='https://e.org/a'/></body></opml>"""
    assert read_opml(body) == (
        Outline(url="https://e.org/a", title="A", tags=("Garden",)),
        Outline(url="https://e.org/b", title="https://e.org/b", home="https://e.org/", tags=("Garden", "Beans")),
    )


def test_broken_lists_are_read_as_far_as_they_go() -> None:
    body = b"\xef\xbb\xbf<opml><body><outline text='A & B' xmlUrl='https://e.org/a'/><outline text='C' xmlUrl='https://e.org/c'"
    assert read_opml(body)[0].url == "https://e.org/a"


@pytest.mark.parametrize("body", [b"", b"hello", b"<html/>", b"<rss/>"])
def test_what_is_no_opml_is_called_so(body: bytes) -> None:
    with pytest.raises(NotAFeed, match="no OPML"):
        read_opml(body)


def test_entities_are_never_resolved() -> None:
    body = b'<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><body><outline text="&x;" xmlUrl="https://e.org/"/></body></opml>'
    assert "root:" not in str(read_opml(body))
