"""What people type for a cadence."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules import RULES

from digest.core.cadence import parse
from digest.core.phrases import FORMS
from digest.errors import UsageError

TODAY = date(2026, 11, 24)  # a Tuesday


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("daily", "daily at 08:00"),
        ("Every Day at 7", "daily at 07:00"),
        ("daily at 7, 18", "daily at 07:00,18:00"),
        ("daily 7:00 and 19:00", "daily at 07:00,19:00"),
        ("weekly", "weekly on mon at 08:00"),
        ("weekly at 9", "weekly on mon at 09:00"),
        ("every monday at 8", "weekly on mon at 08:00"),
        ("Mondays and Thursdays, 8am", "weekly on mon,thu at 08:00"),
        ("weekly on thu, mon at 7:30 pm", "weekly on mon,thu at 19:30"),
        ("every weekday at noon", "weekly on mon,tue,wed,thu,fri at 12:00"),
        ("weekends at midnight", "weekly on sat,sun at 00:00"),
        ("fri-mon at 12am", "weekly on mon,fri,sat,sun at 00:00"),
        ("every 1 week on tue", "weekly on tue at 08:00"),
        ("every two weeks on mon from 2026-01-05", "every 2 weeks on mon at 08:00 from 2026-01-05"),
        ("every other friday from 2026-01-09", "every 2 weeks on fri at 08:00 from 2026-01-09"),
        ("every 3 weeks from 2026-01-09", "every 3 weeks on fri at 08:00 from 2026-01-09"),
        ("fortnightly on mon", "every 2 weeks on mon at 08:00 from 2026-11-30"),
        ("every 2 weeks on tue", "every 2 weeks on tue at 08:00 from 2026-11-24"),
        ("monthly", "monthly on day 1 at 08:00"),
        ("monthly on the 15th", "monthly on day 15 at 08:00"),
        ("every month on day 15 and 1 at 10", "monthly on day 1,15 at 10:00"),
        ("last day of the month at 9", "monthly on the last day at 09:00"),
        ("first monday of the month", "monthly on the 1st mon at 08:00"),
        ("2nd tue of the month", "monthly on the 2nd tue at 08:00"),  # five words, as a cron line has five fields
        ("monthly on the second Tuesday at 9", "monthly on the 2nd tue at 09:00"),
        ("0 8 * * MON,Wednesday", "cron 0 8 * * mon,wed"),
        ("CRON */30 8-18/2 * jan-mar sat-mon", "cron */30 8-18/2 * jan-mar sat-mon"),
        ("cron 0 8 29 2 *", "cron 0 8 29 2 *"),
    ],
)
def test_a_phrase_means_its_rule(typed: str, rule: str) -> None:
    assert str(parse(typed, today=TODAY)) == rule


@pytest.mark.parametrize(
    ("typed", "message", "step"),
    [
        ("", "not understood", "weekly on mon at 08:00"),
        ("weekley on mon", "'weekley on mon' is not understood", "weekly on mon at 08:00"),
        ("montly on day 3", "not understood", "monthly on day 1 at 08:00"),
        ("biweekly", "not understood", "weekly"),
        ("every day at 25", "'25' in 'every day at 25' is no time of day", "00:00-23:59"),
        ("daily at 13pm", "'13pm'", "00:00-23:59"),
        ("daily from 2026-01-05", "not understood", "daily at 08:00"),
        ("weekly on mon and someday", "not understood", "weekly on mon at 08:00"),
        ("monthly on day 31", "1-28", "monthly on the last day at 08:00"),
        ("monthly on the 5th fri at 9", "not every month has a fifth", "monthly on the last fri at 09:00"),
        ("every 0 weeks", "1-52", "every 2 weeks"),
        ("every 2 weeks on mon", "which weeks", "from 2026-01-05"),
        ("every 2 weeks on mon from soon", "'soon' is no date", "2026-01-05"),
        ("cron 0 8 * * 1", "tools disagree whether 0 is Sunday or Monday", "mon, tue"),
        ("0 8 * * 1-5", "tools disagree whether 0 is Sunday or Monday", "mon, tue"),
        ("cron 0 8 1 * mon", "tools disagree whether either or both", "monthly on the 2nd tue"),
        ("cron 0 8 30 feb *", "never happens", "cron 0 8 * * mon-fri"),
        ("cron 0 8 * *", "has 4", "minute, hour"),
        ("cron 60 8 * * *", "'60' is no minute", "0-59"),
        ("cron 0 8-6 * * *", "'8-6' is no hour", "0-23"),
        ("cron */0 8 * * *", "'*/0' is no minute", "0-59"),
        (f"cron */{'9' * 5000} 8 * * *", "999' is no minute", "0-59"),
        (f"every {'9' * 5000} weeks", f"every {'9' * 20} weeks: n is 1-52", "every 2 weeks"),
        ("cron 0 8 * * funday", "'funday' is no weekday", "mon, tue"),
        ("cron 0 8 L * *", "'l' is no day of the month", "1-31"),
    ],
)
def test_what_means_no_rule_is_refused_with_the_nearest_form(typed: str, message: str, step: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(typed)
    assert message in refused.value.message
    assert refused.value.next_step
    assert step in refused.value.next_step


@pytest.mark.parametrize("form", FORMS)
def test_the_documented_forms_are_canonical(form: str) -> None:
    assert str(parse(form)) == form


@settings(deadline=None, max_examples=300)
@given(RULES)
def test_a_rule_read_back_is_the_same_cadence(rule: str) -> None:
    cadence = parse(rule)
    assert str(cadence) == rule
    assert parse(str(cadence)) == cadence
    assert parse(f"  {rule.upper()} ") == cadence


WORDS = ("every", "2", "weeks", "mon,tue", "at", "8", "from", "last", "day", "31", "cron", "*", "0", "weekly")


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_words_are_a_cadence_or_a_usage_error(words: str) -> None:
    try:
        cadence = parse(words)
    except UsageError as error:
        refused = error
    else:
        assert parse(str(cadence)) == cadence
        return
    assert refused.next_step
