"""The encoding of a list is decided where that is safe, and asked for where it is not."""

import codecs

import pytest

from digest.core.list_encoding import detect_encoding
from digest.errors import ListError

ROWS = "email,name\nanna@example.org,Zoë Müller\nben@example.org,René\n"


def detect(body: bytes) -> tuple[str, bool]:
    found = detect_encoding(body.splitlines(keepends=True))
    return found.name, found.guessed


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "utf-8"),
        (b"email\nanna@example.org\n", "utf-8"),
        (ROWS.encode(), "utf-8"),
        (ROWS.encode("utf-8-sig"), "utf-8-sig"),
        (ROWS.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + ROWS.encode("utf-16-be"), "utf-16"),
        (ROWS.encode("utf-16-le"), "utf-16-le"),
        (ROWS.encode("utf-16-be"), "utf-16-be"),
        (ROWS.encode("utf-32"), "utf-32"),
    ],
)
def test_what_is_proved_is_no_guess(body, name):
    assert detect(body) == (name, False)
    assert body.decode(name).lstrip("\ufeff") in {ROWS, "", "email\nanna@example.org\n"}


@pytest.mark.parametrize("name", ["Zoë Müller", "O’Brien", "Élodie", "Peña", "“Ann”", "Straße", "Jean–Émile"])
def test_excels_western_encoding_is_a_guess_where_every_letter_fits_its_word(name):
    assert detect(f"email,name\nanna@example.org,{name}\n".encode("cp1252")) == ("cp1252", True)


@pytest.mark.parametrize(
    "line",
    [
        "Ирина".encode("cp1251"),  # a word of high bytes only
        "Łukasz".encode("cp1250"),  # £ in a word
        "Ελένη".encode("cp1253"),
        "山田".encode("shift_jis"),
        "André".encode("mac-roman"),  # Ž after a lower-case letter
        b"\xff\xfe\xfa",
        b"caf\xc3(",
        b"a\x81b",
    ],
)
def test_what_could_be_anything_is_refused_with_its_line(line):
    with pytest.raises(ListError, match="line 2: broken encoding") as caught:
        detect(b"email,name\nanna@example.org," + line + b"\n")
    assert "--encoding" in caught.value.next_step


def test_a_broken_line_among_good_ones_is_no_other_encoding() -> None:
    with pytest.raises(ListError, match="line 3: broken encoding: not UTF-8, as other lines are"):
        detect("name\nZoë\n".encode() + "René\n".encode("cp1252"))
