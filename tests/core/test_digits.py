"""Digits from outside are read, however many there are."""

import pytest

from digest.core.digits import number_of, without_endless_references


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("99", 99),
        ("100", 99),
        ("٣", 3),
        ("٠٠٣", 3),
        ("9" * 5000, 99),
        ("0" * 5000 + "7", 7),
    ]
    + [(text, None) for text in ("", "-1", "+1", "²", "1.0", " 1", "x")],
)
def test_a_number_is_read_up_to_a_limit(text: str, number: int | None) -> None:
    assert number_of(text, most=99) == number


@pytest.mark.parametrize("text", ["a &#65; b", "&#x41;", "&#" + "0" * 900 + "65;", "&# &"])
def test_references_that_can_be_read_stay(text: str) -> None:
    assert without_endless_references(text) == text
    endless = "&#" + "1" * 5000 + ";"
    assert without_endless_references(text + endless) == text + "\ufffd" * len(endless)
