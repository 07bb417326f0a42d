"""One row a rate, shared by every process: counted, with clocks of their own, not timed."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.command import start_digest

from digest.core.pace import Ramp, WarmUp
from digest.store.allowances import put_back, read_ramp, room, take, write_ramp
from digest.store.database import Database

RATE = 50.0


def grant(database: Database, seconds: float, wanted: int = 10, name: str = "*", rate: float = RATE) -> int:
    with database.write() as session:
        moment = cast.NOW + timedelta(seconds=seconds)
        return take(session, name, wanted, per_second=rate, now=moment).number


def test_over_a_minute_as_many_are_granted_as_the_rate_says(sqlite_database: Database) -> None:
    granted = sum(grant(sqlite_database, step / 4) for step in range(60 * 4) for _ in range(4))
    assert RATE * 60 <= granted <= RATE * 62 + 10


def test_no_more_than_a_seconds_worth_at_once_and_at_least_one(database: Database) -> None:
    assert grant(database, 0, wanted=500) == 50
    assert grant(database, 0, wanted=500, name="slow.example", rate=0.1) == 1
    assert grant(database, 5, wanted=500, name="slow.example", rate=0.1) == 0
    assert grant(database, 9.5, wanted=500, name="slow.example", rate=0.1) == 1


def test_who_is_refused_learns_when_to_ask_again(database: Database) -> None:
    while grant(database, 0):
        pass
    with database.write() as session:
        refused = take(session, "*", 10, per_second=RATE, now=cast.NOW)
        assert refused.number == 0
        assert refused.again_in is not None
        again = cast.NOW + timedelta(seconds=refused.again_in)
        assert take(session, "*", 10, per_second=RATE, now=again).number == 10


def test_what_is_not_used_can_be_put_back(database: Database) -> None:
    for _ in range(20):
        assert grant(database, 0) == 10
        with database.write() as session:
            put_back(session, "*", 10, per_second=RATE)


def test_names_are_limits_of_their_own(database: Database) -> None:
    while grant(database, 0, name="a.example"):
        pass
    assert grant(database, 0, name="b.example") == 10


@pytest.mark.parametrize("days", [365, -365])
def test_a_clock_that_jumps_by_a_year_stops_nobody_for_long(database: Database, days: int) -> None:
    grant(database, days * 86400.0)
    assert grant(database, 0) == 10


def test_three_processes_share_one_rate(database: Database) -> None:
    """Each walks through the same ten seconds at whatever speed it is given."""
    code = f"""
import sys
from datetime import datetime, timedelta
from pathlib import Path
from digest.store.allowances import take
from digest.store.database import Database
database, granted = Database(sys.argv[1], busy_timeout_ms=60_000), 0
for step in range(100):
    now = datetime.fromisoformat("{cast.NOW.isoformat()}") + timedelta(seconds=step / 10)
    with database.write() as session:
        granted += take(session, "*", 10, per_second={RATE}, now=now).number
print(granted)
"""
    url = database.url.render_as_string(hide_password=False)
    started = [start_digest(url, code=code, cwd=Path.cwd()) for _ in range(3)]
    granted = [int(process.communicate(timeout=120)[0]) for process in started]
    # A second ahead at the start, a share over at the end; and one of them, at least, asked at every moment.
    assert RATE * 9.9 <= sum(granted) <= RATE * 11 + 10, granted


def test_a_ramp_is_kept_from_day_to_day(database: Database) -> None:
    warm_up = WarmUp(first_day=50, growth=2.0)

    def send(now: datetime, wanted: int) -> int:
        with database.write() as session:
            ramp = read_ramp(session, now.date())
            number = min(wanted, room(ramp, warm_up))
            write_ramp(session, ramp, number, now=now)
            return number

    day = timedelta(days=1)
    assert [send(cast.NOW, 40), send(cast.NOW, 40), send(cast.NOW, 40)] == [40, 10, 0]
    assert [send(cast.NOW + day, 400), send(cast.NOW + 9 * day, 400)] == [100, 200]
    with database.write() as session:
        write_ramp(session, read_ramp(session, (cast.NOW + 9 * day).date()), -5, now=cast.NOW)
    assert send(cast.NOW + 9 * day, 400) == 5
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM warm_up")).scalar() == 1


def test_a_new_ramp_begins_today(database: Database) -> None:
    with database.write() as session:
        assert read_ramp(session, cast.NOW.date()) == Ramp(day=cast.NOW.date())
