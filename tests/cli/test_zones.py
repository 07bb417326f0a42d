"""A time zone is typed alike wherever one is taken, and times are told by the newsletter's clock."""

import json
from pathlib import Path

import pytest
from tests.cli.shell import Shell

from digest.config import Settings
from digest.errors import SettingsError


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A newsletter of one reader and one source, by a clock that is not UTC."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "soup.md").write_text("---\ntitle: Soup\ndate: 2026-01-05T23:30:00Z\n---\nWords.\n")
    (tmp_path / "people.csv").write_text("address,zone\nben@example.org,new york\ncarla@example.org,Mars/Olympus\n")
    shell = Shell(capsys, monkeypatch)
    berlin = ("--sender", "a@example.org", "--zone", "europe/berlin")
    code, _, told = shell("init", ".", "--newsletter", "week", *berlin, "--source", "posts")
    assert code == 0, told
    assert shell("subscriber", "add", "anna@example.org", "--zone", "asia/tokyo", "--consent", "fair")[0] == 0
    return shell


def test_a_zone_is_taken_however_it_is_typed(shell: Shell) -> None:
    edits = [("newsletter", "edit", "week", "--first-zone", "Pacific/kiritimati"),
             ("subscriber", "edit", "anna@example.org", "--zone", "Berlin"), ("source", "edit", "1", "--zone", "berlin"),
             ("subscriber", "import", "people.csv", "--consent", "fair")]  # fmt: skip
    for words in edits:
        code, _, told = shell(*words)
        assert code == 0, told
    people = json.loads(shell("subscriber", "export", "--json")[1])
    zones = {one["address"].partition("@")[0]: one["zone"] for one in people}
    assert zones == {"anna": "Europe/Berlin", "ben": "America/New_York", "carla": None}
    assert json.loads(shell("source", "list", "--json")[1])[0]["zone"] == "Europe/Berlin"
    Path("digest.toml").write_text('[pace]\nzone = "berlin"\n')
    assert Settings.load().pace.zone == "Europe/Berlin"


def test_a_zone_that_is_none_is_told_in_the_same_words_everywhere(shell: Shell) -> None:
    edits = [("newsletter", "edit", "week"), ("subscriber", "edit", "anna@example.org"), ("source", "edit", "1"),
             ("source", "check", "posts"), ("source", "add", "posts")]  # fmt: skip
    for words in edits:
        code, _, told = shell(*words, "--zone", "Europe/Berln")
        assert (code, told) == (2, "error: there is no time zone 'Europe/Berln'\nnext: did you mean Europe/Berlin?\n")
    Path("digest.toml").write_text('[pace]\nzone = "Europe/Berln"\n')
    with pytest.raises(SettingsError, match="there is no time zone 'Europe/Berln'"):
        Settings.load()


def test_times_are_told_by_the_newsletters_clock(shell: Shell) -> None:
    """23:30 UTC is half past midnight in Berlin. Programs get UTC."""
    told = "2026-01-06 00:30 Europe/Berlin"
    assert shell("post", "list")[1].splitlines()[1].split("\t")[1] == told
    assert f"counts from  {told}\n" in shell("post", "show", "1")[1]
    assert json.loads(shell("post", "list", "--json")[1])[0]["effective_at"] == "2026-01-05T23:30:00Z"
    assert " Europe/Berlin" in shell("source", "edit", "1", "--title", "Ours")[1]
    assert " Asia/Tokyo" in shell("subscriber", "list")[1], "of one reader, by theirs"
    assert shell("source", "check", "posts")[1].splitlines()[-1].startswith("2026-01-05 23:30 UTC\tSoup\t")
    by_tokyo = shell("source", "check", "posts", "--zone", "Tokyo")[1]
    assert by_tokyo.splitlines()[-1].startswith("2026-01-06 08:30 Asia/Tokyo\t")


def test_a_post_of_two_newsletters_is_told_by_the_clock_of_each(shell: Shell) -> None:
    shell("newsletter", "add", "day", "--sender", "b@example.org", "--zone", "tokyo")
    shell("source", "add", "posts", "--newsletter", "day")
    rows = [line.split("\t") for line in shell("post", "list")[1].splitlines()[1:]]
    assert {row[4]: row[1] for row in rows} == {
        "week": "2026-01-06 00:30 Europe/Berlin",
        "day": "2026-01-06 08:30 Asia/Tokyo",
    }
    assert "first seen   20" in (out := shell("post", "show", "1")[1])
    assert "counts from  2026-01-05 23:30 UTC\n" in out
