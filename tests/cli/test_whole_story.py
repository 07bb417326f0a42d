"""One person's whole story in order; `digest explain` says the same of each issue."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

from tests import cast
from tests.command import run_digest

from digest.actions import choices, readers
from digest.core.states import DeliveryState, IssueState
from digest.store.database import Database

ENV = {"DIGEST_SECRET_KEY": cast.KEY.decode()}
WEEK = timedelta(days=7)


def live(database: Database) -> cast.Cast:
    """Six weeks of anna's: an issue, a pause over the second, the third, leaving before the fourth, back for the fifth."""
    with database.write() as session:
        people = cast.assemble(session)
        for number in range(1, 6):
            at = cast.NOW + number * WEEK
            issue = cast.add_issue(
                session, people, number, state=IssueState.DONE, due_at=at, sending_at=at, expected=1,
                slot_key=f"2017-0{8 + number // 3}-0{number}T00:00",
            )  # fmt: skip
            if number in {1, 3, 5}:
                told = (
                    {"code": 550, "enhanced": "5.7.1", "state": DeliveryState.REFUSED} if number == 3 else {"code": 250}
                )
                cast.add_delivery(
                    session, issue, people.anna, **{"state": DeliveryState.ACCEPTED, "settled_at": at, **told}
                )
    ids = {"subscriber_id": people.anna, "newsletter_id": people.newsletter}
    days = timedelta(days=1)
    choices.pause(database, **ids, until=cast.NOW + 3 * WEEK - days, now=cast.NOW + WEEK + days)
    choices.resume(database, **ids, now=cast.NOW + 2 * WEEK + days)
    readers.leave(database, **ids, now=cast.NOW + 3 * WEEK + days)
    readers.say_why(database, **ids, reason=readers.Reason.TOO_MANY, now=cast.NOW + 3 * WEEK + 2 * days)
    readers.take_back(database, **ids, secret=cast.KEY, now=cast.NOW + 4 * WEEK + days)
    readers.leave(database, **ids, now=cast.NOW + 5 * WEEK + days)
    return people


def test_show_tells_it_all_in_order_and_explain_agrees(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    live(database)
    database.close()
    shown = run_digest("subscriber", "show", "anna@example.org", cwd=tmp_path, env=ENV)
    assert shown.returncode == 0, shown.stderr
    lines = [line.split("\t") for line in shown.stdout.splitlines() if line.count("\t") == 2][1:]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert [line[2].partition(":")[0] for line in lines] == [
        "agreed by form (192.0.2.7)", "issue 1", "paused until Sun 2017-09-03 00", "ended the pause",
        "issue 3", "left", "said why they left", "subscribed", "issue 5", "left",
    ]  # fmt: skip
    assert [line[2] for line in lines if line[2].partition(":")[0] in {"left", "said why they left", "subscribed"}] == [
        "left: unsubscribed", "said why they left: too-many", "subscribed: active, by undo", "left: unsubscribed",
    ]  # fmt: skip
    answers = {line[2].partition(":")[0]: line[2].partition(": ")[2] for line in lines}
    done = run_digest("explain", "anna@example.org", "--json", cwd=tmp_path, env=ENV)
    explained = {f"issue {one['issue']}": one["answer"] for one in json.loads(done.stdout)["answers"]}
    for number in (1, 3, 5):
        assert explained[f"issue {number}"].startswith(answers[f"issue {number}"])
    assert explained["issue 2"].startswith("had paused until Tue 2017-08-29")
    assert explained["issue 4"].startswith("had left on Tue 2017-09-05")
    assert "came back on Tue 2017-09-12" in explained["issue 4"]


def test_of_an_erased_person_nothing_is_told(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    live(database)
    database.close()
    assert run_digest("subscriber", "erase", "anna@example.org", "--yes", cwd=tmp_path, env=ENV).returncode == 0
    shown = run_digest("subscriber", "show", "anna@example.org", cwd=tmp_path, env=ENV).stdout
    assert shown.startswith("suppressed  erased")
    assert len(shown.splitlines()) == 1
