"""One line of words in any script."""

import pytest

from digest.core.lines import is_line, printable


@pytest.mark.parametrize("text", ["The Weekly", "هفته\u200cنامه", "क्\u200dष", "👩\u200d🌾 News", "週刊"])
def test_words_of_any_script_are_a_line(text: str) -> None:
    assert is_line(text)
    assert printable(text) == text


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "a\tb", "\u202eback", "nul\x00", "\ud800"])
def test_what_cannot_be_seen_is_none(text: str) -> None:
    assert not is_line(text)
    assert printable(text).isprintable()
