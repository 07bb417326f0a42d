"""`digest topic`, and what people choose by `digest subscriber edit`."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests import cast
from tests.command import run_digest

from digest.store.database import Database


@pytest.fixture
def digest(sqlite_template: Path, tmp_path: Path):
    """The command, over a database that holds the cast and a second, monthly cadence."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        company = cast.assemble(session)
        cast.add_cadence(session, company.newsletter, "monthly", rule="monthly on day 1 at 09:00")
    database.close()

    def digest(*arguments, code=0):
        done = run_digest(*arguments, cwd=tmp_path, env={"DIGEST_SECRET_KEY": cast.KEY.decode()})
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return digest


def tie(digest, who="anna@example.org"):
    return json.loads(digest("subscriber", "show", who, "--json").stdout)["subscriptions"]["weekly"]


def test_topics_are_added_chosen_and_removed(digest):
    assert "every reader gets all" in digest("topic", "list").stderr
    for words in (
        ("subscriber", "edit", "anna@example.org", "--topic", "sport"),
        ("topic", "map", "sport", "--label", "x"),
    ):
        told = digest(*words, code=1).stderr
        assert told == "error: the newsletter has no topics\nnext: digest topic add SLUG adds one\n"
    digest("topic", "add", "food", "--name", "Food & drink")
    digest("topic", "add", "long-reads")
    assert "a topic 'food' already" in digest("topic", "add", "food", code=1).stderr
    assert "is no slug" in digest("topic", "add", "Long Reads", code=2).stderr
    digest("subscriber", "edit", "anna@example.org", "--topic", "food")
    assert tie(digest)["topics"] == ["food"]
    assert "no topic sport" in digest("subscriber", "edit", "anna@example.org", "--topic", "sport", code=1).stderr
    assert digest("topic", "list").stdout.splitlines()[1:] == [
        "food\tFood & drink\t1\t0\tlabel food; label food & drink", "long-reads\tLong reads\t0\t0\tlabel long-reads; label long reads"
    ]  # fmt: skip
    digest("subscriber", "edit", "anna@example.org", "--topic", "food", "--topic", "long-reads")
    assert tie(digest)["topics"] == [], "all of them: also those that come later"
    digest("subscriber", "edit", "anna@example.org", "--topic", "food")
    assert "1 had chosen it" in digest("topic", "remove", "food", "--yes").stderr
    assert tie(digest)["topics"] == []
    assert "it has: long-reads" in digest("topic", "remove", "food", "--yes", code=1).stderr


def test_a_cadence_is_chosen_by_its_name(digest):
    digest("subscriber", "edit", "anna@example.org", "--cadence", "monthly")
    assert tie(digest)["cadence_id"] == 2
    assert (
        "it has: weekly, monthly" in digest("subscriber", "edit", "anna@example.org", "--cadence", "x", code=1).stderr
    )


def test_a_pause_has_an_end_and_can_be_ended(digest):
    assert "2099-01-01 is more than a year away" in (
        digest("subscriber", "edit", "anna@example.org", "--pause-until", "2099-01-01", code=2).stderr
    )
    assert (
        "not after today"
        in digest("subscriber", "edit", "anna@example.org", "--pause-until", "2017-01-01", code=2).stderr
    )
    assert "like 2027-01-03" in digest("subscriber", "edit", "anna@example.org", "--pause-until", "soon", code=2).stderr
    day = cast_day(200)
    assert "add --pause-until" in digest("subscriber", "edit", "anna@example.org", "--catch-up", code=2).stderr
    told = digest("subscriber", "edit", "anna@example.org", "--pause-until", day, "--catch-up").stderr
    assert re.search(f"nothing is sent before [A-Z][a-z]+ {day} 00:00 ", told), told
    assert tie(digest)["paused_until"].startswith(day)
    assert [gap["wanted"] for gap in tie(digest)["owed"]["gaps"]] == [True]
    assert "anna@example.org is changed" in digest("subscriber", "edit", "anna@example.org", "--resume").stderr
    assert tie(digest)["paused_until"] is None
    told = digest("subscriber", "edit", "anna@example.org", "--resume", code=4).stderr
    assert told == "anna@example.org is not paused in weekly: there was nothing to resume\n"


def cast_day(days: int) -> str:
    from datetime import timedelta

    from digest.clock import system_clock

    return f"{system_clock() + timedelta(days=days):%Y-%m-%d}"


def test_posts_are_of_topics_by_source_label_and_hand(digest, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        source = cast.add_source(session, 1, url="https://bread.example/feed", title="Bread & co")
        for number, labels in enumerate((["Recipes"], ["rye"], [])):
            card = {"title": f"Loaf {number}", "topics": labels}
            post = cast.add_post(session, source, f"loaf{number}", title=f"Loaf {number}", card=card)
            cast.add_claim(session, 1, post)
    database.close()

    def waiting() -> dict[str, int]:
        return {one["slug"]: one["waiting"] for one in json.loads(digest("topic", "list", "--json").stdout)}

    digest("topic", "add", "food")
    digest("topic", "add", "travel")
    told = digest("topic", "list").stderr
    assert "of 3 posts that wait are of no topic" in told
    digest("topic", "map", "food", "--label", "Recip*", "--label", "rye")
    assert waiting() == {"food": 2, "travel": 0}
    digest("topic", "map", "food", "--post", "Loaf 1", "--not")
    assert waiting()["food"] == 1, "by hand decides"
    digest("topic", "map", "travel", "--source", "Bread & co")
    digest("topic", "map", "food", "--source", "*bread.example*")
    assert waiting() == {"food": 2, "travel": 3}
    shown = json.loads(digest("topic", "map", "travel", "--source", str(source), "--forget", "--json").stdout)
    assert [rule["pattern"] for rule in shown["rules"]] == ["travel"]
    assert "has no rule for label soup" in digest("topic", "map", "food", "--label", "soup", "--forget", code=1).stderr
    assert "is no pattern" in digest("topic", "map", "food", "--label", "", code=2).stderr
