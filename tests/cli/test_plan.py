"""`digest plan`: what comes, in local time and UTC, and where the clocks change."""

import json
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests import cast

from digest.actions.newsletters import edit_newsletter
from digest.cli.main import main
from digest.clock import system_clock
from digest.store.database import Database


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A newsletter that goes out at half past two, when clocks change in Berlin."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    now = system_clock()
    with database.write() as session:
        newsletter = cast.add_newsletter(session, "night", zone="Europe/Berlin")
        cast.add_cadence(session, newsletter, "daily", rule="daily at 02:30", zone="Europe/Berlin", started_at=now)
    return database


@pytest.fixture
def plan(home: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["digest", "plan", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        done = capsys.readouterr()
        return code, done.out, done.err

    yield run
    home.close()


def test_a_year_of_slots_marks_both_changes_of_clocks(plan) -> None:
    code, out, _ = plan("--days", "366", "--json")
    rows = json.loads(out)
    assert (code, {row["newsletter"] for row in rows}, {row["zone"] for row in rows}) == (
        0,
        {"night"},
        {"Europe/Berlin"},
    )
    assert 365 <= len(rows) <= 367
    remarks = {row["remark"] for row in rows if row["remark"]}
    assert "clocks went forward 60 min since the slot before; 02:30 does not exist that day" in remarks
    assert "02:30 happens twice that day, this is the first" in remarks
    assert {row["clock_change_minutes"] for row in rows} == {0, 60, -60}
    for row in rows:
        sign, hours, minutes = row["offset"][0], int(row["offset"][1:3]), int(row["offset"][4:])
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
        local = datetime.fromisoformat(row["utc"]).replace(tzinfo=None) + offset
        assert f"{local:%a %Y-%m-%d %H:%M}" == row["local"]


def test_the_plan_is_a_table_of_the_days_asked_for(plan) -> None:
    code, out, err = plan("--days", "3", "--newsletter", "night")
    head, *rows = out.splitlines()
    assert (code, head, err) == (0, "newsletter\tcadence\tlocal\toffset\tutc\tremark", "")
    assert 2 <= len(rows) <= 4
    assert all(row.startswith("night\tdaily\t") for row in rows)


def test_what_is_held_because_the_clock_jumped_is_told_with_the_next_step(plan, home: Database) -> None:
    with home.write() as session:
        then = system_clock() - timedelta(days=90)
        old = cast.add_cadence(session, 1, "old", started_at=then, last_slot_at=then)
        cast.add_subscription(session, 1, cast.add_subscriber(session, "late@x.example"), cadence_id=old)
    assert json.loads(plan("--json", "--as", "late@x.example")[1])[0]["remark"].endswith(": held")
    code, _, err = plan()
    assert code == 0
    assert err.startswith("night (old) is held: ")
    assert "next: if the clock is right: digest run --clock-is-right" in err


def test_an_unknown_newsletter_is_refused(plan) -> None:
    assert plan("--newsletter", "nihgt")[::2] == (
        1, "error: there is no newsletter 'nihgt'\nnext: did you mean night?\n"
    )  # fmt: skip


def test_waves_are_planned_for_all_and_for_one_reader(plan, home: Database) -> None:
    with home.write() as session:
        for name, zone, hour in (
            ("tokyo", "Asia/Tokyo", None),
            ("evening", "Pacific/Honolulu", 20),
            ("plain", None, None),
        ):
            who = cast.add_subscriber(session, f"{name}@x.example", zone=zone)
            cast.add_subscription(session, 1, who, hour=hour)
        resting = cast.add_subscriber(session, "resting@x.example", zone="Etc/GMT+12")
        cast.add_subscription(session, 1, resting, hour=23, paused_until=system_clock() + timedelta(days=99))
    assert not any(row["first"] for row in json.loads(plan("--json")[1]))
    edit_newsletter(home, "night", reader_zones=True, quiet_hours="01:00-04:00", now=system_clock())
    row, *_ = json.loads(plan("--json", "--newsletter", "night")[1])
    day = datetime.fromisoformat(row["slot"]).date()
    assert (row["zone"], row["offset"]) == ("Pacific/Kiritimati", "+14:00")
    assert local(row["first"], "Asia/Tokyo") == f"{day} 04:00", "02:30 is in the quiet hours"
    assert local(row["own"], "Europe/Berlin") == f"{day} 04:00"
    assert local(row["last"], "Pacific/Honolulu") == f"{day} 20:00"
    head, first, *_ = (line.split("\t") for line in plan("--newsletter", "night")[1].splitlines())
    assert (head[6], first[6]) == ("own", f"{day:%a %Y-%m-%d} 04:00 Europe/Berlin")
    rows = json.loads(plan("--json", "--as", "evening@x.example")[1])
    # In the half of a day in which it is tomorrow in Kiritimati alone, tomorrow's issue is due at once and comes first.
    mine = next(one for one in rows if one["slot"] == row["slot"])
    assert (mine["theirs"], mine["first"]) == (row["last"], None)
    assert (rows[0]["topics"], rows[0]["language"]) == ("all", "en")
    assert rows[0]["gets"].startswith("nothing: no post")
    head, first, second, *_ = (line.split("\t") for line in plan("--as", "evening@x.example")[1].splitlines())
    assert head == ["newsletter", "cadence", "local", "offset", "utc", "theirs", "topics", "language", "gets", "remark"]
    assert second[5] == f"{local(rows[1]['theirs'], 'Pacific/Honolulu', '%a %Y-%m-%d')} 20:00 Pacific/Honolulu"
    assert (first[6:8], first[8], second[8]) == (["all", "en"], rows[0]["gets"], "-"), "of later ones nobody knows"
    assert plan("--as", "nobody@x.example")[0] == 1


def local(at: str, zone: str, form: str = "%Y-%m-%d %H:%M") -> str:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(zone)).strftime(form)
