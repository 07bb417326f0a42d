"""A cell that a spreadsheet would run is guarded, and read back exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.spreadsheet import guard_cell, unguard_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+anna@example.org", "-2", "@SUM(A1)", "\tx", "\rx", "\n=x", "＝1", "'=x", "''@"]
)
def test_what_begins_like_a_formula_is_made_text(text):
    assert guard_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "anna@example.org", "Anna", "'tis", "O'Neil", "1+1"])
def test_what_does_not_is_left_alone(text):
    assert guard_cell(text) == unguard_cell(text) == text


@given(st.one_of(st.text(alphabet="'=+-@\t\r\na ＝"), st.text()))
@settings(deadline=None)
def test_what_was_guarded_is_read_back_exactly(text):
    assert unguard_cell(guard_cell(text)) == text
    assert guard_cell(text)[:1] not in set("=+-@\t\r\n＝＋－＠")
