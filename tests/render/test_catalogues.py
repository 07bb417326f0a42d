"""Words in every language: nothing untranslated, nothing left over, and each form of a plural says its number."""

import os
import re
from datetime import date
from pathlib import Path

import pytest
from tests.make_catalogues import catalogues, is_whole, messages

from digest.render import catalogues as rendered
from digest.render.catalogues import FOLDER, catalogue_of, compile_catalogue, languages
from digest.render.headline import make_title
from digest.render.words import words_for

CATALOGUES = {file.parent.parent.name: catalogue for file, catalogue in catalogues()}
_FIELD = re.compile(r"\{\w*\}")
# Forms that say the number in a word: one and two of Arabic.
_IN_WORDS = {"ar": {1, 2}}
LONGEST = {"Confirm subscription": 30, "Unsubscribe": 24, "Change preferences": 30, "View in browser": 30,
           "Read the latest issue": 30, "Subscribe again": 30}  # fmt: skip


def test_the_words_are_there_in_seven_languages() -> None:
    assert set(languages()) >= {"en", "ar", "de", "es", "fa", "fr", "ja"}


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    used = {message.id for message in messages() if message.id}
    catalogue = CATALOGUES[language]
    assert {message.id for message in catalogue if message.id} == used, "run: python -m tests.make_catalogues"
    assert [message.id for message in catalogue if message.id and not is_whole(message)] == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_translation_has_the_fields_of_its_message(language: str) -> None:
    catalogue = CATALOGUES[language]
    for message in catalogue:
        if not message.id:
            continue
        wanted = set(_FIELD.findall(message.id if isinstance(message.id, str) else message.id[1]))
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert len(forms) == (catalogue.num_plurals if isinstance(message.id, tuple) else 1)
        for number, form in enumerate(forms):
            found = set(_FIELD.findall(form))
            by_word = isinstance(message.id, tuple) and number in _IN_WORDS.get(language, ())
            assert found == wanted or (by_word and found == wanted - {"{n}"}), (message.id, form)


@pytest.mark.parametrize(
    ("language", "familiar"),
    [
        ("de", r"\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]ein\w*)\b"),
        ("es", r"\b(?:[Tt]ú|[Tt]us?|[Tt]e|[Tt]i|[Qq]uédate|[Pp]uedes)\b"),
        ("fr", r"\b(?:[Tt]u|[Tt]oi|[Tt]on|[Tt]a|[Tt]es)\b"),
    ],
)
def test_a_reader_is_addressed_as_the_catalogue_says_at_its_top(language: str, familiar: str) -> None:
    """Sie, usted, vous: one register throughout."""
    said = [str(message.string) for message in CATALOGUES[language] if message.id]
    assert [words for words in said if re.search(familiar, words)] == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_labels_are_short_enough_for_a_button_on_a_phone(language: str) -> None:
    for label, longest in LONGEST.items():
        assert len(words_for(language)._(label)) <= longest


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "تدوينة واحدة"),
        (2, "تدوينتان"),
        (3, "3 تدوينات"),
        (11, "11 تدوينة"),
        (100, "100 تدوينة"),
        (103, "103 تدوينات"),
    ],
)
def test_arabic_has_six_forms(count: int, said: str) -> None:
    assert words_for("ar").n("{n} post", "{n} posts", count) == said


def test_numbers_and_dates_have_the_digits_of_the_language() -> None:
    first, last = date(2017, 8, 7), date(2017, 8, 13)
    assert words_for("fa").span(first, last) == "۷ تا ۱۳ اوت ۲۰۱۷"
    assert words_for("fa").number(1234) == "۱٬۲۳۴"
    assert words_for("de").span(first, last) == "7.–13. August 2017"
    assert words_for("ja").day(last) == "8月13日日曜日"
    assert words_for("fr").number(1234) == "1\u202f234"


@pytest.mark.parametrize(
    ("language", "day", "days", "months", "years"),
    [
        ("en", "Thursday, 10 August", "7–13 August 2017", "28 August – 3 September 2017",
         "28 December 2017 – 3 January 2018"),
        ("en-US", "Thursday, August 10", "August 7 – 13, 2017", "August 28 – September 3, 2017",
         "December 28, 2017 – January 3, 2018"),
        ("de", "Donnerstag, 10. August", "7.–13. August 2017", "28. August – 3. September 2017",
         "28. Dezember 2017 – 3. Januar 2018"),
        ("fr", "jeudi 10 août", "7–13 août 2017", "28 août – 3 septembre 2017", "28 décembre 2017 – 3 janvier 2018"),
        ("es", "jueves, 10 de agosto", "7–13 de agosto de 2017", "28 de agosto – 3 de septiembre de 2017",
         "28 de diciembre de 2017 – 3 de enero de 2018"),
        ("fa", "پنجشنبه ۱۰ اوت", "۷ تا ۱۳ اوت ۲۰۱۷", "۲۸ اوت تا ۳ سپتامبر ۲۰۱۷", "۲۸ دسامبر ۲۰۱۷ تا ۳ ژانویهٔ ۲۰۱۸"),
        ("ar", "الخميس، 10 أغسطس", "7–13 أغسطس 2017", "28 أغسطس – 3 سبتمبر 2017", "28 ديسمبر 2017 – 3 يناير 2018"),
        ("ja", "8月10日木曜日", "2017年8月7日～13日", "2017年8月28日～9月3日", "2017年12月28日～2018年1月3日"),
    ],
)  # fmt: skip
def test_days_and_spans_are_as_cldr_has_them(language: str, day: str, days: str, months: str, years: str) -> None:
    words, first = words_for(language), date(2017, 8, 7)
    said = (
        words.day(date(2017, 8, 10)), words.span(first, date(2017, 8, 13)),
        words.span(date(2017, 8, 28), date(2017, 9, 3)), words.span(date(2017, 12, 28), date(2018, 1, 3)),
    )  # fmt: skip
    plain = tuple(each.replace("\N{THIN SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") for each in said)
    assert plain == (day, days, months, years)


def test_a_region_takes_the_words_of_its_language_and_an_unknown_language_english_ones() -> None:
    assert catalogue_of("de-AT").gettext("Unsubscribe") == "Abbestellen"
    assert catalogue_of("tlh").gettext("Unsubscribe") == "Unsubscribe"


def test_a_title_is_made_in_the_language() -> None:
    titles = ["Kompost", "Bohnen"]
    assert make_title(titles, count=5, words=words_for("de"), otherwise="") == "Kompost, Bohnen und 3 weitere"
    assert make_title(titles, count=3, words=words_for("de"), otherwise="") == "Kompost, Bohnen und 1 weiterer"
    assert make_title(["豆"], count=4, words=words_for("ja"), otherwise="") == "豆 ほか3件"
    assert make_title(["豆?"], count=1, words=words_for("fa"), otherwise="") == "豆?"


def test_a_title_of_another_direction_keeps_its_last_sign_behind_it() -> None:
    titles = ["Yahoo!", "سلام"]
    assert make_title(titles, count=3, words=words_for("fa"), otherwise="") == "Yahoo!\u200e\u200f، سلام و ۱ نوشتهٔ دیگر"
    assert make_title(titles, count=3, words=words_for("en"), otherwise="") == "Yahoo!, سلام and 1 more"


def test_an_edited_catalogue_is_read_and_not_what_was_compiled_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source, compiled = folder / "digest.po", folder / "digest.mo"
    source.write_bytes((FOLDER / "de" / "LC_MESSAGES" / "digest.po").read_bytes())
    compiled.write_bytes(compile_catalogue(source))
    source.write_text(source.read_text("utf-8").replace("Abbestellen", "Weg damit"), encoding="utf-8")
    monkeypatch.setattr(rendered, "FOLDER", tmp_path)
    read = catalogue_of.__wrapped__
    os.utime(compiled, ns=(0, source.stat().st_mtime_ns - 1))
    assert read("de").gettext("Unsubscribe") == "Weg damit"
    os.utime(compiled, ns=(0, source.stat().st_mtime_ns))
    assert read("de").gettext("Unsubscribe") == "Abbestellen"
