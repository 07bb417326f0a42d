"""What a pace says of destinations, days and moments."""

from datetime import UTC, date, datetime

from digest.core.pace import MOST_A_DAY, DomainLimit, Pace, Ramp, WarmUp
from digest.core.windows import parse_window

MONDAY = date(2017, 8, 14)


def test_a_domain_of_its_own_falls_back_field_by_field() -> None:
    pace = Pace(
        each_domain=DomainLimit(per_second=2.0, connections=3), domains={"x.example": DomainLimit(connections=1)}
    )
    assert pace.limit_of("x.example") == DomainLimit(per_second=2.0, connections=1)
    assert pace.limit_of("y.example") == DomainLimit(per_second=2.0, connections=3)


def test_a_warm_up_grows_by_its_factor_and_never_overflows() -> None:
    assert [WarmUp(first_day=50, growth=1.5).most(step) for step in range(5)] == [50, 75, 112, 168, 253]
    assert WarmUp(first_day=50, growth=10.0).most(100_000) == MOST_A_DAY


def test_only_days_of_sending_count() -> None:
    ramp = Ramp(day=MONDAY, step=0, taken=50)
    assert ramp.on(MONDAY) == ramp
    assert ramp.on(date(2017, 8, 21)) == Ramp(day=date(2017, 8, 21), step=1, taken=0)


def test_a_clock_that_had_jumped_ahead_does_not_stop_the_mail_for_a_year() -> None:
    jumped = Ramp(day=date(2018, 8, 14), step=4, taken=800)
    assert jumped.on(MONDAY) == Ramp(day=MONDAY, step=4, taken=0)


def test_lateness_counts_from_the_opening_and_from_the_day_of_a_warm_up() -> None:
    now = datetime(2017, 8, 14, 12, tzinfo=UTC)
    pace = Pace(windows=(parse_window("08:00-20:00"),), warm_up=WarmUp(first_day=1, growth=2.0))
    assert pace.began_at("Europe/Berlin", now) == datetime(2017, 8, 14, 6, tzinfo=UTC)
    assert Pace(warm_up=pace.warm_up).began_at("Europe/Berlin", now) == datetime(2017, 8, 14, tzinfo=UTC)
    assert Pace().began_at("UTC", now) is None
