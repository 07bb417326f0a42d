"""`digest newsletter` as people run it."""

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.terminal import type_to_digest
from tests.command import run_digest

ADD = ("newsletter", "add", "week", "--sender", "anna@example.org")


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder with a migrated, empty database."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    return tmp_path


def test_a_newsletter_lives_from_add_to_remove(home: Path) -> None:
    added = run_digest(*ADD, "--zone", "Europe/Berlin", "--cadence", "mondays at 8", "--group-by", "topic", cwd=home)
    assert (added.returncode, "no postal address" in added.stderr) == (0, True)
    listed = json.loads(run_digest("newsletter", "list", "--json", cwd=home).stdout)
    assert [(n["slug"], n["group_by"], n["cadences"][0]["rule"]) for n in listed] == [
        ("week", "topic", "weekly on mon at 08:00")
    ]
    edited = run_digest(
        "newsletter", "edit", "week", "--max-posts", "7", "--editor", "Anna", "--cadence", "flash=daily", "--json",
        "--test-subjects", "20", "--offer-language", "sv", "--offer-language", "de-AT", cwd=home,
    )  # fmt: skip
    assert "--test-subjects does nothing: clicks are not counted" in edited.stderr
    assert "digest has no words in sv: those round the posts will be English" in edited.stderr
    document = json.loads(edited.stdout)
    assert (document["max_posts"], document["editor"], document["zone"]) == (7, "Anna", "Europe/Berlin")
    assert [each["name"] for each in document["cadences"]] == ["weekly", "flash"]
    shown = run_digest("newsletter", "show", "week", cwd=home).stdout
    assert "max posts" in shown
    assert "flash\tdaily at 08:00\tEurope/Berlin" in shown
    assert " 08:00 Europe/Berlin\n" in shown, "the next, by the same clock"
    asked = run_digest("newsletter", "remove", "week", cwd=home)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert run_digest("newsletter", "remove", "week", "--yes", cwd=home).returncode == 0
    assert json.loads(run_digest("newsletter", "list", "--json", cwd=home).stdout) == []


@pytest.mark.parametrize(
    ("words", "code", "sentence", "step"),
    [
        (("newsletter", "add", "week"), 2, "the sender's address is missing", "--sender"),
        ((*ADD, "--zone", "Europe/Berln"), 2, "there is no time zone 'Europe/Berln'", "Europe/Berlin?"),
        ((*ADD, "--cadence", "cron 0 8 * * 1"), 2, "disagree whether 0 is Sunday or Monday", "name the day"),
        ((*ADD, "--theme-variable", "accent"), 2, "is not NAME=VALUE", ""),
        ((*ADD, "--theme-variable", "light.acent=#000000"), 1, "no theme variable light.acent", "light.accent?"),
        ((*ADD, "--theme-variable", "light.accent=#AAAAAA"), 1, "has a contrast of 2.3", "4.5"),
        ((*ADD, "--theme", "baroque"), 1, "there is no theme baroque", "editorial"),
        ((*ADD, "--weight", "colour=1"), 2, "there is no factor 'colour'", "image=0.5"),
        ((*ADD, "--test-subjects", "95"), 2, "test subjects is 95", "the most is 90"),
        (("newsletter", "show", "weak"), 1, "there is no newsletter 'weak'", "newsletter add"),
        (("newsletter", "edit", "week"), 4, "nothing to change", "--help"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_an_exit_code(
    home: Path, words: tuple[str, ...], code: int, sentence: str, step: str
) -> None:
    done = run_digest(*words, cwd=home)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert step in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_it_asks_for_what_is_missing_and_again_after_a_wrong_answer(home: Path) -> None:
    answers = ["", "anna at home", "anna@example.org", "Anna", "berlin", "Hauptstr. 1, Berlin", "hourly", "daily at 7"]
    code, shown = type_to_digest("newsletter", "add", "week", cwd=home, answers=answers)
    assert code == 0, shown
    assert "'anna at home' is no email address" in shown
    assert "the cadence 'hourly' is not understood" in shown
    (newsletter,) = json.loads(run_digest("newsletter", "list", "--json", cwd=home).stdout)
    assert (newsletter["name"], newsletter["zone"], newsletter["postal_address"]) == (
        "Week", "Europe/Berlin", "Hauptstr. 1, Berlin"
    )  # fmt: skip
    assert newsletter["cadences"][0]["rule"] == "daily at 07:00"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [("n", 1, "nothing was changed"), ("\x03", 130, "interrupted; nothing half-done was kept")],
)
def test_a_question_answered_by_no_or_broken_off_changes_nothing(home: Path, answer: str, code: int, said: str) -> None:
    assert run_digest(*ADD, cwd=home).returncode == 0
    ended, shown = type_to_digest("newsletter", "remove", "week", cwd=home, answers=[answer])
    assert (ended, shown.splitlines()[-1], "Aborted" in shown) == (code, said, False)
    assert run_digest("newsletter", "show", "week", cwd=home).returncode == 0
