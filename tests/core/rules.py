"""Canonical rules for property tests."""

from hypothesis import strategies as st

from digest.core.rules import ORDINALS, WEEKDAYS


def _comma(words: list[str]) -> str:
    return ",".join(words)


_TIMES = st.lists(
    st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 1, 15, 30, 59))),
    min_size=1, max_size=3, unique=True,
).map(sorted).map(_comma)  # fmt: skip
_DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(
    lambda days: _comma(sorted(days, key=WEEKDAYS.index))
)
_NUMBERS = st.lists(st.integers(1, 28), min_size=1, max_size=3, unique=True).map(
    lambda days: _comma([str(day) for day in sorted(days)])
)
_MINUTES = st.sampled_from(("0", "30", "59", "*/15", "*/20", "5,35", "10-50/10"))
_HOURS = st.sampled_from(("*", "0", "1-3", "2", "*/6", "8", "23", "0,12"))

CALM_RULES = st.one_of(
    st.builds("daily at {}".format, _TIMES),
    st.builds("weekly on {} at {}".format, _DAYS, _TIMES),
    st.builds(
        "every {} weeks on {} at {} from {}".format,
        st.integers(2, 6), _DAYS, _TIMES, st.dates().filter(lambda day: 1990 < day.year < 2040),
    ),
    st.builds("monthly on day {} at {}".format, _NUMBERS, _TIMES),
    st.builds("monthly on the last day at {}".format, _TIMES),
    st.builds(
        "monthly on the {} {} at {}".format, st.sampled_from(list(ORDINALS.values())), st.sampled_from(WEEKDAYS), _TIMES
    ),
)  # fmt: skip
CRON_RULES = st.one_of(
    st.builds("cron {} {} * * {}".format, _MINUTES, _HOURS, st.sampled_from(("*", "mon-fri", "sun,wed", "sat-mon"))),
    st.builds("cron {} {} {} {} *".format, _MINUTES, _HOURS, st.sampled_from(("*", "1", "*/5", "28-31")), st.sampled_from(("*", "mar,oct", "1-6"))),
)  # fmt: skip
RULES = CALM_RULES | CRON_RULES
